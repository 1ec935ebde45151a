"""The fast engine: the requests that are sent in great numbers through awscrt, the rare ones through botocore."""

from __future__ import annotations

import threading
from dataclasses import replace
from time import monotonic
from typing import Any

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import GetObject, HeadObject, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.storage.s3.botocore.client import READ_TIMEOUT_S
from s3plan.storage.s3.botocore.engine import Boto3Engine
from s3plan.storage.s3.botocore.failures import failure_from as boto3_failure_from
from s3plan.storage.s3.botocore.failures import unsent
from s3plan.storage.s3.connections.credentials_in_use import were_renewed_since
from s3plan.storage.s3.connections.first_credentials import FirstCredentials
from s3plan.storage.s3.connections.renewal import RENEWED, CredentialRenewal
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.crt.client import lower_names, open_crt_client
from s3plan.storage.s3.crt.failures import failure_from
from s3plan.storage.s3.crt.overdue_requests import OverdueRequests
from s3plan.storage.s3.wire.failures import RequestUnsendable, broke_by
from s3plan.storage.s3.wire.replies import READ_FROM_HEADERS, failure_of_answer, holds_an_error, reply_of
from s3plan.storage.s3.wire.requests import HttpForm, form_of
from s3plan.storage.s3.wire.sigv4 import header_lines
from s3plan.storage.s3.wire.store_clock import StoreClock
from s3plan.storage.s3.wire.user_agent import user_agent
from s3plan.storage.waiting import OnReply, wait_for_reply

_READ_CLOCK_EVERY = 256


def open_crt_engine(
    settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S
) -> Engine:
    """Return an engine for one connection; CredentialsUnusable, EndpointInvalid or S3PlanError where it cannot be."""
    return CrtEngine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)


class CrtEngine:
    """Sends requests with awscrt's S3Client (S3RequestType.DEFAULT); see ports.Engine.

    About 70 to 120 us of CPU for a copy. awscrt tries a 5xx once more by itself: its least is one retry.
    """

    def __init__(self, settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S):
        self._settings = settings
        self._max_in_flight = max_in_flight
        self._rare = Boto3Engine(settings, max_in_flight=max(4, min(max_in_flight, 16)), read_timeout_s=read_timeout_s)
        self._overdue = OverdueRequests(read_timeout_s)
        self._lock = threading.Lock()
        self._renewal = CredentialRenewal(settings)
        self.clock = StoreClock()
        self._user_agent = user_agent()
        self._sent = 0
        self._first = FirstCredentials(self._rare.session)
        self._reads_as_stored = self._rare.reads_as_stored
        self._open(self._rare.session)

    def _open(self, session: Any) -> None:
        from awscrt.http import HttpHeaders, HttpRequest
        from awscrt.s3 import S3RequestType

        self._http_headers, self._http_request, self._default = HttpHeaders, HttpRequest, S3RequestType.DEFAULT
        self._session = session
        self._addresses = self._rare.addresses
        ordinary = self._addresses.ordinary
        self._client = open_crt_client(
            self._settings,
            session,
            region=ordinary.region,
            is_https=ordinary.is_https,
            max_in_flight=self._max_in_flight,
        )

    @property
    def clock_offset_ms(self) -> int:
        """The store's clock minus this machine's; up to a second too little, since `Date` has whole seconds."""
        return self.clock.offset_ms or self._rare.clock_offset_ms

    def submit(self, request: Request, on_reply: OnReply) -> None:
        """Send; `on_reply` is called exactly once, on a thread of awscrt's or botocore's."""
        try:
            form = form_of(request, requester_pays=self._settings.requester_pays)
            if form is not None:
                header_lines(form.headers)
                self._addresses.of(request.bucket)
        except RequestUnsendable as error:
            on_reply(Failure(FailureKind.INVALID, type(request).__name__, "RequestUnsendable", str(error)))
            return
        is_as_stored = self._reads_as_stored and isinstance(request, GetObject | HeadObject)
        if form is None or is_as_stored or _streams(request):  # awscrt would sign how gzip is accepted
            self._rare.submit(request, on_reply)
            return
        exchange = _Exchange(self, request, form, on_reply)
        if self._first.are_there:
            exchange.begin()
        else:  # awscrt cannot tell why there are none
            self._first.then(
                exchange.begin,
                refuse=lambda error: on_reply(unsent(boto3_failure_from(error, operation=form.operation))),
            )

    def call(self, request: Request) -> Reply:
        """Send and wait for the reply."""
        return wait_for_reply(self.submit, request)

    def close(self) -> None:
        """Let go of the client; awscrt closes its connections when the last request is answered."""
        self._rare.close()
        self._first.close()
        self._overdue.close()
        self._client = None

    def send(self, request: Request, form: HttpForm, exchange: _Exchange) -> None:
        """Hand one request over to awscrt."""
        address = self._addresses.of(request.bucket)
        path = address.target(form.path)
        headers = self._http_headers([("host", address.host), ("user-agent", self._user_agent), *form.headers])
        self._sent += 1
        reads_headers = form.operation in READ_FROM_HEADERS
        wants_headers = reads_headers or self._sent % _READ_CLOCK_EVERY == 1
        body = None
        if isinstance(form.body, bytes):
            from io import BytesIO

            body = BytesIO(form.body)
        client = self._client
        if client is None:
            raise RuntimeError("the engine is closed")
        exchange.client = client
        sent = client.make_request(
            type=self._default,
            operation_name=form.operation,
            request=self._http_request(form.method, path, headers, body),
            on_headers=exchange.take_headers if wants_headers else None,
            on_body=exchange.take_body,
            on_done=exchange.end,
        )
        self._overdue.watch(exchange, sent)
        if exchange.has_ended:  # before it was watched
            self._overdue.forget(exchange)

    def forget(self, exchange: _Exchange) -> None:
        """The exchange has ended."""
        self._overdue.forget(exchange)

    def renewed(self, failure: Failure, used: object, *, since_s: float) -> Failure:
        """Answer a refusal of expired credentials: to be sent again if there are newer ones than those it used."""
        with self._lock:
            is_newer = used is not self._client or were_renewed_since(self._session.get_credentials(), since_s)
            if not is_newer and not self._renewal.renew(self._session, adopt=self._open):
                return failure
        return replace(failure, kind=FailureKind.UNREACHABLE, code=RENEWED)


