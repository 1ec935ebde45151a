"""Connections are made, kept, shared and given up as they should be."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import closing
from queue import SimpleQueue
from time import monotonic, sleep

import pytest
from fakes.raw_store import ASK, COPY, PATIENCE_S, ask, asked, bodies, broken, loop, polite, say, store
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.exchange import Breakage, HostPort


def test_requests_one_after_the_other_share_a_connection() -> None:
    with store(polite) as server, loop() as sender:
        for _ in range(5):
            assert bodies(ask(sender, server.place)) == [b"ok"]
        assert server.connections == 1


def test_no_more_connections_than_allowed_serve_any_number_of_requests() -> None:
    with store(polite) as server, loop(most=3) as sender:
        assert bodies(ask(sender, server.place, times=200)) == [b"ok"] * 200
        assert 1 <= server.connections <= 3


def test_a_request_may_be_sent_from_the_middle_of_an_answer() -> None:
    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    with store(polite) as server, loop() as sender:

        def again(_: HttpAnswer | Breakage) -> None:
            sender.send(server.place, ASK, is_head=False, on_end=ends.put)

        sender.send(server.place, ASK, is_head=False, on_end=again)
        assert bodies([ends.get(timeout=PATIENCE_S)]) == [b"ok"]
        assert server.connections == 1


def test_a_connection_that_the_store_wants_closed_is_not_used_again() -> None:
    def serve(client: socket.socket, _: int) -> None:
        asked(client)
        say(client, more=b"connection: close\r\n")

    with store(serve) as server, loop() as sender:
        assert bodies(ask(sender, server.place) + ask(sender, server.place)) == [b"ok", b"ok"]
        assert server.connections == 2


def test_an_idle_connection_that_the_store_drops_costs_no_request() -> None:
    dropped = threading.Event()

    def serve(client: socket.socket, number: int) -> None:
        asked(client)
        say(client)
        if number == 1:
            client.close()
            dropped.set()
        else:
            polite(client, number)

    with store(serve) as server, loop() as sender:
        ask(sender, server.place)
        assert dropped.wait(PATIENCE_S)
        sleep(0.2)  # for the end to arrive
        assert bodies(ask(sender, server.place)) == [b"ok"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "AnswerBroken"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf", "AnswerBroken"),
        (b"SSH-2.0-server\r\n\r\n", "AnswerBroken"),
    ],
)
def test_an_answer_that_is_lost_or_cut_leaves_the_end_open_and_is_not_asked_for_again(reply: bytes, code: str) -> None:
    requests: list[int] = []

    def serve(client: socket.socket, number: int) -> None:
        asked(client)
        requests.append(number)
        client.sendall(reply)

    with store(serve) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, code)
        assert FailureKind.TRANSIENT.is_unclear
        assert requests == [1]


def test_a_store_that_falls_silent_is_given_up_and_others_go_on() -> None:
    def serve(client: socket.socket, number: int) -> None:
        if number == 1:
            asked(client)
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
            sleep(PATIENCE_S)
        polite(client, number)

    with store(serve) as server, loop(read_timeout_s=0.3) as sender:
        began_s = monotonic()
        (end,) = ask(sender, server.place)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, "ReadTimeout")
        assert monotonic() - began_s < PATIENCE_S / 2
        assert bodies(ask(sender, server.place)) == [b"ok"]


def byte_by_byte(client: socket.socket, _: int) -> None:
    asked(client)
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
    for byte in b"slow but":
        sleep(0.3)
        client.sendall(bytes([byte]))


def test_a_slow_answer_to_a_write_is_waited_for_while_it_comes() -> None:
    with store(byte_by_byte) as server, loop(read_timeout_s=1.0) as sender:
        assert bodies(ask(sender, server.place, message=COPY)) == [b"slow but"]


def test_no_answer_to_a_write_is_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3plan.storage.s3.native.connection._LONGEST_ANSWER_S", 0.5)
    with store(byte_by_byte) as server, loop() as sender:
        (end,) = ask(sender, server.place, message=COPY)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, "TooSlow")


def test_what_is_written_is_answered_in_few_words_or_not_at_all() -> None:
    def serve(client: socket.socket, _: int) -> None:
        asked(client)
        say(client, b" " * (2 << 20))

    with store(serve) as server, loop() as sender:
        (end,) = ask(sender, server.place, message=COPY)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, "AnswerBroken")
        assert bodies(ask(sender, server.place)) == [b" " * (2 << 20)]


def test_what_is_read_and_comes_byte_by_byte_is_given_up() -> None:
    with store(byte_by_byte) as server, loop(read_timeout_s=1.0) as sender:
        (end,) = ask(sender, server.place)
        assert (broken(end).kind, broken(end).code) == (FailureKind.TRANSIENT, "TooSlow")


def test_a_large_answer_may_take_longer_than_the_longest_silence() -> None:
    def serve(client: socket.socket, _: int) -> None:
        asked(client)
        client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 8000\r\n\r\n")
        for _ in range(8):
            sleep(0.3)
            client.sendall(b"x" * 1000)

    with store(serve) as server, loop(read_timeout_s=1.0) as sender:
        assert bodies(ask(sender, server.place)) == [b"x" * 8000]


def test_a_store_that_is_not_there_is_unreachable_for_each_request() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with loop() as sender:
        ends = ask(sender, HostPort("127.0.0.1", port), times=2000)
        assert {(broken(end).kind, broken(end).code) for end in ends} == {
            (FailureKind.UNREACHABLE, "ConnectionRefused")
        }


def test_a_host_that_has_no_address_is_unreachable() -> None:
    with loop() as sender:
        (end,) = ask(sender, HostPort("no-such-host.invalid", 80))
        assert (broken(end).kind, broken(end).code) == (FailureKind.UNREACHABLE, "DnsFailed")


def test_a_name_is_looked_up() -> None:
    with store(polite) as server, loop() as sender:
        assert bodies(ask(sender, HostPort("localhost", server.place.port))) == [b"ok"]


def test_a_large_request_is_sent_whole_while_the_store_reads_slowly() -> None:
    body = b"x" * (8 << 20)
    received: list[int] = []

    def serve(client: socket.socket, _: int) -> None:
        total = 0
        while total < len(body):
            sleep(0.001)
            total += len(client.recv(65536))
        received.append(total)
        say(client)

    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    with store(serve) as server, loop() as sender:
        sender.send(server.place, body, is_head=False, on_end=ends.put)
        assert bodies([ends.get(timeout=PATIENCE_S)]) == [b"ok"]
        assert received == [len(body)]


def test_closing_waits_for_what_is_under_way_and_takes_no_more() -> None:
    release = threading.Event()

    def serve(client: socket.socket, number: int) -> None:
        asked(client)
        release.wait(PATIENCE_S)
        say(client)
        polite(client, number)

    ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()
    with store(serve) as server, loop() as sender:
        sender.send(server.place, ASK, is_head=False, on_end=ends.put)
        sleep(0.1)
        sender.close()
        release.set()
        assert bodies([ends.get(timeout=PATIENCE_S)]) == [b"ok"]
        with pytest.raises(RuntimeError, match="closed"):
            sender.send(server.place, ASK, is_head=False, on_end=ends.put)


def test_a_receiver_that_breaks_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python 3.11 cannot always format two tracebacks at once, as pytest's log would have it here and elsewhere.
    monkeypatch.setattr(logging.getLogger("s3plan.storage.s3.native.loop"), "disabled", True)

    def breaks(_: HttpAnswer | Breakage) -> None:
        raise ZeroDivisionError

    with store(polite) as server, loop() as sender:
        sender.send(server.place, ASK, is_head=False, on_end=breaks)
        assert bodies(ask(sender, server.place)) == [b"ok"]
