"""Whom a run listens to, whom it tells, and which clocks it goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3plan.schemas.events import OnEvent
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.run_states import RunState, StopLevel, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSurroundings:
    """`check_lock` raises Locked once somebody else has taken the plan over.

    `tell_state` is told when the run is paused and when it goes on. `clock` gives seconds and never goes back, `now_ms`
    is this machine's time, `store_now_ms` that of a location's store.
    """

    stop_level: Callable[[], StopLevel]
    wish: Callable[[], Wish]
    check_lock: Callable[[], None]
    tell_state: Callable[[RunState], None]
    on_event: OnEvent
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    store_now_ms: Callable[[PlanLocation], int]
