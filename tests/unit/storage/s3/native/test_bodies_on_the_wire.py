"""Bodies on a connection that takes them in pieces, breaks, or answers early; and answers that are poured."""

from __future__ import annotations

import re
import socket
import struct
import time
import weakref
from collections.abc import Callable, Iterator
from mmap import mmap
from queue import SimpleQueue

import pytest
from fakes.raw_store import PATIENCE_S, Store, broken, loop, store
from fakes.tls_pairs import tls_pair
from s3plan.schemas.bodies import Body, BodyInMemory, Sink, SinkInMemory
from s3plan.schemas.failures import FailureKind
from s3plan.storage.rooms import MemoryRoom
from s3plan.storage.s3.native.answer import HttpAnswer, Pour
from s3plan.storage.s3.native.exchange import Breakage
from s3plan.storage.s3.native.loop import HttpLoop

CONTENT = bytes(range(251)) * 12_000  # 3 MB, and no period that a buffer has
GET = b"GET /key HTTP/1.1\r\nhost: h\r\n\r\n"


def put(size: int) -> bytes:
    return b"PUT /key HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % size


Opener = Callable[[int], tuple[Sink, Callable[[], bytes]]]


def closed_sink(size_bytes: int) -> tuple[Sink, Callable[[], bytes]]:
    """A sink that copies what it takes, and what shows its content."""
    sink = SinkInMemory(size_bytes)
    return sink, lambda: bytes(sink.content)


def open_sink(size_bytes: int) -> tuple[Sink, Callable[[], bytes]]:
    """One that is received into."""
    room = MemoryRoom(mmap(-1, size_bytes), on_end=lambda _: None)
    return room.sink(), lambda: bytes(room.view_at(0, size_bytes))


def viewed_body(content: bytes) -> Body:
    """A body that is sent from where it lies."""
    room = MemoryRoom(mmap(-1, len(content)), on_end=lambda _: None)
    room.sink().take(memoryview(content))
    return room


either_sink = pytest.mark.parametrize("opened", [closed_sink, open_sink])


def exchange(
    through: HttpLoop, at: Store, message: bytes, *, body: Body | None = None, pour: Pour | None = None
) -> HttpAnswer | Breakage:
    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    through.send(at.place, message, is_head=False, on_end=ends.put, body=body, pour=pour)
    return ends.get(timeout=PATIENCE_S)


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Taken:
    """A store that reads one request after the other, and keeps their bodies; `pause_s` after each piece."""

    def __init__(self, *, piece: int = 1 << 16, pause_s: float = 0.0) -> None:
        self.bodies: list[bytes] = []
        self._piece = piece
        self._pause_s = pause_s

    def __call__(self, client: socket.socket, _: int) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)  # no smaller than a segment of the loopback
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                got = client.recv(self._piece)
                if not got:
                    return
                data += got
            head, data = data.split(b"\r\n\r\n", 1)
            length = re.search(rb"content-length: (\d+)", head)
            size = int(length[1]) if length else 0
            while len(data) < size:
                got = client.recv(self._piece)
                if not got:
                    return
                data += got
                time.sleep(self._pause_s)
            self.bodies.append(data[:size])
            data = data[size:]
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.fixture(params=["plain", "tls"])
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[[Taken], tuple[HttpLoop, Store]]]:
    """Give what opens a loop and a store, with TLS and without."""
    pair = tls_pair() if request.param == "tls" else None
    with loop() as through:
        ours: list[Store] = []

        def open_store(serve: Taken) -> tuple[HttpLoop, Store]:
            ours.append(Store(serve, tls=pair))
            return through, ours[-1]

        yield open_store
        for at in ours:
            at.close()


@pytest.mark.parametrize(
    ("body_of", "size"),
    [
        *((BodyInMemory, size) for size in (0, 1, 100_000, 262_144, 262_145, len(CONTENT))),
        *((viewed_body, size) for size in (1, 262_145, len(CONTENT))),
    ],
)
def test_a_body_that_the_store_takes_in_small_pieces_arrives_whole_and_the_connection_serves_again(
    opened: Callable[[Taken], tuple[HttpLoop, Store]], body_of: Callable[[bytes], Body], size: int
) -> None:
    taken = Taken(piece=8192)
    through, at = opened(taken)
    for _ in range(2):
        end = exchange(through, at, put(size), body=body_of(CONTENT[:size]))
        assert isinstance(end, HttpAnswer), end
        assert end.status == 200
    assert taken.bodies == [CONTENT[:size]] * 2
    assert at.connections == 1


