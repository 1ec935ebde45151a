"""The manifest that a plan keeps: it must say what the plan's header says, or one approval means two things."""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.app.plans.two_stores import two_stores
from s3plan.planfile.reader import PlanReader
from s3plan.planner.filtering.patterns import PatternInvalid
from s3plan.planner.guards import Findings, check_guards, check_guards_of_all
from s3plan.planner.losses import find_losses
from s3plan.planner.manifest.file import LoadedManifest, retold_manifest
from s3plan.planner.manifest.job import Job, resolve_jobs, run_record
from s3plan.schemas.errors import ManifestInvalid, PlanRefused
from s3plan.schemas.manifest.words import Loss
from s3plan.schemas.plan.actions import VerdictKind, kind_of_writes
from s3plan.schemas.plan.header import GuardRecord, JobRecord
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import shown_path
from s3plan.storage.places.finding import is_found_at


def resolved_manifest(plan: PlanReader) -> LoadedManifest:
    """Return the manifest that a plan works by; raise PlanRefused unless its jobs are the plan's own.

    That is: between the plan's places, with its settings, dependencies and guards. So whoever goes by it, a retry above
    all, asks no store that the plan does not show, and does nothing else than apply.
    """
    try:
        loaded = retold_manifest(plan.header.manifest)
        known = {job.name: job for job in resolve_jobs(loaded.manifest, [job.name for job in plan.header.jobs])}
    except (ManifestInvalid, PatternInvalid) as error:
        raise _other(plan, "cannot be read") from error
    for record in plan.header.jobs:
        job, entry = known.get(record.name), loaded.manifest.jobs.get(record.name)
        if job is None or entry is None:
            raise _other(plan, f"has no job {record.name!a}")
        ends = (record.to_location,) if record.from_location is None else (record.from_location, record.to_location)
        said = [plan.locations_by_id[location] for location in ends]
        if len(said) != len(entry.places) or not all(map(is_found_at, entry.places, said)):
            raise _other(plan, f"has job {record.name!a} between other places")
        if record.is_relayed:
            job = job.through_us()
        if (job.settings, job.depends_on) != (record.settings, record.depends_on):
            raise _other(plan, f"has other settings for job {record.name!a}")
        if job.filters.list != (None if record.key_list is None else record.key_list.path):
            raise _other(plan, f"has another list of keys for job {record.name!a}")
        if _guards_of(job, record) != record.guards:
            raise _other(plan, f"has other guards for job {record.name!a}")
        if not _loses_as_allowed(job, record, ends=said):
            raise _other(plan, f"allows other losses for job {record.name!a}")
    if run_record(loaded.manifest.run) != plan.header.run:
        raise _other(plan, "has other settings for the run")
    if _guards_of_all(list(known.values()), plan) != plan.header.guards:
        raise _other(plan, "has other guards for all jobs")
    return loaded


def _other(plan: PlanReader, how: str) -> PlanRefused:
    return PlanRefused(
        f"{shown_path(plan.path)} works by a manifest that is not the one it was made from: it {how}; make a new plan"
    )


def _loses_as_allowed(job: Job, record: JobRecord, *, ends: Sequence[PlanLocation]) -> bool:
    """Return whether what a job loses is what its stores make it lose, and held unless its manifest allows it.

    Whether storage classes are lost, only rows tell.
    """
    stores = None if len(ends) == 1 else two_stores(*ends)
    writes = record.objects_of(VerdictKind.COPY) + record.objects_of(VerdictKind.OVERWRITE)
    must = find_losses(
        job.settings,
        stores,
        kind=kind_of_writes(ends[0], ends[-1], is_relayed=record.is_relayed),
        writes=writes,
        lost_classes={},
        allowed=job.allow_loss,
    )
    told = {(loss.what, loss.allowed) for loss in record.losses}
    of_classes = (Loss.STORAGE_CLASS.value, Loss.STORAGE_CLASS in job.allow_loss)
    return told - {of_classes} == {(loss.what, loss.allowed) for loss in must}


def _findings(record: JobRecord) -> Findings:
    source_objects, destination_objects = record.in_scope
    return Findings(
        deletes=record.deletes,
        overwrites=record.objects_of(VerdictKind.OVERWRITE),
        bytes_to_write=record.bytes,
        source_objects=source_objects,
        destination_objects=destination_objects,
        deletes_below_empty=record.deletes_below_empty,
        objects_it_deletes_from=source_objects if record.is_move else None,
    )


def _guards_of(job: Job, record: JobRecord) -> tuple[GuardRecord, ...]:
    """Return what the guards of a job must have found, with those released that the plan says are."""
    return check_guards(
        written=job.guards_written,
        in_force=job.guards_in_force,
        of_all=job.guards_of_all,
        findings=_findings(record),
        allow=_released(record.guards),
    )


def _guards_of_all(jobs: list[Job], plan: PlanReader) -> tuple[GuardRecord, ...]:
    records = plan.header.jobs
    if len(records) == 1:
        return ()
    return check_guards_of_all(
        jobs[0].guards_of_all, findings=map(_findings, records), allow=_released(plan.header.guards)
    )


def _released(guards: tuple[GuardRecord, ...]) -> dict[str, int]:
    return {guard.name: guard.found for guard in guards if guard.released}
