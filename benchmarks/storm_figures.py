"""How fast a run followed a throttling storm, and how soon it was back, from the server's count of requests."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.store_port import Rates, Storm

QUARTER, QUARTER_WITHIN_S = 0.25, 5
BACK_SHARE, BACK_WITHIN_S = 0.8, 60
_BEFORE_S = 5  # so many seconds before the storm are the measure
_STAYS_S = 5  # back is who stays back for so long


@dataclass(frozen=True, slots=True)
class StormFigures:
    """Requests a second before the storm; seconds from its begin to a quarter, from its end to 80 %; None is never."""

    before_per_s: float
    quarter_after_s: int | None
    back_after_s: int | None

    @property
    def are_reached(self) -> bool:
        return (
            self.quarter_after_s is not None
            and self.quarter_after_s <= QUARTER_WITHIN_S
            and self.back_after_s is not None
            and self.back_after_s <= BACK_WITHIN_S
        )


def figures_of(rates: Rates, storm: Storm) -> StormFigures:
    """Count to the end of the first second that is low enough, or high enough again, and is followed by others like it.

    For the quarter these are all that are left of the storm, for 80 % the next four.
    """
    received = rates.received
    before = received[max(storm.begins_s - _BEFORE_S, 0) : storm.begins_s]
    before_per_s = median(before) if before else 0.0
    is_low = [each <= before_per_s * QUARTER for each in received[storm.begins_s : storm.ends_s]]
    is_high = [each >= before_per_s * BACK_SHARE for each in received[storm.ends_s :]]
    low = (number for number in range(len(is_low)) if all(is_low[number:]))
    high = (number for number in range(len(is_high) - _STAYS_S + 1) if all(is_high[number : number + _STAYS_S]))
    return StormFigures(before_per_s, _counted(next(low, None)), _counted(next(high, None)))


def _counted(number: int | None) -> int | None:
    return None if number is None else number + 1
