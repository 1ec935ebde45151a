"""A store that stops answering is noticed, asked again, and waited for; on a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.scheduled import FakeClock
from s3plan.executors.pace.circuit_breaker import CircuitBreaker
from s3plan.schemas.failures import FailureKind


class Store:
    """Gets the probes; answers when the test says so."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked_at_s: list[float] = []
        self.tell: Callable[[bool], None] = lambda _: None

    def probe(self, tell: Callable[[bool], None]) -> None:
        self.asked_at_s.append(self.clock())
        self.tell = tell


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Store(self.clock)
        self.breaker = CircuitBreaker(self.store.probe, clock=self.clock)

    def fail(self, times: int, kind: FailureKind = FailureKind.UNREACHABLE) -> None:
        for _ in range(times):
            self.breaker.note(kind)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_ten_failures_in_a_row_open_it_and_the_store_is_asked_at_once(bench: Bench) -> None:
    bench.fail(9)
    assert not bench.breaker.is_open
    bench.fail(1)
    assert bench.breaker.is_open
    assert bench.store.asked_at_s == []
    bench.breaker.look()
    assert bench.store.asked_at_s == [bench.clock()]


@pytest.mark.parametrize("between", [None, FailureKind.DENIED, FailureKind.THROTTLED, FailureKind.NOT_FOUND])
def test_any_answer_in_between_shows_that_the_store_is_there(bench: Bench, between: FailureKind | None) -> None:
    for _ in range(5):
        bench.fail(9, FailureKind.TRANSIENT)
        bench.breaker.note(between)
    assert not bench.breaker.is_open


def test_a_probe_that_is_answered_closes_it(bench: Bench) -> None:
    bench.fail(10)
    bench.breaker.look()
    bench.store.tell(True)
    assert bench.breaker.is_open, "the answer is taken by the scheduler's thread"
    bench.breaker.look()
    assert not bench.breaker.is_open
    bench.fail(9)
    assert not bench.breaker.is_open, "the count begins anew"


def test_probes_follow_each_other_after_growing_pauses_and_one_at_a_time(bench: Bench) -> None:
    bench.fail(10)
    for _ in range(4_000):
        bench.breaker.look()
        bench.store.tell(False)
        bench.breaker.look()
        bench.clock.advance(0.05)
    pauses = [
        later - earlier for earlier, later in zip(bench.store.asked_at_s, bench.store.asked_at_s[1:], strict=False)
    ]
    assert pauses[:6] == pytest.approx([1, 2, 4, 8, 16, 30], abs=0.06)
    assert max(pauses) <= 30.06


def test_a_probe_without_an_answer_is_not_sent_again(bench: Bench) -> None:
    bench.fail(10)
    for _ in range(100):
        bench.breaker.look()
        bench.clock.advance(1)
    assert len(bench.store.asked_at_s) == 1
    assert bench.breaker.is_open


def test_after_ten_minutes_it_gives_up(bench: Bench) -> None:
    assert not bench.breaker.has_given_up
    bench.fail(10)
    bench.clock.advance(599)
    assert not bench.breaker.has_given_up
    bench.clock.advance(2)
    assert bench.breaker.has_given_up
    assert bench.breaker.outage_s == pytest.approx(601)


def test_failures_while_it_is_open_are_not_counted_twice(bench: Bench) -> None:
    bench.fail(10)
    bench.clock.advance(100)
    bench.fail(100)
    assert bench.breaker.outage_s == pytest.approx(100)
