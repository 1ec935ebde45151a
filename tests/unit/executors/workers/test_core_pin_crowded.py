"""A core that others want as well is let go of; told by a /proc/stat and clocks of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PosixPath
from threading import Event, Thread

import pytest
from s3plan.executors.workers.core_pin import CorePin, allowed_cores

pytestmark = pytest.mark.skipif(len(allowed_cores()) < 2, reason="needs two cores to choose from")


class Machine:
    """Cores that are as busy as a test says, as proc(5) tells it; time passes when it says so."""

    def __init__(self, folder: Path) -> None:
        self.stat = folder / "stat"
        self.now_s = 1000.0
        self.own_s = 50.0
        self.busy_s = dict.fromkeys(sorted(allowed_cores()), 7000.0)
        self.tell()

    def tell(self) -> None:
        self.stat.write_text(stat_text(self.busy_s), encoding="ascii")

    def pass_time(self, seconds: float, *, core: int | None, others: float = 0.0, own: float = 0.0) -> None:
        """Let time pass in which the core has been busy for so many seconds, with others' work and this process's."""
        assert core is not None
        self.now_s += seconds
        self.own_s += own
        self.busy_s[core] += others + own
        self.tell()

    def pin(self) -> CorePin:
        pin = CorePin(stat=self.stat, clock=lambda: self.now_s, own_clock=lambda: self.own_s)
        pin.pin()
        return pin


def stat_text(busy_s: dict[int, float]) -> str:
    """Columns after the name: user nice system idle iowait irq softirq steal guest guest_nice, in ticks."""
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    lines = [f"cpu{core} {int(busy * ticks_per_s)} 0 0 99 98 0 0 0 0 0" for core, busy in busy_s.items()]
    return "\n".join(["cpu  1 2 3 4 5 6 7 8 9 10", *lines, "intr 12 0 3", "ctxt 5", ""])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    before = os.sched_getaffinity(0)
    yield Machine(tmp_path)
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            os.sched_setaffinity(int(task.name), before)


def test_a_core_that_others_take_for_three_looks_is_let_go_of_by_every_thread(machine: Machine) -> None:
    before, ended = os.sched_getaffinity(0), Event()
    thread = Thread(target=ended.wait)
    thread.start()
    try:
        pin = machine.pin()
        core = pin.core
        for look in range(3):
            assert os.sched_getaffinity(0) == {core} == os.sched_getaffinity(thread.native_id or 0), look
            machine.pass_time(1.0, core=core, others=0.5, own=0.5)
            pin.look()
        assert pin.core is None
        assert os.sched_getaffinity(0) == before == os.sched_getaffinity(thread.native_id or 0)
    finally:
        ended.set()
        thread.join()


def test_once_let_go_of_it_stays_so(machine: Machine) -> None:
    pin = machine.pin()
    core = pin.core
    for _ in range(3):
        machine.pass_time(1.0, core=core, others=1.0)
        pin.look()
    for _ in range(5):
        machine.pass_time(1.0, core=core)
        pin.look()
    assert pin.core is None
    assert len(os.sched_getaffinity(0)) > 1


def test_one_quiet_look_in_between_begins_the_count_anew(machine: Machine) -> None:
    pin = machine.pin()
    core = pin.core
    for others in (0.9, 0.9, 0.1, 0.9, 0.9):
        machine.pass_time(1.0, core=core, others=others)
        pin.look()
    assert pin.core == core
    machine.pass_time(1.0, core=core, others=0.9)
    pin.look()
    assert pin.core is None


@pytest.mark.parametrize(("others", "own"), [(0.0, 1.0), (0.3, 0.7), (0.0, 0.0)])
def test_what_the_process_itself_does_there_crowds_nobody(machine: Machine, others: float, own: float) -> None:
    pin = machine.pin()
    core = pin.core
    for _ in range(20):
        machine.pass_time(1.0, core=core, others=others, own=own)
        pin.look()
    assert pin.core == core
    assert os.sched_getaffinity(0) == {core}


def test_it_looks_once_a_second_however_often_it_is_asked(machine: Machine) -> None:
    pin = machine.pin()
    core = pin.core
    for _ in range(23):  # 2.875 s, in steps that have no remainder
        machine.pass_time(0.125, core=core, others=0.125)
        pin.look()
    assert pin.core == core
    machine.pass_time(0.125, core=core, others=0.125)
    pin.look()
    assert pin.core is None


def test_what_it_missed_between_rare_looks_is_seen_as_a_share_of_the_time(machine: Machine) -> None:
    pin = machine.pin()
    core = pin.core
    for _ in range(3):
        machine.pass_time(10.0, core=core, others=3.0)
        pin.look()
    assert pin.core == core
    for _ in range(3):
        machine.pass_time(10.0, core=core, others=5.0)
        pin.look()
    assert pin.core is None


def test_a_system_that_tells_nothing_more_leaves_the_pin_where_it_is(machine: Machine) -> None:
    pin = machine.pin()
    core = pin.core
    machine.stat.unlink()
    for _ in range(5):
        machine.now_s += 1.0
        pin.look()
    assert pin.core == core
    pin.lift()


class OneBusyCore(PosixPath):
    """A /proc/stat in which the last core is busier each time that it is read."""

    reads: list[int] = []  # noqa: RUF012

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        self.reads.append(len(self.reads))
        last = max(allowed_cores())
        return stat_text({core: 10.0 + (core == last) * len(self.reads) for core in allowed_cores()})


def test_the_quietest_core_is_taken_and_of_equals_the_last(machine: Machine) -> None:
    *_, next_to_last, last = sorted(allowed_cores())
    assert machine.pin().core == last
    os.sched_setaffinity(0, set(machine.busy_s))
    pin = CorePin(stat=OneBusyCore("stat"))
    pin.pin()
    assert pin.core == next_to_last
