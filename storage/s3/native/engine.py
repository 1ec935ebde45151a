"""The fastest engine: requests that are sent in great numbers over sockets of its own, the rare ones by botocore.

All of a request's Python runs on one thread, so no lock and no processor core changes hands (benchmarks/README.md).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from s3plan.schemas.bodies import Body, pieces_of
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import GetObject, Reply, Request
from s3plan.storage.s3.botocore.client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, READS_OF_OBJECTS
from s3plan.storage.s3.botocore.engine import Boto3Engine
from s3plan.storage.s3.botocore.failures import failure_from, unsent
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.first_credentials import FirstCredentials
from s3plan.storage.s3.connections.renewal import RENEWED, CredentialRenewal
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.connections.tls import tls_context
from s3plan.storage.s3.native.answer import HttpAnswer, Pour
from s3plan.storage.s3.native.exchange import Breakage, HostPort
from s3plan.storage.s3.native.lanes import WORTH_A_LANE_BYTES, Lanes
from s3plan.storage.s3.native.loop import HttpLoop
from s3plan.storage.s3.wire.failures import RequestUnsendable, broke_by
from s3plan.storage.s3.wire.replies import (
    READ_FROM_HEADERS,
    failure_of_answer,
    holds_an_error,
    not_what_was_asked,
    reply_of,
)
from s3plan.storage.s3.wire.requests import HttpForm, form_of
from s3plan.storage.s3.wire.sigv4 import UNSIGNED_PAYLOAD, Signer
from s3plan.storage.s3.wire.store_clock import StoreClock
from s3plan.storage.s3.wire.user_agent import user_agent
from s3plan.storage.waiting import OnReply, wait_for_reply

_READ_CLOCK_EVERY = 256
_LANE_BUFFER_BYTES = 1 << 20
_NOT_READ: Mapping[str, str] = {}
_AS_STORED = "accept-encoding:gzip\r\n"  # never signed: GCS changes it, https://github.com/rclone/rclone/issues/6670


def open_native_engine(
    settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S
) -> Engine:
    """Return an engine for one connection; CredentialsUnusable, EndpointInvalid or S3PlanError where it cannot be."""
    return NativeEngine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)


class NativeEngine:
    """Sends requests over sockets of its own, with botocore's credentials and addresses; see ports.Engine."""

    def __init__(self, settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S):
        self._settings = settings
        self._rare = Boto3Engine(settings, max_in_flight=max(4, min(max_in_flight, 16)), read_timeout_s=read_timeout_s)
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._renewal = CredentialRenewal(settings)
        self._clock = StoreClock()
        self._answers = 0
        self._session = self._rare.session
        self._reads_as_stored = self._rare.reads_as_stored
        self._addresses = self._rare.addresses
        ordinary = self._addresses.ordinary
        self._region = ordinary.region
        self._signer = _signer(self._session, self._region)
        self._first = FirstCredentials(self._session)
        self._tls = tls_context(settings, self._session) if ordinary.is_https else None
        self._places: dict[str, HostPort] = {}
        open_loop = partial(
            HttpLoop, max_connections=max_in_flight, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=read_timeout_s
        )
        self._loop = open_loop()
        self._lanes = Lanes(partial(open_loop, buffer_bytes=_LANE_BUFFER_BYTES), cores=os.cpu_count() or 1)

    @property
    def clock_offset_ms(self) -> int:
        """The store's clock minus this machine's; up to a second too little, since `Date` has whole seconds."""
        return self._clock.offset_ms or self._rare.clock_offset_ms

    def submit(self, request: Request, on_reply: OnReply) -> None:
        """Send; `on_reply` is called exactly once, on the loop's thread or one of ours or botocore's, or at once."""
        try:
            form = form_of(request, requester_pays=self._settings.requester_pays)
        except RequestUnsendable as error:
            on_reply(Failure(FailureKind.INVALID, type(request).__name__, "RequestUnsendable", str(error)))
            return
        if form is None:
            self._rare.submit(request, on_reply)
        elif self._first.are_there:
            self._send(request, form, on_reply)
        else:
            self._first.then(
                lambda: self._send(request, form, on_reply),
                refuse=lambda error: on_reply(unsent(failure_from(error, operation=form.operation))),
            )

    def call(self, request: Request) -> Reply:
        """Send and wait for the reply; not from a thread that replies come on."""
        return wait_for_reply(self.submit, request)

    def close(self) -> None:
        """Let go of connections and threads, at once or when the last request under way is answered."""
        self._rare.close()
        self._first.close()
        self._loop.close()
        self._lanes.close()

    def _send(self, request: Request, form: HttpForm, on_reply: OnReply) -> None:
        signer = self._signer
        try:
            place, message, used = self._message_of(request, form, signer)
        except RequestUnsendable as error:
            on_reply(Failure(FailureKind.INVALID, form.operation, "RequestUnsendable", str(error)))
            return
        except OSError as error:
            words = f"what is to be sent cannot be read: {error.strerror or error}"
            on_reply(Failure(FailureKind.LOCAL_IO, form.operation, "BodyUnreadable", words))
            return
        except Exception as error:  # noqa: BLE001  botocore's, on the way to credentials or to an address
            on_reply(unsent(failure_from(error, operation=form.operation)))
            return

        def take(end: HttpAnswer | Breakage) -> None:
            reply = self._reply_to(request, form.operation, end)
            if isinstance(reply, Failure) and reply.kind is FailureKind.CREDENTIALS_EXPIRED:
                self._renew(reply, signer, used, on_reply)
            else:
                on_reply(reply)

        body = form.body if not isinstance(form.body, bytes) else None
        pour = _pour_of(request)
        size_bytes = (0 if body is None else body.size_bytes) + (0 if pour is None else pour.sink.size_bytes)
        if size_bytes <= WORTH_A_LANE_BYTES:
            self._loop.send(place, message, is_head=form.method == "HEAD", on_end=take, body=body, pour=pour)
            return
        lane, leave = self._lanes.take(size_bytes)

        def take_from_lane(end: HttpAnswer | Breakage) -> None:
            leave()
            take(end)

        lane.send(place, message, is_head=False, on_end=take_from_lane, body=body, pour=pour)

    def _message_of(self, request: Request, form: HttpForm, signer: Signer) -> tuple[HostPort, bytes, object]:
        address = self._addresses.of(request.bucket)
        place = self._places.get(address.host)
        if place is None:
            tls = self._tls if address.is_https else None
            place = self._places[address.host] = HostPort(address.name, address.port, tls)
        headers = [("host", address.host), *form.headers]
        body, payload = form.body, form.payload_sha256
        if body is not None and not isinstance(body, bytes):
            payload = payload or (UNSIGNED_PAYLOAD if address.is_https else _sha256_of(body))
            body = None
        with self._lock:  # a signer keeps its key; several threads submit
            unsigned = _AS_STORED if self._reads_as_stored and form.operation in READS_OF_OBJECTS else ""
            message = signer.message(
                form.method, address.target(form.path), headers, body, payload=payload, unsigned=unsigned
            )
            return place, message, signer.used

    def _reply_to(self, request: Request, operation: str, end: HttpAnswer | Breakage) -> Reply:
        if isinstance(end, Breakage):
            return Failure(end.kind, operation, end.code, end.message)
        try:
            return self._reply_of(request, operation, end)
        except Exception as broken:  # noqa: BLE001  whoever waits for this reply must hear of a fault of ours, too
            return Failure(FailureKind.BAD_REPLY, operation, "EngineBroke", broke_by(broken))

    def _reply_of(self, request: Request, operation: str, answer: HttpAnswer) -> Reply:
        self._answers += 1
        if self._answers % _READ_CLOCK_EVERY == 1:
            self._clock.note(answer.headers.get("date"))
        is_error = not 200 <= answer.status < 300
        if is_error or (not isinstance(request, GetObject) and holds_an_error(answer.body)):
            return failure_of_answer(operation, status=answer.status, headers=answer.headers, body=answer.body)
        if isinstance(request, GetObject) and request.into is not None and not answer.is_poured:
            return not_what_was_asked(request, status=answer.status, headers=answer.headers)
        headers = answer.headers if operation in READ_FROM_HEADERS else _NOT_READ
        return reply_of(request, operation=operation, headers=headers, body=answer.body)

    def _renew(self, refused: Failure, signer: Signer, used: Any, on_reply: OnReply) -> None:
        """Answer a refusal of expired credentials: to be sent again if there are newer ones than those it used."""

        def answer() -> None:
            is_new = self._has_newer_than(signer, used)
            on_reply(replace(refused, kind=FailureKind.UNREACHABLE, code=RENEWED) if is_new else refused)

        # Asking for credentials blocks, which the loop must not.
        threading.Thread(target=answer, name="s3plan-credentials", daemon=True).start()

    def _has_newer_than(self, signer: Signer, used: Any) -> bool:
        with self._renewing:
            if signer is not self._signer or signer.has_others_than(used):
                return True
            return self._renewal.renew(self._session, adopt=self._adopt)

    def _adopt(self, session: Any) -> None:
        self._session, self._signer = session, _signer(session, self._region)


def _pour_of(request: Request) -> Pour | None:
    if not isinstance(request, GetObject) or request.into is None:
        return None
    first, last = request.first_byte, request.last_byte
    return Pour(request.into, None if first is None or last is None else (first, last))


def _sha256_of(body: Body) -> str:
    """Read a body for what is signed, where nobody who had its bytes has given that."""
    digest = sha256()
    for piece in pieces_of(body):
        digest.update(piece)
    return digest.hexdigest()


def _signer(session: Any, region: str) -> Signer:
    credentials = session.get_credentials()
    current = None if credentials is None else frozen_credentials(credentials)
    return Signer(region=region, credentials=current, user_agent=user_agent())
