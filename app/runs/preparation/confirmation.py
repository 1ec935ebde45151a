"""Before an apply relies on what a table or an earlier probe says of its store, the store is asked once more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from s3plan.app.stores import Stores
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.plan.actions import Action, VerdictKind
from s3plan.schemas.plan.conditions import Capabilities, Condition
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import Batch, PhaseName, PlanLocation
from s3plan.storage.conditions.confirmation import TrialResult
from s3plan.storage.conditions.trial_copies import Sample
from s3plan.storage.places.location import LocationConditions
from s3plan.storage.s3.patience import Patience

_OF_COPIES = frozenset({Condition.COPY_SOURCE_MATCH, Condition.COPY_ABSENT, Condition.COPY_MATCH})
_OF_UPLOADS = frozenset({Condition.PART_SOURCE_MATCH, Condition.COMPLETE_ABSENT, Condition.COMPLETE_MATCH})
_OF_DELETES = frozenset({Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH})
_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A place that jobs of a plan write to, by these engines."""

    plan: PlanReader
    stores: Stores
    destination: PlanLocation
    jobs: tuple[JobRecord, ...]
    reading: Lock = field(default_factory=Lock)  # held while the plan's rows are read


def conditions_for(stores: Stores, destination: PlanLocation, jobs: Collection[JobRecord]) -> LocationConditions:
    """Return the conditions of a place, found out by objects as the first job that writes there makes them."""
    conditions = stores.at(destination).conditions
    job = next((job for job in jobs if job.to_location == destination.id and not job.only_deletes), None)
    return conditions if job is None else conditions.written_with(job.encryption, job.settings.acl)


def confirmed(
    wanted: Wanted,
    found: Capabilities,
    *,
    needed: Collection[Condition],
    now: datetime,
    on_event: OnEvent,
    patience: Patience | None = None,
) -> Capabilities:
    """Return `found`, if the store refuses wrong conditions of the kinds that the plan needs; else what a probe finds.

    A store of the table (AWS) is asked if the plan overwrites or deletes, by copies that make nothing when they are
    refused; every other store always. Raises PlanRefused if wrong ones are executed and no probe can be made,
    StoreRefused, CredentialsUnusable.
    """
    destination, stores = wanted.destination, wanted.stores
    conditions = conditions_for(stores, destination, wanted.jobs)
    is_documented = conditions.is_documented
    changes = sum(job.objects_of(kind) for job in wanted.jobs for kind in (VerdictKind.OVERWRITE, VerdictKind.DELETE))
    if is_documented and not changes:
        return found
    believed = _believed(found, needed, deletes_too=not is_documented)
    if not believed:
        return found
    with wanted.reading:
        samples = _samples(wanted, believed)
    finding, words = conditions.try_wrong_ones(believed, samples, patience=patience)
    if finding is TrialResult.REFUSED:
        return found
    if finding is TrialResult.UNTOLD and is_documented:
        on_event(
            Warned(
                f"whether {destination.bucket} still refuses wrong conditions could not be found out ({words}); it is "
                "believed to, as its store is known for it"
            )
        )
        return found
    try:
        return conditions.probe(now=now, patience=patience)
    except StoreRefused as refused:
        if finding is TrialResult.TAKEN:
            raise PlanRefused(
                f"{destination.bucket}: the store executes requests whose conditions do not hold, so what changed "
                f"after the plan would be overwritten or deleted; what it enforces cannot be found out: {refused}"
            ) from refused
        raise


def _believed(found: Capabilities, needed: Collection[Condition], *, deletes_too: bool) -> frozenset[Condition]:
    """Return the fewest conditions that stand for all that the plan relies on."""
    relied_on = {condition for condition in needed if found[condition].by_store}
    if not deletes_too:
        relied_on = relied_on - _OF_DELETES or ({Condition.COPY_SOURCE_MATCH} if relied_on else set())
    for absent, match in (
        (Condition.COPY_ABSENT, Condition.COPY_MATCH),
        (Condition.COMPLETE_ABSENT, Condition.COMPLETE_MATCH),
        (Condition.PUT_ABSENT, Condition.PUT_MATCH),
    ):
        if absent in relied_on and found[match].by_store:
            relied_on = relied_on - {absent} | {match}
    if relied_on & {Condition.PUT_ABSENT, Condition.PUT_MATCH}:  # of files, which no trial can copy from
        relied_on -= {Condition.COMPLETE_ABSENT, Condition.COMPLETE_MATCH}
    if Condition.COPY_MATCH in relied_on:
        relied_on -= _OF_UPLOADS
    if Condition.BATCH_DELETE_MATCH in relied_on:
        relied_on -= {Condition.DELETE_MATCH}
    return frozenset(relied_on)


def _samples(wanted: Wanted, believed: frozenset[Condition]) -> Sequence[Sample | None]:
    """Return the smallest objects of the first batch that has such as are needed, to be tried one after another."""
    if not believed & (_OF_COPIES | _OF_UPLOADS):
        return [None]
    plan, jobs = wanted.plan, {job.name for job in wanted.jobs if not job.is_relayed}  # its source is elsewhere
    threshold_bytes = plan.header.run.multipart_threshold_bytes
    takes_large = bool(believed & _OF_UPLOADS)
    for batch in plan.batches_of(PhaseName.COPY, jobs):
        is_large = batch.actions == 1 and batch.size_bytes >= threshold_bytes
        source = plan.source(batch)
        if is_large is takes_large and source is not None:
            return _smallest(wanted, batch, source, pays=wanted.stores.pays_for(source))
    deletes = plan.batches_of(PhaseName.DELETE, jobs)
    return _smallest(wanted, deletes[0], wanted.destination, pays=False) if deletes else []


def _smallest(wanted: Wanted, batch: Batch, location: PlanLocation, *, pays: bool) -> list[Sample]:
    plan = wanted.plan
    job = plan.header.job(plan.phases_by_id[batch.phase].job)

    def sample_of(action: Action) -> Sample:
        key = location.prefix + action.key.decode()
        return Sample(
            location.bucket,
            key,
            action.source_version,
            location.owner,
            pays,
            job.encryption,
            job.settings.acl,
            wanted.stores.key_of(location),
            wanted.stores.key_of(wanted.destination),
        )

    actions = sorted(plan.actions(batch), key=lambda action: action.size_bytes)
    return [sample_of(action) for action in actions[:_SAMPLES]]
