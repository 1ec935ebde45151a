"""Keeps a process on one processor core while it sends requests.

awscrt's threads and Python's hand the interpreter lock to each other with every request; between two cores that costs
more than the second core brings. Threads and children inherit the affinity, so it is set before the engine starts its
threads, by the command or a worker process, never by the library.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, process_time, sleep

_SAMPLE_S = 0.03
_LOOK_EVERY_S = 1.0
_CROWDED_SHARE = 0.4  # of the core's time taken by others
_CROWDED_LOOKS = 3  # in a row
_STAT = Path("/proc/stat")


class CorePin:
    """Holds the process on its quietest core, and lets go if others turn out to want that core as well.

    Only where the system can (Linux) and where there is more than one core to choose from; elsewhere it does nothing.
    """

    def __init__(
        self,
        *,
        stat: Path = _STAT,
        clock: Callable[[], float] = monotonic,
        own_clock: Callable[[], float] = process_time,
    ) -> None:
        """`clock` gives seconds, `own_clock` the processor seconds that this process has taken, `stat` is proc(5)'s."""
        self._stat = stat
        self._clock = clock
        self._own_clock = own_clock
        self._allowed = allowed_cores()
        self.core: int | None = None
        self._looked_s = 0.0
        self._busy_s = 0.0
        self._own_s = 0.0
        self._crowded_looks = 0

    def pin(self, core: int | None = None) -> None:
        """Move to one core (None: the quietest), with all threads that are there and all that come.

        A core that this process may not use is the same as none.
        """
        if len(self._allowed) < 2:
            return
        if core is None or core not in self._allowed:
            core = _quietest(self._allowed, stat=self._stat)
        _move_all_threads({core})
        self.core = core
        self._remember(self._clock())

    def lift(self) -> None:
        """Use every core again; for good, unless `pin` is called again."""
        if self.core is not None:
            self.core = None
            _move_all_threads(self._allowed)

    def look(self) -> None:
        """Lift the pin if others have taken much of the core for three seconds; looks once a second, however often."""
        now_s = self._clock()
        passed_s = now_s - self._looked_s
        if self.core is None or passed_s < _LOOK_EVERY_S:
            return
        busy_s = _busy_s({self.core}, stat=self._stat).get(self.core)
        if busy_s is None:
            return
        others = (busy_s - self._busy_s) - (self._own_clock() - self._own_s)
        self._crowded_looks = self._crowded_looks + 1 if others > _CROWDED_SHARE * passed_s else 0
        self._remember(now_s)
        if self._crowded_looks >= _CROWDED_LOOKS:
            self.lift()

    def _remember(self, now_s: float) -> None:
        self._looked_s, self._own_s = now_s, self._own_clock()
        if self.core is not None:
            self._busy_s = _busy_s({self.core}, stat=self._stat).get(self.core, 0.0)


def allowed_cores() -> set[int]:
    """Return the cores that this process may use; empty where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return set()
    return os.sched_getaffinity(0)


def core_count() -> int:
    """Return how many cores this process may use; where the system does not tell, how many there are."""
    return len(allowed_cores()) or os.cpu_count() or 1


def _move_all_threads(cores: set[int]) -> None:
    """Set the affinity of each thread: the system's call moves one thread, and new ones inherit it."""
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            os.sched_setaffinity(int(task.name), cores)


def _quietest(cores: set[int], *, stat: Path) -> int:
    before = _busy_s(cores, stat=stat)
    sleep(_SAMPLE_S)
    after = _busy_s(cores, stat=stat)
    # Of equally quiet ones the last: interrupts are mostly served by the first.
    return min(sorted(cores, reverse=True), key=lambda core: after.get(core, 0.0) - before.get(core, 0.0))


def _busy_s(cores: set[int], *, stat: Path) -> dict[int, float]:
    """Return the seconds that each core has been busy since the machine started (proc(5), /proc/stat)."""
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    found: dict[int, float] = {}
    with suppress(OSError):
        for line in stat.read_text(encoding="ascii").splitlines():
            name, *numbers = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, numbers[:8])
                found[int(name[3:])] = (user + nice + system + irq + softirq + steal) / ticks_per_s
    return found
