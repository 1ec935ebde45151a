"""A fault of ours ends the requests that it hits; none waits forever."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from fakes.raw_store import ASK, PATIENCE_S, Store, ask, asked, bodies, broken, loop, polite, say, store
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.answer import HttpAnswer
from s3plan.storage.s3.native.exchange import Breakage, HostPort
from s3plan.storage.s3.native.loop import HttpLoop

NO_SUCH_PORT = 99_999_999


@pytest.fixture(autouse=True)
def quiet_log(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python 3.11 cannot always format two tracebacks at once, as pytest's log would have it here and elsewhere.
    monkeypatch.setattr(logging.getLogger("s3plan.storage.s3.native.loop"), "disabled", True)


class Held:
    """A store that answers once it may, and a loop of one connection to it: one request under way, others wait."""

    def __init__(
        self, server: Store, sender: HttpLoop, may_answer: threading.Event, was_asked: threading.Event
    ) -> None:
        self.server = server
        self.sender = sender
        self.may_answer = may_answer
        self.was_asked = was_asked
        self.ends: SimpleQueue[HttpAnswer | Breakage] = SimpleQueue()

    def begin(self, *, requests: int) -> None:
        for _ in range(requests):
            self.sender.send(self.server.place, ASK, is_head=False, on_end=self.ends.put)
        assert self.was_asked.wait(PATIENCE_S)

    def end(self) -> HttpAnswer | Breakage:
        return self.ends.get(timeout=PATIENCE_S)


@pytest.fixture
def held() -> Iterator[Held]:
    may_answer, was_asked = threading.Event(), threading.Event()

    def serve(client: socket.socket, _: int) -> None:
        while asked(client):
            was_asked.set()
            may_answer.wait(PATIENCE_S)
            say(client)

    with store(serve) as server, loop(most=1) as sender:
        yield Held(server, sender, may_answer, was_asked)
        may_answer.set()


def breaks() -> None:
    raise ZeroDivisionError("a fault of ours")


def ends() -> None:
    raise SystemExit


def test_a_queued_call_that_breaks_ends_what_waits_and_the_loop_goes_on(held: Held) -> None:
    held.begin(requests=3)
    held.sender.call_soon(breaks)
    found = [broken(held.end()) for _ in range(3)]
    assert sorted(end.kind for end in found) == [
        FailureKind.BAD_REPLY,  # it was under way
        FailureKind.UNREACHABLE,
        FailureKind.UNREACHABLE,
    ]
    assert {end.code for end in found} == {"EngineBroke"}
    held.may_answer.set()
    assert bodies(ask(held.sender, held.server.place)) == [b"ok"]


def test_a_request_that_breaks_the_engine_ends_and_others_go_on() -> None:
    with store(polite) as server, loop() as sender:
        assert bodies(ask(sender, server.place)) == [b"ok"]
        for end in ask(sender, HostPort("127.0.0.1", NO_SUCH_PORT), times=3):
            assert not broken(end).kind.is_credentials
        assert bodies(ask(sender, server.place, times=3)) == [b"ok"] * 3


def test_a_loop_that_dies_ends_what_is_under_way_what_waits_and_what_comes_later(held: Held) -> None:
    held.begin(requests=3)
    held.sender.call_soon(ends)
    assert {broken(held.end()).code for _ in range(3)} == {"EngineBroke"}
    (later,) = ask(held.sender, held.server.place)
    assert (broken(later).kind, broken(later).code) == (FailureKind.INVALID, "EngineBroke")
    assert "the same command goes on" in broken(later).message


def test_requests_that_other_threads_send_while_the_loop_dies_all_end(held: Held) -> None:
    held.begin(requests=1)
    wanted = 400

    def send() -> None:
        for _ in range(wanted // 4):
            held.sender.send(held.server.place, ASK, is_head=False, on_end=held.ends.put)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    held.sender.call_soon(ends)
    for thread in threads:
        thread.join()
    assert len([broken(held.end()) for _ in range(wanted + 1)]) == wanted + 1


def test_a_receiver_is_told_once(held: Held) -> None:
    held.begin(requests=1)
    held.sender.call_soon(breaks)
    held.sender.call_soon(ends)
    assert broken(held.end()).code == "EngineBroke"
    held.may_answer.set()
    ask(held.sender, held.server.place)
    assert held.ends.empty()
