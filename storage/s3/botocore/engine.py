"""The compatible engine: every request through botocore, one HTTP request each, on threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.identity import FindAccount
from s3plan.schemas.requests.objects import GetObject, Reply, Request
from s3plan.storage.request_threads import RequestThreads
from s3plan.storage.s3.body_streams import BodyStream
from s3plan.storage.s3.botocore.client import READ_TIMEOUT_S, open_client
from s3plan.storage.s3.botocore.failures import failure_from
from s3plan.storage.s3.botocore.identity import find_account
from s3plan.storage.s3.botocore.replies import read_into, reply_of
from s3plan.storage.s3.botocore.requests import call_of
from s3plan.storage.s3.connections.credentials_in_use import were_renewed_since
from s3plan.storage.s3.connections.renewal import RENEWED, CredentialRenewal
from s3plan.storage.s3.connections.sessions import ConnectionSettings, effective_endpoint, open_session
from s3plan.storage.s3.store_quirks import sends_other_bytes, store_at
from s3plan.storage.s3.wire.bucket_addresses import BucketAddresses
from s3plan.storage.s3.wire.failures import RequestUnsendable, broke_by
from s3plan.storage.s3.wire.store_clock import StoreClock

_logger = logging.getLogger(__name__)


def open_boto3_engine(
    settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S
) -> Engine:
    """Return an engine for one connection; CredentialsUnusable, EndpointInvalid or S3PlanError where it cannot be."""
    return Boto3Engine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)


class Boto3Engine:
    """Sends requests with botocore; see ports.Engine. About 750 us of CPU each, so one process does 1,100/s."""

    def __init__(self, settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S):
        """`max_in_flight` threads at most serve `submit`; `call` runs on the caller's."""
        self._settings = settings
        self._clients = _Clients(settings, max_connections=max_in_flight, read_timeout_s=read_timeout_s)
        self._threads = RequestThreads(max_in_flight, name="s3plan-request", on_end=self._clients.close)
        self._clock = StoreClock()

    @property
    def client(self) -> Any:
        """The botocore client in use now; for what can be asked of it without a request."""
        return self._clients.current

    @property
    def addresses(self) -> BucketAddresses:
        """Where its requests go."""
        return self._clients.addresses

    @property
    def reads_as_stored(self) -> bool:
        """Whether its store must be told that gzip is accepted, or bytes arrive that are not those it holds."""
        endpoint = effective_endpoint(self._settings, self.session)
        return sends_other_bytes(store_at(endpoint, named=self._settings.store))

    @property
    def session(self) -> Any:
        """The botocore session whose credentials it uses now."""
        return self._clients.session

    @property
    def clock_offset_ms(self) -> int:
        """The store's clock minus this machine's; up to a second too little, since `Date` has whole seconds."""
        return self._clock.offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        """Send on a thread; `on_reply` is called exactly once, there."""
        self._threads.submit(lambda: self._answer(request, on_reply))

    def call(self, request: Request) -> Reply:
        """Send here and wait for the reply."""
        try:
            return self._reply_to(request)
        except Exception as error:  # whoever waits for this reply must hear of a fault of ours, too
            _logger.exception("a request broke the engine")
            _forget_frames(error)
            return Failure(FailureKind.BAD_REPLY, type(request).__name__, "EngineBroke", broke_by(error))

    def close(self) -> None:
        """Let go of connections and threads, at once or when the last request under way is answered."""
        self._threads.close()

    def _reply_to(self, request: Request) -> Reply:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
        from urllib3.exceptions import HTTPError

        if isinstance(request, FindAccount):
            return find_account(self._settings, self._clients.session)
        client, began_s = self._clients.current, monotonic()
        try:
            call = call_of(request, requester_pays=self._settings.requester_pays)
        except RequestUnsendable as error:
            return Failure(FailureKind.INVALID, type(request).__name__, "RequestUnsendable", str(error))
        body = call.parameters.get("Body")
        expected = (ClientError, BotoCoreError, ResponseParserError, HTTPError, OSError, ValueError)
        try:
            answer = getattr(client, call.method)(**call.parameters)
        except Exception as error:
            if isinstance(body, BodyStream) and body.broken is not None:  # whatever its readers made of that
                kind, words = body.broken
                _forget_frames(error)
                return Failure(kind, call.operation, "BodyBroken", words)
            if not isinstance(error, expected):
                raise
            failure = failure_from(error, operation=call.operation)
            _forget_frames(error)
            if isinstance(error, ClientError):
                self._note_clock(error.response)
            is_expired = failure.kind is FailureKind.CREDENTIALS_EXPIRED
            return self._renew(client, began_s, failure) if is_expired else failure
        self._note_clock(answer)
        if isinstance(request, GetObject):
            return self._read(request, answer, call.operation)
        return reply_of(request, answer, operation=call.operation)

    def _read(self, request: GetObject, answer: Mapping[str, Any], operation: str) -> Reply:
        """Return the reply to a GET, whose body is still to come."""
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        try:
            if request.into is None:
                return reply_of(request, answer, operation=operation)
            return read_into(request, request.into, answer, operation=operation)
        except (BotoCoreError, HTTPError) as error:
            failure = failure_from(error, operation=operation)
            _forget_frames(error)
            is_of_bytes = failure.kind is FailureKind.VERIFICATION  # all came, and not those that the store has
            return failure if is_of_bytes else replace(failure, kind=FailureKind.TRANSIENT)
        except OSError as error:
            words = f"the body cannot be kept: {error.strerror or error}"
            return Failure(FailureKind.LOCAL_IO, operation, "BodyNotKept", words)

    def _answer(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        try:
            on_reply(self.call(request))
        except Exception:
            _logger.exception("a reply broke its receiver")

    def _note_clock(self, answer: Mapping[str, Any]) -> None:
        self._clock.note(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))

    def _renew(self, client: object, began_s: float, failure: Failure) -> Failure:
        """Answer a refusal of expired credentials: not executed, to be sent again, if there are newer ones."""
        if self._clients.renew(client, since_s=began_s):
            return replace(failure, kind=FailureKind.UNREACHABLE, code=RENEWED)
        return failure