@pytest.mark.parametrize("ending", ["end", "reset"])
def test_an_answer_that_comes_before_the_body_is_sent_is_the_answer(ending: str) -> None:
    def refuse(client: socket.socket, _: int) -> None:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 412 Precondition Failed\r\ncontent-length: 2\r\n\r\nno")
        if ending == "reset":
            time.sleep(0.2)  # a reset may overtake what was said
            reset(client)
        else:
            client.shutdown(socket.SHUT_WR)
            time.sleep(0.5)

    with store(refuse) as at, loop() as through:
        for _ in range(2):
            end = exchange(through, at, put(len(CONTENT) * 20), body=BodyInMemory(CONTENT * 20))
            assert isinstance(end, HttpAnswer), end
            assert (end.status, end.body) == (412, b"no")
        assert at.connections == 2  # what is half sent is never used again


@pytest.mark.parametrize("after", [0, 1, 60, 61, 4096, 100_000, 1_000_000, len(CONTENT)])
@pytest.mark.parametrize("ending", ["end", "reset"])
def test_a_connection_that_ends_while_a_body_is_sent_leaves_it_open_what_became_of_it(after: int, ending: str) -> None:
    def take_some(client: socket.socket, _: int) -> None:
        left = after
        while left > 0 and (got := client.recv(min(left, 65_536))):
            left -= len(got)
        if ending == "reset":
            reset(client)

    with store(take_some) as at, loop() as through:
        end = broken(exchange(through, at, put(len(CONTENT)), body=BodyInMemory(CONTENT)))
        assert end.kind in {FailureKind.TRANSIENT, FailureKind.UNREACHABLE}, end


def test_a_store_that_reads_nothing_more_is_given_up() -> None:
    def sleep(client: socket.socket, _: int) -> None:
        client.recv(100)
        time.sleep(PATIENCE_S)

    with store(sleep) as at, loop(read_timeout_s=0.5) as through:
        end = broken(exchange(through, at, put(len(CONTENT) * 20), body=BodyInMemory(CONTENT * 20)))
        assert (end.kind, end.code) == (FailureKind.TRANSIENT, "ReadTimeout")


def test_a_slow_store_is_not_given_up_while_it_takes_anything() -> None:
    taken = Taken(piece=65_536, pause_s=0.02)
    with store(taken) as at, loop(read_timeout_s=3) as through:
        began_s = time.monotonic()
        end = exchange(through, at, put(len(CONTENT) * 5), body=BodyInMemory(CONTENT * 5))
        assert isinstance(end, HttpAnswer), end
        assert time.monotonic() - began_s > 3
    assert taken.bodies == [CONTENT * 5]


def answering(head: bytes, body: bytes, *, ending: str = "stay") -> Callable[[socket.socket, int], None]:
    def serve(client: socket.socket, _: int) -> None:
        while client.recv(65_536):
            client.sendall(head + b"\r\n\r\n" + body)
            if ending == "reset":
                time.sleep(0.05)
                reset(client)
                return
            if ending == "end":
                return

    return serve


@pytest.mark.parametrize("cut", [0, 1, 500, 262_144, 1_000_000, len(CONTENT) - 1])
@pytest.mark.parametrize("ending", ["end", "reset"])
@either_sink
def test_an_answer_that_ends_too_early_is_none_however_much_was_poured(cut: int, ending: str, opened: Opener) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d" % len(CONTENT)
    with store(answering(head, CONTENT[:cut], ending=ending)) as at, loop() as through:
        sink, _ = opened(len(CONTENT))
        end = broken(exchange(through, at, GET, pour=Pour(sink)))
        assert (end.kind, end.code) == (FailureKind.TRANSIENT, "AnswerBroken")


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_large_answer_is_received_where_it_is_to_lie(is_tls: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d" % len(CONTENT)
    at = Store(answering(head, CONTENT), tls=tls_pair() if is_tls else None)
    with loop() as through:
        for _ in range(2):
            sink, content = open_sink(len(CONTENT))
            end = exchange(through, at, GET, pour=Pour(sink))
            assert isinstance(end, HttpAnswer), end
            assert content() == CONTENT
        assert at.connections == 1
    at.close()


def test_an_answer_that_stands_still_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d" % len(CONTENT)
    with store(answering(head, CONTENT[:1000])) as at, loop(read_timeout_s=0.5) as through:
        end = broken(exchange(through, at, GET, pour=Pour(SinkInMemory(len(CONTENT)))))
        assert (end.kind, end.code) == (FailureKind.TRANSIENT, "ReadTimeout")


@either_sink
def test_more_bytes_than_were_said_cost_the_connection_and_reach_no_sink(opened: Opener) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d" % len(CONTENT)
    with store(answering(head, CONTENT + b"HTTP/1.1 200 OK\r\n\r\n")) as at, loop() as through:
        for _ in range(2):
            sink, content = opened(len(CONTENT))
            end = exchange(through, at, GET, pour=Pour(sink))
            assert isinstance(end, HttpAnswer), end
            assert content() == CONTENT
        assert at.connections == 2


@pytest.mark.parametrize(
    ("head", "byte_range", "is_poured"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10", None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\ncontent-encoding: gzip", None, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9", None, False),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\ncontent-range: bytes 0-9/10", None, False),
        (b"HTTP/1.1 404 No\r\ncontent-length: 10", None, False),
        (b"HTTP/1.1 203 Else\r\ncontent-length: 10", None, False),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\nContent-Range: bytes 5-14/99", (5, 14), True),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\ncontent-range: bytes 5-14/*", (5, 14), True),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\ncontent-range: bytes 4-13/99", (5, 14), False),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\ncontent-range: bytes 5-15/99", (5, 14), False),
        (b"HTTP/1.1 206 Part\r\ncontent-length: 10", (5, 14), False),
        (
            b"HTTP/1.1 206 Part\r\ncontent-length: 10\r\ncontent-range: bytes 5-14/99\r\ncontent-range: bytes 0-9/9",
            (5, 14),
            False,
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10", (5, 14), False),
    ],
)
def test_only_what_was_asked_for_is_poured(head: bytes, byte_range: tuple[int, int] | None, is_poured: bool) -> None:
    length = re.search(rb"ength: (\d+)", head)
    assert length is not None
    body = b"0123456789"[: int(length[1])]
    with store(answering(head, body)) as at, loop() as through:
        sink = SinkInMemory(10)
        end = exchange(through, at, GET, pour=Pour(sink, byte_range))
        assert isinstance(end, HttpAnswer), end
        assert end.is_poured is is_poured
        assert bytes(sink.content) == (body if is_poured else bytes(10))
        assert end.body == (body if end.status == 404 else b"")


