"""Failed and stale actions of a plan -> a new plan about their keys, with fresh pins: what `s3plan retry` does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from s3plan.app.checks import check_endpoints
from s3plan.app.places import journal_path, lock_path
from s3plan.app.planning import plan_loaded
from s3plan.app.requests import ApplyRequest, PlanMade, PlanRequest
from s3plan.app.standing import performed_batches
from s3plan.executors.journal import Journal
from s3plan.executors.ledger import BatchState, load_states
from s3plan.executors.lock import is_held
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.planner.build import WholeScope
from s3plan.planner.manifest_file import parse_manifest
from s3plan.schemas.errors import Locked, UsageInvalid
from s3plan.schemas.events import OnEvent
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.storage.keyed_listing import KeyedLister

MOST_KEYS = 1_000_000
_RETRIED = frozenset({OutcomeKind.FAILED, OutcomeKind.STALE})


def make_retry_plan(
    plan: Path,
    *,
    journal: Path | None = None,
    output: Path | None = None,
    expires_after: timedelta | None = None,
    on_event: OnEvent = lambda _: None,
) -> PlanMade | None:
    """Plan anew, by the plan's own manifest, what failed, is stale or was withheld; None if nothing did.

    Only those keys are looked at. Guards count against the whole job, as the first plan saw it. Actions without an
    outcome are left to `apply`. Raises what make_plan raises, Locked while the plan is applied, and UsageInvalid for
    more than a million keys, or a plan that was never applied.
    """
    where = journal or journal_path(plan)
    if is_held(lock_path(where)):
        raise Locked(f"{plan} is being applied; wait for it, or stop it")
    if not where.exists():
        raise UsageInvalid(f"{plan} was never applied: there is nothing to retry")
    with open_plan(plan) as opened:
        check_endpoints(opened, ApplyRequest(plan=plan))
        keys = _keys(opened, where)
        header = opened.header
    if not keys:
        return None
    request = PlanRequest(
        manifest=Path(header.manifest.path),
        output=output or free_place(plan),
        expires_after=expires_after,
    )
    return plan_loaded(
        parse_manifest(header.manifest.text.encode(), path=request.manifest),
        request,
        open_lister=lambda engine, location, _: KeyedLister(engine, location, keys),
        whole=WholeScope(header.source.objects, header.destination.objects),
        on_event=on_event,
    )


def free_place(plan: Path) -> Path:
    """Return `NAME.retry-N.s3plan` beside the plan, with the first N that is free."""
    stem = re.sub(r"\.retry-[0-9]+$", "", plan.stem)
    number = 1
    while (place := plan.with_name(f"{stem}.retry-{number}{plan.suffix}")).exists():
        number += 1
    return place


def _keys(plan: PlanReader, journal: Path) -> list[bytes]:
    """Return the keys, ascending."""
    with Journal.read(journal, plan_digest=plan.digest) as opened:
        states = load_states(performed_batches(plan), opened)
    keys: list[bytes] = []
    for state in states.values():
        positions = list(_positions(state))
        if len(keys) + len(positions) > MOST_KEYS:
            raise UsageInvalid(
                f"more than {MOST_KEYS:,} actions of {plan.path} did not end well; make a new plan with `s3plan plan`"
            )
        if positions:
            actions = plan.actions(state.batch)
            keys += [actions[position].key for position in positions]
    return sorted(keys)


def _positions(state: BatchState) -> Iterator[int]:
    for position, end in state.not_done():
        if end in _RETRIED or (end is None and state.withheld is not None):
            yield position
