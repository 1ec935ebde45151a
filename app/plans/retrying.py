"""What did not end well in a plan -> a new plan about those keys, with fresh pins: what `s3plan retry` does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from s3plan.app.paths import EARLIER_FOLDER, journal_path, lock_path
from s3plan.app.plans.planning import plan_loaded
from s3plan.app.requests import ApplyRequest, PlanMade, PlanRequest
from s3plan.app.runs.absent_journals import existing_journal
from s3plan.app.runs.checks import check_endpoints
from s3plan.app.runs.standing import performed_batches
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import load_states
from s3plan.executors.journal.lock import is_held
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.errors import Locked, UsageInvalid
from s3plan.schemas.events import OnEvent
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.header import RetriedRecord
from s3plan.schemas.plan.rows import PhaseName, PlanLocation
from s3plan.schemas.printable import shown_path
from s3plan.storage.listing.keyed import KeyedLister

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
        check_endpoints(opened, ApplyRequest(plan=plan))
        wanted = _wanted(opened, where)
        retried = _retried(opened, wanted)
        record = opened.header.manifest
    if not wanted.keys:
        return None
    request = PlanRequest(
        manifest=Path(record.path),
        output=output or free_place(plan),
        expires_after=expires_after,
        keep=None,
    )
    return plan_loaded(
        parse_manifest(record.text.encode(), path=request.manifest),
        request,
        open_lister=lambda engine, location, _: KeyedLister(engine, location, wanted.at(location)),
        retried=retried,
        on_event=on_event,
    )


def free_place(plan: Path) -> Path:
    """Return `NAME.retry-N.s3plan` beside the plan, or where it was, with the first N that is free."""
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

    def at(self, location: PlanLocation) -> list[bytes]:
        """Return those that can stand at a location: some keys are too long with its prefix."""
        most = MAX_KEY_BYTES - len(location.prefix.encode())
        return [key for key in self.keys if len(key) <= most]


def _wanted(plan: PlanReader, journal: Path) -> _Wanted:
    """Return what did not end well, and with it what the plan could not do: its conflicts hold deletes back here, too.

    Deletes that were withheld wait for every write of the plan, so with them comes each that is not as planned.
    """
    with Journal.read(journal, plan_digest=plan.digest) as opened:
        states = load_states(performed_batches(plan), opened)
    takes_all = any(state.withheld is not None for state in states.values())
    keys: set[bytes] = set()
    due: set[bytes] = set()
    conflicts: set[bytes] = set()
    untried = 0

    def take(key: bytes, *, among: set[bytes] | None) -> None:
        keys.add(key)
        if among is not None:
            among.add(key)
        if len(keys) > MOST_KEYS:
            raise UsageInvalid(
                f"more than {MOST_KEYS:,} actions of {plan.path} did not end well; make a new plan with `s3plan plan`"
            )

    for state in states.values():
        ends = list(state.not_done())
        positions = [position for position, end in ends if end is not None or takes_all]
        untried += len(ends) - len(positions) if plan.phases_by_id[state.batch.phase].name is PhaseName.COPY else 0
        actions = plan.actions(state.batch) if positions else ()
        for position in positions:
            take(actions[position].key, among=due if actions[position].kind is ActionKind.COPY else None)
    if keys and plan.header.objects_of_conflicts:
        aside = {phase.id for phase in plan.phases_by_id.values() if phase.name is PhaseName.ASIDE}
        for _, action in plan.iter_actions(phases=aside):
            if action.kind is ActionKind.CONFLICT:
                take(action.key, among=None if action.source_etag is None else conflicts)
    unsayable = sorted(key for key in keys if not _is_sayable(key))
    return _Wanted(
        keys=sorted(keys.difference(unsayable)),
        due=frozenset(due),
        conflicts=frozenset(conflicts.difference(unsayable)),
        unsayable=unsayable,
        untried=untried,
    )


def _is_sayable(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _retried(plan: PlanReader, wanted: _Wanted) -> RetriedPlan:
    """Return what the new plan has to know of this one; of a retry, with what that one knew of its own."""
    header, before = plan.header, plan.header.retry_of
    if before is None:
        before = RetriedRecord(
            digest=plan.digest, source_objects=header.source.objects, destination_objects=header.destination.objects
        )
    first = before.first_lost
    if first is None and wanted.unsayable:
        first = wanted.unsayable[0].decode("utf-8", "backslashreplace")
    known = {
        "digest": plan.digest,
        "lost_copies": before.lost_copies + len(wanted.unsayable),
        "first_lost": first,
        "untried_copies": before.untried_copies + wanted.untried,
    }
    return RetriedPlan(before.model_copy(update=known), wanted.due, wanted.conflicts)