def _streams(request: Request) -> bool:
    """Whether bytes pass that are not held in memory: awscrt would ask for them, and give them, on its own threads."""
    sends = isinstance(request, PutObject | UploadPart) and not isinstance(request.body, bytes)
    return sends or (isinstance(request, GetObject) and request.into is not None)


class _Exchange:
    """One request under way and what has come back of its answer so far."""

    __slots__ = ("_began_s", "_body", "_engine", "_form", "_headers", "_on_reply", "_request", "client", "has_ended")

    def __init__(self, engine: CrtEngine, request: Request, form: HttpForm, on_reply: OnReply) -> None:
        self._engine = engine
        self._request = request
        self._form = form
        self._on_reply = on_reply
        self._headers: Any = ()
        self._body: bytes | list[bytes] = b""
        self.client: object = None
        self._began_s = monotonic()
        self.has_ended = False

    def begin(self) -> None:
        try:
            self._engine.send(self._request, self._form, self)
        except RuntimeError:
            raise
        except Exception as error:  # noqa: BLE001  awscrt refuses by exceptions of its own
            self._on_reply(failure_from(error, operation=self._form.operation, status=None))

    def take_headers(self, *, headers: Any, **_: object) -> None:
        self._headers = headers

    def take_body(self, *, chunk: bytes, **_: object) -> None:
        if not self._body:
            self._body = bytes(chunk)
        elif isinstance(self._body, bytes):
            self._body = [self._body, bytes(chunk)]
        else:
            self._body.append(bytes(chunk))

    def end(self, *, error: BaseException | None = None, status_code: int | None = None, **_: object) -> None:
        operation = self._form.operation
        self.has_ended = True
        self._engine.forget(self)
        try:
            if error is not None:
                reply: Reply = failure_from(error, operation=operation, status=status_code)
                if isinstance(reply, Failure) and reply.kind is FailureKind.CREDENTIALS_EXPIRED:
                    reply = self._engine.renewed(reply, self.client, since_s=self._began_s)
            else:
                headers = lower_names(self._headers) if self._headers else {}
                self._engine.clock.note(headers.get("date"))
                body = self._body if isinstance(self._body, bytes) else b"".join(self._body)
                if holds_an_error(body) and not isinstance(self._request, GetObject):
                    reply = failure_of_answer(operation, status=200, headers=headers, body=body)
                else:
                    reply = reply_of(self._request, operation=operation, headers=headers, body=body)
        except Exception as broken:  # noqa: BLE001  whoever waits for this reply must hear of a fault of ours, too
            reply = Failure(FailureKind.BAD_REPLY, operation, "EngineBroke", broke_by(broken))
        self._on_reply(reply)
