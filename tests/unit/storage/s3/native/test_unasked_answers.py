"""What lies on a kept connection is never taken for the answer to the next request."""

from __future__ import annotations

import socket
import threading
from queue import SimpleQueue
from time import sleep

import pytest
from fakes.raw_store import ASK, PATIENCE_S, ask, asked, bodies, broken, loop, polite, say, store
from fakes.tls_pairs import tls_pair
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.exchange import Breakage, HostPort
from s3plan.storage.s3.native.loop import HttpLoop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nown"
EXTRA = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nforeign"
BY_PLAIN_AND_TLS = pytest.mark.parametrize("is_secured", [False, True], ids=["plain", "tls"])
STRAYS = {
    "an answer more": (b"GET", OK, EXTRA),
    "the body of a HEAD": (b"HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n", EXTRA),
    "a body after 204": (b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", EXTRA),
    "a body after 304": (b"GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 30\r\n\r\n", EXTRA),
    "an answer that goes before another": (b"GET", OK, b"HTTP/1.1 100 Continue\r\n\r\n" + EXTRA),
    "after the last chunk": (b"GET", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", EXTRA),
    "one byte": (b"GET", OK, b"H"),
    "the end": (b"GET", OK, b""),
}


class Stray:
    """Answers the first request of its first connection, then says more once told to; later connections are polite."""

    def __init__(self, answer: bytes, more: bytes) -> None:
        self._answer = answer
        self._more = more
        self.may_come = threading.Event()
        self.came = threading.Event()
        self.is_over = threading.Event()

    def serve(self, client: socket.socket, number: int) -> None:
        if number > 1:
            polite(client, number)
            return
        asked(client)
        client.sendall(self._answer)
        self.may_come.wait(PATIENCE_S)
        if self._more:
            client.sendall(self._more)
        else:
            client.shutdown(socket.SHUT_WR)
        self.came.set()
        asked(client)
        self.is_over.wait(PATIENCE_S)


def ask_twice(sender: HttpLoop, place: HostPort, stray: Stray, method: bytes) -> list[HttpAnswer | Breakage]:
    """Ask, and again from the middle of the answer once more has come: the loop has had no turn to see it."""
    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()

    def again(end: HttpAnswer | Breakage) -> None:
        ends.put(end)
        stray.may_come.set()
        stray.came.wait(PATIENCE_S)
        sender.send(place, ASK, is_head=False, on_end=ends.put)

    message = method + ASK.removeprefix(b"GET")
    sender.send(place, message, is_head=method == b"HEAD", on_end=again)
    return [ends.get(timeout=PATIENCE_S) for _ in range(2)]


@BY_PLAIN_AND_TLS
@pytest.mark.parametrize("kind", STRAYS)
def test_what_came_after_an_answer_is_not_the_next_one(kind: str, *, is_secured: bool) -> None:
    method, answer, more = STRAYS[kind]
    stray = Stray(answer, more)
    with store(stray.serve, tls=tls_pair() if is_secured else None) as server, loop() as sender:
        first, second = ask_twice(sender, server.place, stray, method)
        stray.is_over.set()
        assert isinstance(first, HttpAnswer)
        assert bodies([second]) == [b"ok"]
        assert server.connections == 2


def test_what_came_with_an_answer_in_one_piece_is_not_the_next_one() -> None:
    def serve(client: socket.socket, number: int) -> None:
        if number > 1:
            polite(client, number)
        while asked(client):
            client.sendall(OK + EXTRA)

    with store(serve) as server, loop() as sender:
        assert bodies([*ask(sender, server.place), *ask(sender, server.place)]) == [b"own", b"ok"]


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="two records cannot be put into one segment here")
def test_two_answers_in_one_flight_of_tls_records_are_one_answer() -> None:
    def serve(client: socket.socket, number: int) -> None:
        if number > 1:
            polite(client, number)
        asked(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # both records in one segment
        client.sendall(OK)
        client.sendall(EXTRA)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        asked(client)

    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    with store(serve, tls=tls_pair()) as server, loop() as sender:

        def again(end: HttpAnswer | Breakage) -> None:
            ends.put(end)
            sender.send(server.place, ASK, is_head=False, on_end=ends.put)

        sender.send(server.place, ASK, is_head=False, on_end=again)
        assert bodies([ends.get(timeout=PATIENCE_S) for _ in range(2)]) == [b"own", b"ok"]


@BY_PLAIN_AND_TLS
def test_a_connection_on_which_nothing_strays_is_kept(*, is_secured: bool) -> None:
    with store(polite, tls=tls_pair() if is_secured else None) as server, loop() as sender:
        for _ in range(20):
            assert bodies(ask(sender, server.place)) == [b"ok"]
        assert server.connections == 1


def test_a_store_that_speaks_before_it_is_asked_is_not_asked() -> None:
    heard: list[bytes] = []

    def serve(client: socket.socket, _: int) -> None:
        client.sendall(EXTRA)
        heard.append(client.recv(4096))

    with store(serve) as server, loop() as sender:
        sleep(0.1)
        (end,) = ask(sender, server.place)
        # Its greeting may come a moment after the request: then it cannot be told from an answer.
        if isinstance(end, Breakage):
            assert (end.kind, end.code) == (FailureKind.UNREACHABLE, "ConnectFailed")
            assert heard in ([], [b""])


def test_a_store_that_hangs_up_on_each_new_connection_fails_the_request_and_is_not_tried_for_ever() -> None:
    with store(lambda client, _: client.close()) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        assert broken(end).kind in (FailureKind.UNREACHABLE, FailureKind.TRANSIENT)
        assert server.connections < 5


def test_an_answer_without_a_length_that_is_cut_by_a_reset_is_none() -> None:
    def serve(client: socket.socket, _: int) -> None:
        asked(client)
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        sleep(0.2)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset

    with store(serve) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, "AnswerBroken")


def test_say_is_polite_enough_to_be_kept() -> None:
    def serve(client: socket.socket, _: int) -> None:
        while asked(client):
            say(client, b"x" * 100_000)

    with store(serve, tls=tls_pair()) as server, loop() as sender:
        assert {len(body) for body in bodies(ask(sender, server.place, times=20)) if isinstance(body, bytes)} == {
            100_000
        }
