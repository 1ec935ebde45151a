"""What did not end well in a plan -> a new plan about those keys, with fresh pins: what `s3plan retry` does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from s3plan.app.paths import EARLIER_FOLDER, journal_path, lock_path
from s3plan.app.plans.planning import plan_loaded
from s3plan.app.plans.selection import Selection
from s3plan.app.requests import ApplyRequest, PlanMade, PlanRequest
from s3plan.app.roots import RememberedRoot, root_in_force
from s3plan.app.runs.absent_journals import existing_journal
from s3plan.app.runs.checks import check_endpoints
from s3plan.app.runs.kept_manifest import resolved_manifest
from s3plan.app.runs.standing import performed_batches
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import load_states
from s3plan.executors.journal.lock import is_held
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.planner.manifest.file import retold_manifest
from s3plan.planner.manifest.local_places import MovedFolder
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.errors import Locked, UsageInvalid
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.header_parts import RetriedRecord
from s3plan.schemas.plan.rows import PhaseName, PlanLocation
from s3plan.schemas.printable import shown_path

MOST_KEYS = 1_000_000


def make_retry_plan(
    plan: Path,
    *,
    journal: Path | None = None,
    output: Path | None = None,
    expires_after: timedelta | None = None,
    on_event: OnEvent = lambda _: None,
) -> PlanMade | None:
    """Plan anew, by the plan's own manifest, what is not as planned: failed, stale, skipped, unknown, withheld.

    None if nothing is. Only those keys are looked at, and the plan's conflicts. Guards count against the whole job, as
    the first plan saw it. Actions without an outcome are left to `apply`, unless withheld deletes wait for them.
    Raises what make_plan raises, Locked while the plan is applied, and UsageInvalid for more than a million keys, or a
    plan that was never applied.
    """
    where = journal or journal_path(plan)
    if is_held(lock_path(where)):
        raise Locked(f"{shown_path(plan)} is being applied; wait for its end, or end it with `s3plan cancel`")
    with open_plan(plan) as opened:
        if existing_journal(opened, journal) is None:
            raise UsageInvalid(f"{shown_path(plan)} was never applied: there is nothing to retry")
        loaded = resolved_manifest(opened)
        check_endpoints(opened, ApplyRequest(plan=plan), loaded.manifest)
        root = root_in_force(opened, RememberedRoot.read(opened, where), asked=None)
        if root is not None:
            on_event(Warned(f"this is planned in {shown_path(Path(root.path))}, where the first plan was applied"))
            loaded = retold_manifest(opened.header.manifest, moved=MovedFolder(root.planned, root.path))
        wanted = _wanted(opened, where)
        retried = {job: _retried(opened, job, keys) for job, keys in wanted.items()}
        record = opened.header.manifest
        names = tuple(job.name for job in opened.header.jobs if job.name in wanted)
        is_partial = opened.header.without_dependencies
    if not wanted:
        return None
    request = PlanRequest(
        manifest=Path(record.path),
        output=output or free_place(plan),
        expires_after=expires_after,
        keep=None,
    )
    left_out = tuple(name for name in loaded.manifest.jobs if name not in names)
    return plan_loaded(
        loaded,
        request,
        Selection(names, left_out, without_dependencies=is_partial),
        open_lister=lambda job, place, _: place.keyed_lister(
            wanted[job].at(place.location), why="those whose actions had not ended well"
        ),
        retried=retried,
        on_event=on_event,
    )


def free_place(plan: Path) -> Path:
    """Return `NAME.retry-N.s3plan` next to the plan, or where it was, with the first N that is free."""
    folder, stem = plan.parent, plan.stem
    if folder.name == EARLIER_FOLDER:
        folder, stem = folder.parent, stem.rpartition(".")[0]
    stem = re.sub(r"\.retry-[0-9]+$", "", stem)
    number = 1
    while (place := folder / f"{stem}.retry-{number}{plan.suffix}").exists():
        number += 1
    return place


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Keys to look at, ascending, and which of them the plan was to write. `unsayable` ones no request can name.

    `untried` are as many writes that are left to `apply` of the plan itself.
    """

    keys: list[bytes]
    due: frozenset[bytes]
    conflicts: frozenset[bytes]
    unsayable: list[bytes]
    untried: int
    unverified: frozenset[bytes] = frozenset()

    def at(self, location: PlanLocation) -> list[bytes]:
        """Return those that can stand at a location: some keys are too long with its prefix."""
        most = MAX_KEY_BYTES - len(location.prefix.encode())
        return [key for key in self.keys if len(key) <= most]


