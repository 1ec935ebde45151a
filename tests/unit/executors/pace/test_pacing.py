"""Rate, bandwidth and throttling, on a clock that moves only when told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.scheduled import FakeClock
from s3plan.executors.pace.pacing import Pace, RunControl
from s3plan.schemas.plan.places import Place

HERE = Place("", None, "eu-central-1")


class Sender:
    """Sends one request after another, as fast as it may."""

    def __init__(self, control: RunControl, clock: FakeClock, *, request_s: float = 0.001, place: Place = HERE) -> None:
        self.control = control
        self.place = place
        self.clock = clock
        self.request_s = request_s
        self.sent = 0

    def send_for(self, seconds: float, *, size_bytes: int = 0) -> int:
        """Return how many requests were sent in that time."""
        before = self.sent
        until_s = self.clock() + seconds
        while self.clock() < until_s:
            self.clock.advance(self.control.reserve(self.place, size_bytes=size_bytes) + self.request_s)
            self.sent += 1
        return self.sent - before


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_without_limits_nothing_waits(clock: FakeClock) -> None:
    control = RunControl(in_flight=5, clock=clock)
    assert [control.reserve(HERE, size_bytes=10**9) for _ in range(100)] == [0.0] * 100
    assert (control.in_flight, control.stopping, control.abandoned, control.is_throttled) == (5, False, False, False)


def test_a_rate_is_kept(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, rate_per_s=50, clock=clock), clock)
    assert sender.send_for(10) == pytest.approx(500, rel=0.02)


def test_a_rate_is_not_saved_up(clock: FakeClock) -> None:
    control = RunControl(in_flight=5, rate_per_s=10, clock=clock)
    clock.advance(1000)
    assert sum(control.reserve(HERE, size_bytes=0) == 0.0 for _ in range(20)) == 1


def test_a_bandwidth_is_kept_whatever_the_sizes(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, bandwidth_bytes_per_s=1000, clock=clock), clock)
    assert sender.send_for(100, size_bytes=500) == pytest.approx(200, rel=0.05)
    assert sender.control.reserve(HERE, size_bytes=0) == 0.0, "what moves nothing is not held up"


def test_throttling_halves_the_rate_and_quiet_seconds_bring_it_back(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, clock=clock), clock)
    before = sender.send_for(3) / 3
    sender.control.slow_down(HERE)
    assert sender.control.is_throttled
    assert sender.send_for(0.9) / 0.9 == pytest.approx(before / 2, rel=0.1)
    seconds = 0
    while sender.control.is_throttled:
        sender.send_for(1)
        seconds += 1
        assert seconds < 20
    assert seconds >= 5
    assert sender.send_for(1) == pytest.approx(before, rel=0.1)


def test_many_refusals_in_one_second_are_one_signal(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, clock=clock), clock)
    before = sender.send_for(3) / 3
    for _ in range(50):
        sender.control.slow_down(HERE)
        clock.advance(0.01)
    assert sender.send_for(0.4) / 0.4 == pytest.approx(before / 2, rel=0.1)


def test_a_storm_that_goes_on_lowers_the_rate_second_by_second(clock: FakeClock) -> None:
    """Requests go on while refusals come: the rate must not rise between them."""
    sender = Sender(RunControl(in_flight=5, clock=clock), clock)
    sender.send_for(3)
    sent = []
    for _ in range(8):
        in_second = 0
        for _ in range(20):
            sender.control.slow_down(HERE)
            in_second += sender.send_for(0.05)
        sent.append(in_second)
    assert all(later <= earlier * 0.65 for earlier, later in pairwise(sent[:5])), sent
    assert sent[-1] <= sent[0] / 10


def test_a_storm_of_twenty_seconds_is_followed_quickly_and_forgotten_within_a_minute(clock: FakeClock) -> None:
    """The figures of the issue: a quarter within 5 s, 80 % again within 60 s after it."""
    sender = Sender(RunControl(in_flight=5, clock=clock), clock, request_s=0.0002)
    before = sender.send_for(3) / 3
    sent = []
    for _ in range(20):
        in_second = 0
        for _ in range(20):
            sender.control.slow_down(HERE)
            in_second += sender.send_for(0.05)
        sent.append(in_second)
    assert sent[4] <= before / 4
    assert sender.send_for(40) > 0
    assert sender.send_for(1) >= before * 0.8


def test_the_rate_never_falls_below_one_a_second_and_recovers_from_there(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, clock=clock), clock)
    sender.send_for(3)
    for _ in range(60):
        sender.control.slow_down(HERE)
        clock.advance(1.0)
    assert 1 <= sender.send_for(10) <= 40
    sender.send_for(200)
    assert not sender.control.is_throttled


def test_the_manifests_rate_holds_under_throttling_and_after(clock: FakeClock) -> None:
    sender = Sender(RunControl(in_flight=5, rate_per_s=100, clock=clock), clock)
    sender.send_for(3)
    sender.control.slow_down(HERE)
    assert sender.send_for(0.9) <= 60
    sender.send_for(30)
    assert not sender.control.is_throttled
    assert sender.send_for(10) == pytest.approx(1000, rel=0.02)


def test_a_very_long_silence_after_throttling_is_no_error(clock: FakeClock) -> None:
    control = RunControl(in_flight=5, clock=clock)
    control.slow_down(HERE)
    clock.advance(10**7)
    assert control.reserve(HERE, size_bytes=0) == 0.0
    assert not control.is_throttled


def test_stopping_and_abandoning() -> None:
    control = RunControl(in_flight=1)
    control.stop()
    assert (control.stopping, control.abandoned) == (True, False)
    control.abandon()
    assert (control.stopping, control.abandoned) == (True, True)


def test_a_pace_is_divided_and_kept_to_by_others(clock: FakeClock) -> None:
    whole = RunControl(in_flight=5, rate_per_s=100, bandwidth_bytes_per_s=1000, clock=clock)
    share = whole.pace().divided(4)
    assert share == Pace(25.0, 250.0)
    part = RunControl(in_flight=5, clock=clock)
    part.keep_to(share)
    assert Sender(part, clock, request_s=0.0001).send_for(10) == pytest.approx(250, rel=0.02)
    part.keep_to(Pace())
    assert part.reserve(HERE, size_bytes=10**9) >= 0.0
    assert part.reserve(HERE, size_bytes=10**9) == 0.0
    assert Pace().divided(3) == Pace()


def test_a_refusal_slows_down_what_others_send_and_the_pace_comes_back(clock: FakeClock) -> None:
    """The requests are sent by workers, which tell how many; the scheduler hears of the refusals."""
    whole = RunControl(in_flight=5, clock=clock)
    for _ in range(30):
        clock.advance(0.1)
        whole.note_requests(HERE, 20)
    assert (whole.requests, whole.pace().rate_at(HERE)) == (600, None)
    whole.slow_down(HERE)
    assert whole.pace().rate_at(HERE) == pytest.approx(100, rel=0.1)
    clock.advance(3)
    assert whole.pace().rate_at(HERE) == pytest.approx(100 * 1.15**3, rel=0.1)
    clock.advance(10)
    assert whole.pace().rate_at(HERE) is None
    assert not whole.is_throttled


def test_another_number_of_requests_under_way_is_taken_at_once(clock: FakeClock) -> None:
    control = RunControl(in_flight=5, clock=clock)
    control.allow(2)
    assert control.in_flight == 2