def _forget_frames(error: BaseException) -> None:
    """Have an exception that was dealt with keep nothing of the request.

    botocore's frames keep their own exception, which keeps them: together the room that bytes pass through, until the
    collector comes. Where all wait for room it never does.
    """
    left: BaseException | None = error
    while left is not None and left.__traceback__ is not None:
        left.__traceback__ = None
        left = left.__cause__ or left.__context__


class _Clients:
    """The client in use. A newer one takes its place when its credentials have expired and others are to be found."""

    def __init__(self, settings: ConnectionSettings, *, max_connections: int, read_timeout_s: float) -> None:
        self._settings = settings
        self._max_connections = max_connections
        self._read_timeout_s = read_timeout_s
        self._lock = threading.Lock()
        self._renewal = CredentialRenewal(settings)
        self.session = open_session(settings)
        self.current = self._open(self.session)
        self.addresses = BucketAddresses(self.current)
        self._check_addresses()

    def _check_addresses(self) -> None:
        """Raise EndpointInvalid where settings that cannot go together leave no bucket an address."""
        try:
            self.addresses.ordinary  # noqa: B018  it is the question that matters
        except RequestUnsendable as error:
            self.close()
            raise EndpointInvalid(
                f"{self._settings}: no bucket can be reached this way: {error}; check its endpoint and "
                "addressing_style, and what the AWS configuration says of FIPS, dual-stack and accelerated endpoints"
            ) from error

    def renew(self, used: object, *, since_s: float) -> bool:
        """Say whether newer credentials than those of the client `used` at that time are at hand now.

        They are looked for at most every 10 s.
        """
        with self._lock:
            if used is not self.current or were_renewed_since(self.session.get_credentials(), since_s):
                return True
            return self._renewal.renew(self.session, adopt=self._adopt)

    def close(self) -> None:
        self.current.close()

    def _adopt(self, session: Any) -> None:
        # The old client is not closed: other threads may still be using it.
        self.session, self.current = session, self._open(session)

    def _open(self, session: object) -> Any:
        return open_client(
            self._settings,
            session,
            max_connections=self._max_connections,
            read_timeout_s=self._read_timeout_s,
        )