@pytest.mark.parametrize("length", [b"content-length: 999999999999", b"transfer-encoding: chunked", b"etag: e"])
@pytest.mark.parametrize("status", [b"200 OK", b"206 Part"])
def test_a_body_that_was_not_asked_for_is_not_waited_for_however_long_it_is(status: bytes, length: bytes) -> None:
    with store(answering(b"HTTP/1.1 " + status + b"\r\n" + length, b"5\r\nfirst")) as at, loop() as through:
        end = exchange(through, at, GET, pour=Pour(SinkInMemory(10), (5, 14)))
        assert isinstance(end, HttpAnswer), end
        assert (end.is_poured, end.body, end.keeps_connection) == (False, b"", False)


def test_an_error_in_place_of_a_body_has_few_words() -> None:
    with store(answering(b"HTTP/1.1 500 No\r\ncontent-length: 9999999", bytes(2 << 20))) as at, loop() as through:
        assert "over 1,048,576 bytes" in broken(exchange(through, at, GET, pour=Pour(SinkInMemory(10)))).message


def test_what_comes_in_chunks_has_no_length_and_is_not_poured() -> None:
    with (
        store(answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", b"a\r\n0123456789\r\n0\r\n\r\n")) as at,
        loop() as through,
    ):
        end = exchange(through, at, GET, pour=Pour(SinkInMemory(10)))
        assert isinstance(end, HttpAnswer), end
        assert (end.is_poured, end.body) == (False, b"")


@either_sink
def test_an_answer_is_poured_the_same_wherever_it_is_torn(opened: Opener) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"
    whole = head + b"0123456789"
    for at_byte in range(1, len(whole)):

        def torn(client: socket.socket, _: int, at_byte: int = at_byte) -> None:
            client.recv(1000)
            client.sendall(whole[:at_byte])
            time.sleep(0.005)
            client.sendall(whole[at_byte:])
            client.recv(1000)

        with store(torn) as at, loop() as through:
            sink, content = opened(10)
            end = exchange(through, at, GET, pour=Pour(sink))
            assert isinstance(end, HttpAnswer), end
            assert content() == b"0123456789"


@pytest.mark.parametrize("breaks", [False, True])
def test_nobody_holds_a_body_once_its_request_has_ended(breaks: bool) -> None:
    """Its bytes count as taken as long as somebody does, and the connection may be idle for long."""
    serve: Callable[[socket.socket, int], None] = (lambda client, _: reset(client)) if breaks else Taken()
    with loop() as through, store(serve) as at:
        body = BodyOfItsOwn(CONTENT)
        gone = weakref.ref(body)
        end = exchange(through, at, put(len(CONTENT)), body=body)
        assert isinstance(end, Breakage) is breaks
        del body
        deadline_s = time.monotonic() + PATIENCE_S
        while gone() is not None and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert gone() is None


class BodyOfItsOwn(BodyInMemory):
    """One that can be watched."""

    __slots__ = ("__weakref__",)
