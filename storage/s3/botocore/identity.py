"""Whose credentials a connection has, as AWS's token service says, and until when they hold.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: nobody needs a permission for it.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from s3plan.schemas.connections.trials import Identity
from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.identity import AccountFound
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.botocore.failures import failure_from
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.sessions import (
    ConnectionSettings,
    configured_endpoint,
    effective_endpoint,
    effective_region,
)
from s3plan.storage.s3.connections.tls import named_bundle
from s3plan.storage.s3.store_quirks import store_at
from s3plan.storage.s3.wire.user_agent import user_agent

OPERATION = "GetCallerIdentity"
_CONNECT_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 3.0  # between two pieces of an answer
_WAITS_S = 6.0
_IS_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII).fullmatch


def has_account(settings: ConnectionSettings, session: Any) -> bool:
    """Return whether the token service is to be asked: of AWS, or where a service is configured for just that.

    Other stores have no accounts that it knows, and are not told of it. Sends nothing.
    """
    if settings.anonymous:
        return False
    service = _service(session)
    if service is None:
        return store_at(effective_endpoint(settings, session), named=settings.store) is StoreName.AWS
    try:
        endpoint = parse_endpoint(service)
    except EndpointInvalid:
        return False
    return endpoint.scheme == "https" or endpoint.is_loopback  # a session token goes with the question


def find_account(settings: ConnectionSettings, session: Any) -> AccountFound | Failure:
    """Ask for the account; as find_identity."""
    found = find_identity(settings, session)
    return found if isinstance(found, Failure) else AccountFound(found.account)


def find_identity(settings: ConnectionSettings, session: Any, *, waits_s: float = _WAITS_S) -> Identity | Failure:
    """Ask once; who does not learn it goes on without. Raises what effective_endpoint does, and nothing else.

    The answer is waited for `waits_s` at most, however it drips; credentials that must be fetched first, for longer.
    """
    if not has_account(settings, session):
        return Failure(FailureKind.UNSUPPORTED, OPERATION, "NoAccount", "this store has no accounts of AWS")
    try:
        frozen_credentials(session.get_credentials())()
    except Exception as error:  # noqa: BLE001  whatever botocore, its plugins and the network raise
        return failure_from(error, operation=OPERATION)
    answers: SimpleQueue[Identity | Failure] = SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(settings, session)), name="s3plan-identity", daemon=True).start()
    try:
        return answers.get(timeout=waits_s)
    except Empty:
        said = f"the token service has not answered within {waits_s:g} s"
        return Failure(FailureKind.TRANSIENT, OPERATION, "ReadTimeout", said)


def _ask(settings: ConnectionSettings, session: Any) -> Identity | Failure:
    from botocore.config import Config

    try:
        bundle = None if settings.ca_bundle is None else named_bundle(settings, session)
        client = session.create_client(
            "sts",
            region_name=effective_region(settings, session),
            endpoint_url=_service(session),
            verify=None if bundle is None else str(bundle),
            config=Config(
                connect_timeout=_CONNECT_TIMEOUT_S,
                read_timeout=_READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": 1},
                user_agent_extra=user_agent(),
                # botocore would take the endpoint that is named for all services, which is another store's.
                ignore_configured_endpoint_urls=True,
            ),
        )
        try:
            said = client.get_caller_identity()
        finally:
            client.close()
    except Exception as error:  # noqa: BLE001  whatever botocore, its plugins and the network raise
        return failure_from(error, operation=OPERATION)
    found = Identity(str(said.get("Account", "")), str(said.get("Arn", "")), str(said.get("UserId", "")))
    if not _IS_ACCOUNT(found.account):
        return Failure(FailureKind.BAD_REPLY, OPERATION, "NoAccount", "the answer names no account of 12 digits")
    return found


def _service(session: Any) -> str | None:
    """Return the URL of the service that is configured for just that; None for AWS's own."""
    found = configured_endpoint(session, service="sts")
    return None if found is None else found[1]


def expiry_of(session: Any) -> datetime | None:
    """Return until when the credentials of a session hold, as far as they say so; newer ones may follow them."""
    from botocore.exceptions import BotoCoreError, ClientError

    credentials = session.get_credentials()
    if credentials is None:
        return None
    try:
        frozen_credentials(credentials)()
    except (BotoCoreError, ClientError):
        return None
    found = getattr(credentials, "expires_at", None)
    return found.astimezone(UTC) if isinstance(found, datetime) else None
