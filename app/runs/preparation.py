"""The phase before the first change: the bucket, its owner, and what its store enforces."""

from __future__ import annotations

from datetime import UTC, datetime

from s3plan.app.capabilities import find_out, known_before
from s3plan.app.runs.confirmation import confirmed
from s3plan.app.stores import Stores
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.events import OnEvent, Prepared, Warned
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.rows import LocationRole, PhaseName, PlanLocation
from s3plan.storage.places.buckets import BucketMissing, claim_bucket, create_bucket, find_region, is_owned_by_another
from s3plan.storage.s3.patience import Patience


def prepare(
    plan: PlanReader,
    stores: Stores,
    *,
    is_first: bool,
    allow_checked: bool,
    on_event: OnEvent,
    patience: Patience,
) -> Capabilities:
    """Create the destination's bucket if the plan says so, check owners, find out what is enforced.

    `is_first`: no run of the plan has come further than this; a later one finds the bucket that it made.

    Raises PlanRefused (exit 4) if the store does less than the plan states, StoreRefused, CredentialsUnusable. The
    only things written before that are the bucket and the probe's own objects, which are removed again. What the hooks
    of `patience` raise comes out, too.
    """
    for location in plan.locations:
        stores.check_endpoint(location)
    destination = next(location for location in plan.locations if location.role is LocationRole.DESTINATION)
    for location in plan.locations:
        _find_bucket(plan, stores, location, is_first=is_first, on_event=on_event, patience=patience)
    found = _find_out(plan, stores, destination, on_event=on_event, patience=patience)
    _compare(plan, found, allow_checked=allow_checked, on_event=on_event)
    return found


def _find_out(
    plan: PlanReader, stores: Stores, destination: PlanLocation, *, on_event: OnEvent, patience: Patience
) -> Capabilities:
    """Return what the store enforces: probed now, or known before and seen to be so still."""
    now = datetime.now(UTC)
    known = known_before(destination, now=now)
    if known is None:
        return find_out(stores, destination, now=now, patience=patience)
    needed = needed_conditions(plan)
    return confirmed(plan, stores, destination, known, needed=needed, now=now, on_event=on_event, patience=patience)


def _find_bucket(
    plan: PlanReader, stores: Stores, location: PlanLocation, *, is_first: bool, on_event: OnEvent, patience: Patience
) -> None:
    engine = stores.engine_of(location)
    is_new = location.role is LocationRole.DESTINATION and not plan.header.destination.bucket_exists
    try:
        find_region(engine, location.bucket, owner=location.owner, patience=patience)
    except BucketMissing:
        if location.role is LocationRole.SOURCE or not plan.header.settings.create_bucket:
            raise
        create_bucket(engine, location.bucket, region=location.region, patience=patience)
        where = f" in {location.region}" if location.region else ""
        at = f" at {location.endpoint}" if location.endpoint else ""
        on_event(Prepared(f"created the bucket {location.bucket}{where}{at}"))
    else:
        if is_new and is_first:
            claim_bucket(engine, location.bucket, region=location.region, owner=location.owner, patience=patience)
    if is_owned_by_another(engine, location.bucket, owner=location.owner, patience=patience):
        raise PlanRefused(f"{location.url} is not owned by {location.owner} any more, as the plan says")


def _compare(plan: PlanReader, found: Capabilities, *, allow_checked: bool, on_event: OnEvent) -> None:
    """Hold what the store does against what the plan states, for the conditions that its actions need."""
    stated = dict.fromkeys(Condition, Enforcement.ENFORCED)  # what a plan is silent about it cannot do without
    stated |= {record.condition: record.enforcement for record in plan.header.capabilities}
    needed = needed_conditions(plan)
    less = [condition for condition in needed if found[condition].rank < stated[condition].rank]
    if less and not allow_checked:
        which = "; ".join(f"{condition}: planned {stated[condition]}, found {found[condition]}" for condition in less)
        raise PlanRefused(
            f"the store enforces less than the plan states ({which}); plan again, or accept it with --allow-checked"
        )
    deletes = {Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH} & set(needed)
    if deletes and not _is_covered(found) and not plan.header.settings.unpinned_deletes:
        raise PlanRefused(
            "this store does not enforce that a deleted object is still the planned one; to let s3plan look, "
            "compare and then delete, say `delete: {unpinned: allow}` in the manifest and plan again"
        )
    if deletes and found[Condition.DELETE_MATCH].by_store and not found[Condition.BATCH_DELETE_MATCH].by_store:
        number = plan.header.objects_of(VerdictKind.DELETE)
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


def _is_covered(found: Capabilities) -> bool:
    return found[Condition.DELETE_MATCH].by_store or found[Condition.BATCH_DELETE_MATCH].by_store


def needed_conditions(plan: PlanReader) -> list[Condition]:
    """Return the conditions that this plan's actions rest on."""
    header = plan.header
    creates, overwrites = header.objects_of(VerdictKind.COPY), header.objects_of(VerdictKind.OVERWRITE)
    threshold_bytes = header.settings.multipart_threshold_bytes
    copies = [batch for batch in plan.batches if plan.phases_by_id[batch.phase].name is PhaseName.COPY]
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
    if header.objects_of(VerdictKind.DELETE):
        needed += [Condition.BATCH_DELETE_MATCH, Condition.DELETE_MATCH]
    return needed
