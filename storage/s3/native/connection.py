"""One connection to a store: connects, speaks TLS, sends one request at a time and reads its answer. Never blocks."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from ssl import SSLError, SSLSocket, SSLWantReadError, SSLWantWriteError

from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import MOST_BODY_BYTES, AnswerBroken, AnswerReader, HttpAnswer
from s3plan.storage.s3.native.body_sending import LATER, BodyBroken, BodySending
from s3plan.storage.s3.native.exchange import Address, Breakage, Exchange, HostPort
from s3plan.storage.s3.native.openings import breakage_of_opening
from s3plan.storage.s3.native.owner import Owner
from s3plan.storage.s3.native.quiet_sockets import IsQuiet, quietness_of, unasked_on
from s3plan.storage.s3.open_files import NO_ROOM, open_socket
from s3plan.storage.s3.wire.tls_alerts import lasting_refusal, words_of

_UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})
_SLOWEST_BYTES_PER_S = 1_000
_LONGEST_ANSWER_S = 3_600
_HAVE_DOCUMENTS = (b"GET ", b"POST ")
_MOST_WORDS_BYTES = 1 << 20  # of an answer to anything else, which is a few lines


class HttpConnection:
    """See the module. `proceed` is what its owner calls when the socket is ready."""

    __slots__ = (
        "_begun_s",
        "_exchange",
        "_owner",
        "_reader",
        "_received_bytes",
        "_sending",
        "_socket",
        "_unsent",
        "is_quiet",
        "place",
        "proceed",
        "touched_s",
        "tries_left",
    )

    def __init__(self, owner: Owner, place: HostPort, *, tries_left: int) -> None:
        self._owner = owner
        self._socket: socket.socket | None = None
        self._exchange: Exchange | None = None
        self._reader: AnswerReader | None = None
        self._unsent = memoryview(b"")
        self._begun_s = 0.0
        self._received_bytes = 0
        self._sending: BodySending | None = None
        self.place = place
        self.tries_left = tries_left
        self.touched_s = owner.now_s
        self.proceed: Callable[[], None] = self._finish_connecting
        self.is_quiet: IsQuiet = _is_closed
        """Whether it can carry a request: see quiet_sockets. Asked before each."""

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def exchange(self) -> Exchange | None:
        """What it carries."""
        return self._exchange

    def is_trickling(self, *, after_s: float) -> bool:
        """Whether an answer has been coming for longer than that, and hardly moves.

        At once only of requests that read: what is written may be answered by a byte now and then until it is done,
        which is how S3 keeps the connection of a long copy open. An hour is more than any takes.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        if self._exchange is None or not self._received_bytes:
            return False
        coming_s = self._owner.now_s - self._begun_s
        is_slow = self._received_bytes < coming_s * _SLOWEST_BYTES_PER_S and coming_s > after_s
        return coming_s > _LONGEST_ANSWER_S or (is_slow and self._exchange.message.startswith(b"GET "))

    def fileno(self) -> int:
        """For selectors; -1 once closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def open(self, address: Address) -> None:
        """Begin to connect; the owner hears of the end."""
        self.touched_s = self._owner.now_s
        self.proceed = self._finish_connecting
        try:
            self._socket = open_socket(address.family)
            self._socket.settimeout(0.0)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            error = self._socket.connect_ex(address.socket_address)
        except OSError as broken:
            if broken.errno in NO_ROOM:
                self.close()
                self._owner.found_no_room(self)
            else:
                self._fail_to_open(broken)
            return
        if error not in _UNDER_WAY:
            self._fail_to_open(OSError(error, errno.errorcode.get(error, "")))
            return
        self._owner.watch(self, EVENT_WRITE)

    def start(self, exchange: Exchange) -> None:
        """Send a request; only while the connection is open and quiet, and has none."""
        self._exchange = exchange
        has_document = exchange.pour is None and exchange.message.startswith(_HAVE_DOCUMENTS)
        most_bytes = MOST_BODY_BYTES if has_document else _MOST_WORDS_BYTES
        self._reader = AnswerReader(is_head=exchange.is_head, most_bytes=most_bytes, pour=exchange.pour)
        self._sending = None if exchange.body is None else BodySending(exchange.body)
        self._received_bytes = 0
        self.touched_s = self._owner.now_s
        try:
            sent = self._open_socket.send(exchange.message)
        except LATER:
            sent = 0
        except OSError as broken:
            self._tell_unsent(broken)
            return
        if sent < len(exchange.message):
            self._unsent = memoryview(exchange.message)[sent:]
            self.proceed = self._send_rest
            self._owner.watch(self, EVENT_READ | EVENT_WRITE)
        elif self._sending is not None:
            self.proceed = self._send_body
            self._send_body()

    def fail(self, why: Breakage) -> None:
        """Close, because of a fault of ours."""
        self._break(why.kind, why.code, why.message)

    def give_up(self, code: str, message: str) -> None:
        """Close, because it takes too long."""
        if self.proceed in (self._finish_connecting, self._shake_hands):
            self.close()
            self._owner.failed_to_open(self, Breakage(FailureKind.UNREACHABLE, code, f"{self.place}: {message}"))
        else:
            self._break(FailureKind.TRANSIENT, code, message)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._owner.watch(self, 0)
            self._socket.close()
            self._socket = None
            self.is_quiet = _is_closed

    @property
    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN, "the connection is closed")
        return self._socket

    def _finish_connecting(self) -> None:
        error = self._open_socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._fail_to_open(OSError(error, errno.errorcode.get(error, "")))
            return
        if self.place.tls is None:
            self._be_open()
            return
        try:
            self._socket = self.place.tls.wrap_socket(
                self._open_socket, server_hostname=self.place.host, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as broken:
            self._fail_to_open(broken)
            return
        self._owner.watch(self, EVENT_READ | EVENT_WRITE)
        self.proceed = self._shake_hands
        self._shake_hands()

    def _shake_hands(self) -> None:
        secured = self._open_socket
        assert isinstance(secured, SSLSocket)  # noqa: S101  for the type checker; see _finish_connecting
        try:
            secured.do_handshake()
        except SSLWantReadError:
            self._owner.watch(self, EVENT_READ)
        except SSLWantWriteError:
            self._owner.watch(self, EVENT_WRITE)
        except OSError as broken:
            self._fail_to_open(broken)
        else:
            self._be_open()

    def _be_open(self) -> None:
        unasked = unasked_on(self._open_socket)
        if isinstance(unasked, SSLError) and lasting_refusal(unasked.reason or "") is None:
            unasked = ConnectionResetError(errno.ECONNRESET, words_of(unasked))  # both speak TLS: it may pass
        if unasked is not None:
            self._fail_to_open(unasked)
            return
        self.is_quiet = quietness_of(self._open_socket)
        self.proceed = self._receive
        self.touched_s = self._owner.now_s
        self._owner.watch(self, EVENT_READ)
        self._owner.opened(self)

    def _fail_to_open(self, broken: Exception) -> None:
        self.close()
        self._owner.failed_to_open(self, breakage_of_opening(self.place, broken))

    def _send_rest(self) -> None:
        """Go on sending; an answer may come before all is sent, and is the answer."""
        try:
            sent = self._open_socket.send(self._unsent)
        except LATER:
            sent = 0
        except OSError as broken:
            self._break(FailureKind.TRANSIENT, "ConnectionLost", f"while sending: {words_of(broken)}")
            return
        if sent:
            self.touched_s = self._owner.now_s
            self._unsent = self._unsent[sent:]
        if self._unsent:
            self._receive()
        elif self._sending is not None:
            self.proceed = self._send_body
            self._send_body()
        else:
            self.proceed = self._receive
            self._owner.watch(self, EVENT_READ)

    def _send_body(self) -> None:
        """Send what the socket takes of the body, and look for an early answer: then that is the answer."""
        sending = self._sending
        assert sending is not None  # noqa: S101  a body is being sent
        try:
            if sending.send_some(self._open_socket, self._owner.buffer):
                self.touched_s = self._owner.now_s
        except BodyBroken as broken:
            self._break(broken.kind, broken.code, str(broken))
            return
        except OSError as broken:
            self._receive()  # why the store took no more may have come before it closed
            if self._socket is not None and self._exchange is not None:
                self._break(FailureKind.TRANSIENT, "ConnectionLost", f"while sending: {words_of(broken)}")
            return
        if sending.is_done:
            self.proceed = self._receive
            self._owner.watch(self, EVENT_READ)
        else:
            self._owner.watch(self, EVENT_READ | EVENT_WRITE)
            self._receive()

    def _tell_unsent(self, broken: OSError) -> None:
        """A connection that takes nothing: under TLS 1.3, why may have come before the first request."""
        if not self._is_refusal(unasked_on(self._open_socket)):
            self._break(FailureKind.UNREACHABLE, "ConnectionLost", f"nothing could be sent: {words_of(broken)}")

    def _receive(self) -> None:
        secured = self._socket if self.place.tls is not None else None
        while True:
            if not self._receive_once():
                return
            # TLS may hold decrypted bytes that no selector tells of.
            if self._socket is None or not (isinstance(secured, SSLSocket) and secured.pending()):
                return

    def _receive_once(self) -> bool:
        """Take what has come; False if that was nothing, or the end."""
        owner, exchange, reader = self._owner, self._exchange, self._reader
        free = None if reader is None else reader.free_view(len(owner.buffer))
        try:
            received = self._open_socket.recv_into(owner.buffer if free is None else free)
        except LATER:
            return False
        except OSError as broken:
            self._lose(broken)
            return False
        if received == 0:
            self._end_of_connection()
            return False
        if exchange is None or reader is None:
            self._break(FailureKind.TRANSIENT, "Unasked", "the store sent something that was not asked for")
            return False
        self.touched_s = owner.now_s
        if not self._received_bytes:
            self._begun_s = owner.now_s
        self._received_bytes += received
        try:
            answer = reader.filled(received) if free is not None else reader.receive(owner.buffer[:received])
        except AnswerBroken as broken:
            self._break(FailureKind.TRANSIENT, "AnswerBroken", str(broken))
            return False
        except OSError as broken:
            self._break(FailureKind.LOCAL_IO, "BodyNotKept", f"the body cannot be kept: {words_of(broken)}")
            return False
        if answer is not None:
            self._finish(exchange, answer)
        return True

    def _finish(self, exchange: Exchange, answer: HttpAnswer) -> None:
        is_sent = not self._unsent and (self._sending is None or self._sending.is_done)
        self._exchange = self._reader = self._sending = None  # who waits for memory waits for the body
        if not answer.keeps_connection or not is_sent:
            self.close()
        self._owner.answered(self, exchange, answer)

    def _lose(self, broken: OSError) -> None:
        """A fault of the connection; TLS 1.3 refuses a client, too, only after the handshake."""
        if self._is_refusal(broken):
            return
        if self._reader is not None and self._reader.has_begun:
            words = f"the connection broke in the middle of the answer: {words_of(broken)}"
            self._break(FailureKind.TRANSIENT, "AnswerBroken", words)
        else:
            self._break(FailureKind.TRANSIENT, "ConnectionLost", f"no answer came: {words_of(broken)}")

    def _is_refusal(self, said: OSError | None) -> bool:
        """Say whether the store wants no client like this one; the connection is closed then, with its words."""
        lasting = lasting_refusal(said.reason or "") if isinstance(said, SSLError) else None
        if lasting is None:
            return False
        self._break(FailureKind.INVALID, "TlsRefused", f"{self.place}: {lasting}")
        return True

    def _end_of_connection(self) -> None:
        exchange, reader = self._exchange, self._reader
        if exchange is None or reader is None or not reader.has_begun:
            self._break(FailureKind.TRANSIENT, "ConnectionLost", "no answer came: the store closed the connection")
            return
        try:
            answer = reader.end()
        except AnswerBroken as broken:
            self._break(FailureKind.TRANSIENT, "AnswerBroken", str(broken))
        else:
            self.close()
            self._finish(exchange, answer)

    def _break(self, kind: FailureKind, code: str, message: str) -> None:
        exchange, self._exchange, self._reader, self._sending = self._exchange, None, None, None
        self.close()
        self._owner.broke(self, exchange, Breakage(kind, code, message))


def _is_closed() -> bool:
    return False
