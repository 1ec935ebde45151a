"""Asks a running apply, from another process, to pause, to go on, or to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from s3plan.app.paths import journal_path, lock_path
from s3plan.app.runs.status import read_state
from s3plan.executors.journal.control_file import ask, control_path
from s3plan.executors.journal.lock import is_held, read_holder
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.run_states import RunState, Wish

_LOOK_EVERY_S = 0.1
_SETTLES_WITHIN_S = 0.5  # from taking the lock to writing in it
_WHILE_RUNNING = {
    Wish.PAUSE: frozenset({RunState.PAUSED}),
    Wish.GO_ON: frozenset({RunState.RUNNING}),
    Wish.CANCEL: frozenset[RunState](),
}


@dataclass(frozen=True, slots=True)
class ControlReport:
    """What has become of the wish: the run's state now, and whether that is what was wished for."""

    plan: Path
    state: RunState
    is_granted: bool


def ask_run(plan: Path, wish: Wish, *, journal: Path | None = None, patience_s: float) -> ControlReport:
    """Ask the apply that runs this plan, and wait up to `patience_s` for it to follow.

    Raise S3PlanError if the plan is not being applied, PlanRefused, PlanDamaged, JournalRefused. A run that ends
    meanwhile needs no pause any more: then its end is the answer.
    """
    where = journal or journal_path(plan)
    with open_plan(plan) as opened:
        digest = opened.digest
    if not is_held(lock_path(where)):
        raise S3PlanError(f"{plan} is not being applied now, so there is nothing to {_verb(wish)}")
    asked: str | None = None
    until_s = (began_s := monotonic()) + patience_s
    while True:
        holder = read_holder(lock_path(where))
        token = "" if holder is None else holder.token
        if token != asked and (asked is None or monotonic() - began_s < _SETTLES_WITHIN_S):
            ask(control_path(where), wish, plan_digest=digest, holder=token)
            asked = token
        state = read_state(where, plan_digest=digest)
        goes_on = state in {RunState.RUNNING, RunState.PAUSED}
        if not goes_on or state in _WHILE_RUNNING[wish] or monotonic() >= until_s:
            return ControlReport(plan, state, is_granted=not goes_on or state in _WHILE_RUNNING[wish])
        sleep(_LOOK_EVERY_S)


def _verb(wish: Wish) -> str:
    return "unpause" if wish is Wish.GO_ON else wish.value