def _wanted(plan: PlanReader, journal: Path) -> dict[str, _Wanted]:
    """Return what did not end well of each job, and with it what the plan could not do; nothing if all is well.

    A job's conflicts hold its deletes back here, too. Actions that were withheld wait for writes of the plan, so with
    them comes each write that is not as planned. Jobs that depend on each other stay together, also where one has
    nothing left to do: what it could not do holds the others back.
    """
    with Journal.read(journal, plan_digest=plan.digest) as opened:
        states = load_states(performed_batches(plan), opened)
    takes_all = any(state.withheld is not None for state in states.values())
    gathered = {job.name: _Gathered() for job in plan.header.jobs}
    total = 0
    for state in states.values():
        phase = plan.phases_by_id[state.batch.phase]
        of_job = gathered[phase.job]
        ends = list(state.not_done())
        positions = [position for position, end in ends if end is not None or takes_all]
        of_job.untried += len(ends) - len(positions) if phase.name is PhaseName.COPY else 0
        total += len(positions)
        if total > MOST_KEYS:
            raise UsageInvalid(
                f"more than {MOST_KEYS:,} actions of {plan.path} did not end well; make a new plan with `s3plan plan`"
            )
        actions = plan.actions(state.batch) if positions else ()
        unverified = state.unverified(positions)
        for position in positions:
            of_job.take(actions[position], is_unverified=position in unverified)
    together = _connected(plan, {name for name, each in gathered.items() if each.keys})
    _take_conflicts(plan, gathered, together)
    return {name: gathered[name].sorted() for name in gathered if name in together}


def _connected(plan: PlanReader, names: set[str]) -> set[str]:
    """Return these jobs and all that depend on them, or they on those, directly or not."""
    found = set(names)
    while True:
        more = {
            name
            for job in plan.header.jobs
            if found & {job.name, *job.depends_on}
            for name in (job.name, *job.depends_on)
        }
        if more <= found:
            return found
        found |= more


def _take_conflicts(plan: PlanReader, gathered: Mapping[str, _Gathered], names: set[str]) -> None:
    """Add the objects that the plan itself could not write, of these jobs."""
    jobs = {job.name for job in plan.header.jobs if job.objects_of_conflicts and job.name in names}
    aside = {phase.id for phase in plan.phases if phase.name is PhaseName.ASIDE and phase.job in jobs}
    for batch, action in plan.iter_actions(phases=aside) if aside else ():
        if action.kind is ActionKind.CONFLICT:
            gathered[plan.phases_by_id[batch.phase].job].take(action)


@dataclass(slots=True)
class _Gathered:
    """What is to be retried of one job, while it is found."""

    keys: set[bytes] = field(default_factory=set)
    due: set[bytes] = field(default_factory=set)
    conflicts: set[bytes] = field(default_factory=set)
    unverified: set[bytes] = field(default_factory=set)
    untried: int = 0

    def take(self, action: Action, *, is_unverified: bool = False) -> None:
        self.keys.add(action.key)
        if is_unverified:
            self.unverified.add(action.key)
        if action.kind.is_write:
            self.due.add(action.key)
        elif action.kind is ActionKind.CONFLICT and action.source_pin is not None:
            self.conflicts.add(action.key)

    def sorted(self) -> _Wanted:
        unsayable = sorted(key for key in self.keys if not _is_sayable(key))
        return _Wanted(
            keys=sorted(self.keys.difference(unsayable)),
            due=frozenset(self.due),
            conflicts=frozenset(self.conflicts.difference(unsayable)),
            unverified=frozenset(self.unverified),
            unsayable=unsayable,
            untried=self.untried,
        )


def _is_sayable(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _retried(plan: PlanReader, name: str, wanted: _Wanted) -> RetriedPlan:
    """Return what a job's new plan has to know of this one; of a retry, with what that one knew of its own."""
    job = plan.header.job(name)
    before = job.retry_of
    if before is None:
        source_objects, destination_objects = job.in_scope
        before = RetriedRecord(
            digest=plan.digest, source_objects=source_objects, destination_objects=destination_objects
        )
    first = before.first_lost
    if first is None and wanted.unsayable:
        first = wanted.unsayable[0].decode("utf-8", "backslashreplace")
    known = {
        "digest": plan.digest,
        "lost_copies": before.lost_copies + len(wanted.unsayable),
        "first_lost": first,
        "untried_copies": before.untried_copies + wanted.untried,
        "archived_objects": before.archived_objects + sum(job.archived_objects.values()),
    }
    return RetriedPlan(before.model_copy(update=known), wanted.due, wanted.conflicts, wanted.unverified, job.key_list)
