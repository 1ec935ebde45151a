"""Who a connection's credentials are, as the token service says that belongs to them, and until when they hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from s3plan.schemas.connections.trials import Identity
from s3plan.schemas.redaction import redact
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.sessions import ConnectionSettings, effective_region

_TIMEOUT_S = 10


class IdentityUnknown(Exception):
    """The token service was not asked, or gave no answer; the message says which, redacted.

    `is_refused`: there are no credentials to ask with, or the service does not take them.
    """

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


def caller_identity(settings: ConnectionSettings, session: Any, *, is_aws: bool) -> Identity:
    """Ask who signs; raise IdentityUnknown.

    AWS's own service is asked for connections that lead to AWS only: credentials of another store are nothing to tell
    AWS of. For those a service that the AWS configuration names (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL) is asked.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as BotoConnectionError

    credentials = session.get_credentials()
    if credentials is None:
        raise IdentityUnknown("requests are not signed")
    try:
        client = session.create_client(
            "sts",
            region_name=effective_region(settings, session),
            config=Config(
                connect_timeout=_TIMEOUT_S,
                read_timeout=_TIMEOUT_S,
                retries={"total_max_attempts": 2, "mode": "standard"},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise IdentityUnknown(redact(str(error))) from None
    try:
        if not is_aws and ".amazonaws." in client.meta.endpoint_url:
            raise IdentityUnknown("only AWS has a token service that says so")
        frozen_credentials(credentials)()  # from here on secrets to be kept
        found = client.get_caller_identity()
        return Identity(str(found["Account"]), str(found["Arn"]), str(found["UserId"]))
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise IdentityUnknown(redact(str(error)), is_refused=400 <= status < 500) from None
    except (BotoCoreError, KeyError, ValueError) as error:
        is_refused = not isinstance(error, HTTPClientError | BotoConnectionError | KeyError)
        raise IdentityUnknown(redact(str(error)), is_refused=is_refused) from None
    finally:
        client.close()


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
