"""Jobs and their listings -> a sealed plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from s3plan.planner.batches import PhaseNumbers, PlanSink
from s3plan.planner.guards import check_guards_of_all
from s3plan.planner.job_build import BuiltJob, JobBuilder
from s3plan.planner.job_sides import JobSides
from s3plan.planner.manifest.job import Job
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.rules.findings import Finding
from s3plan.schemas.plan.guards import allowances_of, guard_words
from s3plan.schemas.plan.header import (
    FORMAT_VERSION,
    GuardRecord,
    JobRecord,
    ManifestRecord,
    PlaceRecord,
    PlanHeader,
    RunRecord,
)
from s3plan.schemas.plan.header_parts import AccountRecord
from s3plan.schemas.plan.rows import PlanLocation

OnProgress = Callable[[int, int, int], None]
"""Told after each page: objects listed at the sources and at the destinations, actions planned."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the plan says in addition to its jobs, and did not find out by itself.

    `say` gives a finding about a job as a line, with its place in the manifest.
    """

    tool_version: str
    made_at: datetime
    expires_at: datetime | None
    name: str
    manifest: ManifestRecord
    run: RunRecord
    places: tuple[PlaceRecord, ...]
    accounts: tuple[AccountRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    say: Callable[[str, Finding], str] = lambda _, finding: finding.message
    not_selected: tuple[str, ...] = ()
    without_dependencies: bool = False


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A sealed plan: its header and its digest in hex."""

    header: PlanHeader
    digest: str


def build_plan(
    jobs: Sequence[tuple[Job, JobSides]],
    *,
    locations: Sequence[PlanLocation],
    writer: PlanSink,
    facts: PlanFacts,
    allow: Mapping[str, int],
    spool_folder: Path | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> BuiltPlan:
    """Compare both sides of each job in turn and write the plan; each job comes after those that it depends on.

    `allow` releases guards (guards.py), those of a job as `JOB.NAME`; a plan that a guard holds back is sealed all the
    same, its header says so. Whatever is raised, nothing is sealed: ListingUnusable and StoreRefused by the listers,
    UsageInvalid for `allow`, ManifestInvalid for a key that two jobs change, S3PlanError where the disk is full.
    `spool_folder` takes temporary files.
    """
    for location in locations:
        writer.add_location(location)
    numbers = PhaseNumbers(writer)
    allowed = _by_job([job.name for job, _ in jobs], allow)
    built: list[BuiltJob] = []
    before = (0, 0, 0)

    def tell(source_objects: int, destination_objects: int, actions: int) -> None:
        on_progress(before[0] + source_objects, before[1] + destination_objects, before[2] + actions)

    for job, sides in jobs:
        builder = JobBuilder(
            job, sides, writer=writer, numbers=numbers, large_bytes=facts.run.multipart_threshold_bytes
        )
        made = builder.build(allow=allowed[job.name], spool_folder=spool_folder, on_progress=tell)
        before = (before[0] + made.source_listed, before[1] + made.destination_listed, before[2] + made.record.actions)
        built.append(made)
    header = _header(jobs, built, facts=facts, allow=allow)
    _refuse_idle(allow, header)
    return BuiltPlan(header, writer.seal(header))


def _by_job(names: Sequence[str], allow: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return what is released of each job's guards; where there is one job, its name may be left out."""
    found = {name: allowances_of(name, allow) for name in names}
    if len(names) == 1:
        found[names[0]] |= allowances_of(None, allow)
    return found


def _header(
    jobs: Sequence[tuple[Job, JobSides]], built: Sequence[BuiltJob], *, facts: PlanFacts, allow: Mapping[str, int]
) -> PlanHeader:
    records = tuple(each.record for each in built)
    findings = ((job.name, each.findings) for (job, _), each in zip(jobs, built, strict=True))
    said = [facts.say(name, finding) for name, found in findings for finding in found]
    return PlanHeader(
        format_version=FORMAT_VERSION,
        tool_version=facts.tool_version,
        made_at=facts.made_at,
        expires_at=facts.expires_at,
        name=facts.name,
        manifest=facts.manifest,
        run=facts.run,
        jobs=records,
        places=facts.places,
        accounts=facts.accounts,
        guards=_guards_of_all(jobs, built, allow=allow),
        warnings=(
            *facts.warnings,
            *said,
            *(_named(warning, each, records) for each in built for warning in each.warnings),
        ),
        not_selected=facts.not_selected,
        without_dependencies=facts.without_dependencies,
        actions=sum(record.actions for record in records),
        bytes=sum(record.bytes for record in records),
    )


def _named(warning: str, built: BuiltJob, jobs: Sequence[JobRecord]) -> str:
    return warning if len(jobs) == 1 else f"job {built.record.name}: {warning}"


def _guards_of_all(
    jobs: Sequence[tuple[Job, JobSides]], built: Sequence[BuiltJob], *, allow: Mapping[str, int]
) -> tuple[GuardRecord, ...]:
    """Return what the manifest's guards found on the sums; of one job they are its own."""
    if len(jobs) == 1:
        return ()
    findings = [each.guarded for each in built]
    return check_guards_of_all(jobs[0][0].guards_of_all, findings=findings, allow=allowances_of(None, allow))


def _refuse_idle(allow: Mapping[str, int], header: PlanHeader) -> None:
    """Raise UsageInvalid if a guard is to be released that is not in force."""
    in_force = {guard_words(job.name, guard.name) for job in header.jobs for guard in job.guards}
    in_force |= {guard.name for guard in header.guards}
    if len(header.jobs) == 1:
        in_force |= {guard.name for guard in header.jobs[0].guards}
    for words, number in allow.items():
        if words not in in_force:
            shown = sorted(words for words in in_force if len(header.jobs) > 1 or "." not in words)
            raise UsageInvalid(
                f"--allow {words}={number}: this guard is not in force; in force: {', '.join(shown) or 'none'}"
            )
