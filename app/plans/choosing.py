"""Which plan a command means: the one that is named, by its path or its id, or the one that it can be about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from s3plan.app.paths import EARLIER_FOLDER, PLAN_SUFFIX, PLANS_FOLDER, journal_path, lock_path, plans_in
from s3plan.app.runs.standing import count_open, read_states
from s3plan.app.runs.status import read_state
from s3plan.executors.journal.ledger import total_counts
from s3plan.executors.journal.lock import is_held
from s3plan.planfile.own_file import objection_to
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import PlanRefused, S3PlanError, UsageInvalid
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.printable import shown_path
from s3plan.schemas.run_states import RunState

_ID = re.compile(r"[0-9a-f]{8,64}")
_BAD = (OutcomeKind.FAILED, OutcomeKind.STALE, OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN)
_SHORT = 8


class Purpose(Enum):
    """What a command without a plan is after."""

    APPLY = auto()  # what has something left to do
    LOOK = auto()  # the same, else the newest
    MEND = auto()  # what did not end well
    STEER = auto()  # what is being applied


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: Path
    digest: str
    made_at: datetime
    state: str
    is_running: bool
    has_run: bool
    left: int  # 0 also where nothing of it can be applied: blocked, expired
    failed: int
    bad: int
    retry_of: str | None


def chosen_plan(named: Path | None, purpose: Purpose, *, directory: Path | None = None) -> Path:
    """Return the plan that is named, or else the only one of the directory that the command can be about.

    A name that is no file's may be a plan's id, of earlier plans too. Without a name only this user's own files are
    taken: whoever else may write to the directory must not choose what is applied. Raises
    UsageInvalid, and PlanRefused for an id that no plan here has.
    """
    directory = Path() if directory is None else directory
    if named is not None:
        return _by_id(named, directory) if _ID.fullmatch(str(named)) and not named.exists() else named
    plans = plans_in(directory)
    own = [path for path in plans if objection_to(path) is None]
    if not own and plans:
        raise UsageInvalid(f"{plans[0]} {objection_to(plans[0])}; name the plan if you trust it")
    if not own:
        raise UsageInvalid(f"there is no plan here; make one with `s3plan plan`, or name one{_earlier_ones(directory)}")
    if len(own) == 1:
        return own[0]
    return _only(own, purpose)


def _earlier_ones(directory: Path) -> str:
    """Return a clause that names the newest of the plans that were put away."""
    found = [path for path in _earlier_in(directory) if objection_to(path) is None and path.name.isprintable()]
    newest = sorted(found, key=lambda path: path.stat().st_mtime_ns)[-1:]
    return "".join(f"; the last that was put away is {path.stem.rpartition('.')[2]}" for path in newest)


def _earlier_in(directory: Path, digits: str = "*") -> list[Path]:
    return sorted((directory / PLANS_FOLDER / EARLIER_FOLDER).glob(f"*.{digits}{PLAN_SUFFIX}"))


def _only(plans: list[Path], purpose: Purpose) -> Path:
    candidates = [found for path in plans if (found := _look_at(path)) is not None]
    mended = {found.retry_of for found in candidates if found.has_run}
    running = [found for found in candidates if found.is_running]
    unfinished = [found for found in candidates if found.left]
    failed = [found for found in candidates if found.failed and found.digest not in mended]
    bad = [found for found in candidates if found.bad and found.digest not in mended]
    newest = sorted(candidates, key=lambda found: found.made_at)[-1:]
    ways = {
        Purpose.APPLY: [unfinished, failed],
        Purpose.LOOK: [running, unfinished, newest],
        Purpose.MEND: [bad, [found for found in newest if found.has_run]],
        Purpose.STEER: [running, unfinished],
    }
    meant = next((found for found in ways[purpose] if found), None)
    if meant is not None and len(meant) == 1:
        return meant[0].path
    which = "unfinished plans" if meant is unfinished else "plans"
    shown = [f"  {shown_path(found.path)} ({found.state})" for found in (meant or candidates)]
    shown = shown or [f"  {shown_path(path)}" for path in plans]
    raise UsageInvalid("\n".join([f"there are {len(shown)} {which} here; name the one you mean:", *shown]))


def _look_at(path: Path) -> _Candidate | None:
    """Return where a plan stands; None for one that cannot be read, which has nothing to offer."""
    journal = journal_path(path)
    try:
        with open_plan(path) as plan:
            states = read_states(plan, journal)
            state = read_state(journal, plan_digest=plan.digest)
            counts = total_counts(states.values())
            is_out = plan.header.is_blocked or plan.header.is_expired(datetime.now(UTC))
            return _Candidate(
                path=path,
                digest=plan.digest,
                made_at=plan.header.made_at,
                state=_word(state, plan.header, is_out=is_out),
                is_running=is_held(lock_path(journal)),
                has_run=state is not RunState.PENDING,
                left=0 if is_out else count_open(states),
                failed=0 if is_out else counts[OutcomeKind.FAILED],
                bad=sum(counts[kind] for kind in _BAD),
                retry_of=plan.header.retried_digest,
            )
    except S3PlanError:
        return None


def _word(state: RunState, header: PlanHeader, *, is_out: bool) -> str:
    if state is not RunState.PENDING:
        return state.value
    if header.is_blocked or is_out:
        return "blocked" if header.is_blocked else "expired"
    if header.actions:
        return "not applied yet"
    return "nothing can be done" if header.objects_of_conflicts else "nothing to do"


def _by_id(named: Path, directory: Path) -> Path:
    """Return the plan whose digest begins so: of the directory, or an earlier one."""
    digits = str(named)
    places = [*plans_in(directory), *_earlier_in(directory, digits[:_SHORT])]
    found = [path for path in places if objection_to(path) is None and _has_digest(path, digits)]
    if not found:
        raise PlanRefused(f"there is no plan {digits} here; `s3plan status` lists the earlier ones")
    return found[0]


def _has_digest(path: Path, digits: str) -> bool:
    try:
        with open_plan(path) as plan:
            return plan.digest.startswith(digits)
    except S3PlanError:
        return False
