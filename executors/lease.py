"""Until when a run may take it that it still holds its plan, where a heartbeat and not the kernel says who does.

A process that was stopped, or a machine that slept, wakes up and goes on in the middle of whatever it did, while
somebody else may have taken over. So what it knows of its lock is good for a short while only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

# It counts while the machine sleeps, where the system has such a clock.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def lease_clock_s() -> float:
    """Return the seconds that leases are counted in: the same for all processes of this machine."""
    return time.clock_gettime(_CLOCK)


@dataclass(slots=True)
class Lease:
    """Written by one thread, read by any; a worker has one of its own, which its apply prolongs."""

    until_s: float
    is_lost: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether the plan is still ours beyond doubt: requests may be sent, and the journal written."""
        return not self.is_lost and lease_clock_s() < self.until_s
