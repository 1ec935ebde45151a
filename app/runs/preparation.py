"""The phase before the first change: the bucket, its owner, and what its store enforces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from s3plan.app.runs.confirmation import Wanted, confirmed
from s3plan.app.stores import Stores
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.events import OnEvent, Prepared, Warned
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import PhaseName, PlanLocation
from s3plan.storage.s3.patience import Patience


def prepare(
    plan: PlanReader,
    stores: Stores,
    *,
    is_first: bool,
    allow_checked: bool,
    on_event: OnEvent,
    patience: Patience,
) -> dict[int, Capabilities]:
    """Make the places that the plan says, check owners, find out what is enforced where it writes.

    Returns that by the locations' ids. `is_first`: no run of the plan has come further than this; a later one finds
    the places that it made.

    Raises PlanRefused (exit 4) if a store does less than the plan states, StoreRefused, CredentialsUnusable. The
    only things written before that are the places and the probe's own objects, which are removed again. What the hooks
    of `patience` raise comes out, too.
    """
    for location in plan.locations:
        stores.check_endpoint(location)
    for location in plan.locations:
        _find(plan, stores, location, is_first=is_first, on_event=on_event, patience=patience)
    found: dict[int, Capabilities] = {}
    for destination, jobs in jobs_by_destination(plan).items():
        location = plan.locations_by_id[destination]
        known = _find_out(plan, stores, location, jobs, on_event=on_event, patience=patience)
        _compare(plan, location, jobs, known, allow_checked=allow_checked, on_event=on_event)
        found[destination] = known
    return found


def jobs_by_destination(plan: PlanReader) -> dict[int, list[JobRecord]]:
    """Return the jobs that write to each location."""
    found: dict[int, list[JobRecord]] = {}
    for job in plan.header.jobs:
        found.setdefault(job.to_location, []).append(job)
    return found


def _find_out(
    plan: PlanReader,
    stores: Stores,
    destination: PlanLocation,
    jobs: Sequence[JobRecord],
    *,
    on_event: OnEvent,
    patience: Patience,
) -> Capabilities:
    """Return what the store enforces: probed now, or known before and seen to be so still."""
    now = datetime.now(UTC)
    conditions = stores.at(destination).conditions
    known = conditions.known(now=now)
    if Enforcement.UNKNOWN in known.values():
        return conditions.find_out(now=now, patience=patience)
    needed = needed_conditions(plan, jobs)
    wanted = Wanted(plan, stores, destination, tuple(jobs))
    return confirmed(wanted, known, needed=needed, now=now, on_event=on_event, patience=patience)


def _find(
    plan: PlanReader, stores: Stores, location: PlanLocation, *, is_first: bool, on_event: OnEvent, patience: Patience
) -> None:
    makers = [job for job in plan.header.jobs if job.to_location == location.id and job.settings.create_bucket]
    was_missing = any(not job.destination.bucket_exists for job in makers)
    made = stores.at(location).prepare(may_make=bool(makers), was_missing=was_missing and is_first, patience=patience)
    if made is not None:
        on_event(Prepared(made))


def _compare(
    plan: PlanReader,
    location: PlanLocation,
    jobs: Sequence[JobRecord],
    found: Capabilities,
    *,
    allow_checked: bool,
    on_event: OnEvent,
) -> None:
    """Hold what the store does against what the plan states, for the conditions that the jobs' actions need."""
    stated = dict.fromkeys(Condition, Enforcement.ENFORCED)  # what a plan is silent about it cannot do without
    for place in plan.header.places:
        if place.location == location.id:
            stated |= {record.condition: record.enforcement for record in place.capabilities}
    needed = needed_conditions(plan, jobs)
    less = [condition for condition in needed if found[condition].rank < stated[condition].rank]
    if less and not allow_checked:
        which = "; ".join(f"{condition}: planned {stated[condition]}, found {found[condition]}" for condition in less)
        raise PlanRefused(
            f"the store enforces less than the plan states ({which}); plan again, or accept it with --allow-checked"
        )
    deletes = {Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH} & set(needed)
    if deletes and not _is_covered(found) and not all(_may_delete_unpinned(job) for job in jobs):
        raise PlanRefused(
            "this store does not enforce that a deleted object is still the planned one; to let s3plan look, "
            "compare and then delete, say `delete: {unpinned: allow}` in the manifest and plan again"
        )
    if deletes and found[Condition.DELETE_MATCH].by_store and not found[Condition.BATCH_DELETE_MATCH].by_store:
        number = sum(job.objects_of(VerdictKind.DELETE) for job in jobs)
        many = f"{number:,} deletes go" if number != 1 else "1 delete goes"
        on_event(Prepared(f"{many} one by one: this store holds no conditions in deletes of many objects at once"))
    checked = [
        condition
        for condition in needed
        if found[condition] is Enforcement.CHECKED and not (condition in deletes and _is_covered(found))
    ]
    if checked:
        on_event(
            Warned(
                f"this store ignores conditions ({', '.join(checked)}): s3plan looks, compares, then acts; "
                "a change in between is not noticed"
            )
        )


def _may_delete_unpinned(job: JobRecord) -> bool:
    return job.settings.unpinned_deletes or not job.objects_of(VerdictKind.DELETE)


def _is_covered(found: Capabilities) -> bool:
    return found[Condition.DELETE_MATCH].by_store or found[Condition.BATCH_DELETE_MATCH].by_store


def needed_conditions(plan: PlanReader, jobs: Sequence[JobRecord]) -> list[Condition]:
    """Return the conditions that the actions of these jobs rest on."""
    creates, overwrites = (
        sum(job.objects_of(kind) for job in jobs) for kind in (VerdictKind.COPY, VerdictKind.OVERWRITE)
    )
    threshold_bytes = plan.header.run.multipart_threshold_bytes
    copies = plan.batches_of(PhaseName.COPY, {job.name for job in jobs})
    has_large = any(batch.actions == 1 and batch.size_bytes >= threshold_bytes for batch in copies)
    has_small = any(batch.actions > 1 or batch.size_bytes < threshold_bytes for batch in copies)
    needed: list[Condition] = []
    if has_small:
        needed += [Condition.COPY_SOURCE_MATCH]
        needed += [Condition.COPY_ABSENT] if creates else []
        needed += [Condition.COPY_MATCH] if overwrites else []
    if has_large:
        needed += [Condition.PART_SOURCE_MATCH]
        needed += [Condition.COMPLETE_ABSENT] if creates else []
        needed += [Condition.COMPLETE_MATCH] if overwrites else []
    if any(job.objects_of(VerdictKind.DELETE) for job in jobs):
        needed += [Condition.BATCH_DELETE_MATCH, Condition.DELETE_MATCH]
    return needed
