"""What is asked of an audit, and what comes of it: plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from s3plan.schemas.errors import ExitCode
from s3plan.schemas.evidence.findings import AuditCounts, Finding, FindingKind
from s3plan.schemas.plan.rows import PlanLocation

OnFinding = Callable[[str, Finding], None]
"""Told of what was found of each key of a job, in the order of keys; the job's name first."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Two places are to be compared, changing neither. `select` and `without_dependencies` as in PlanRequest.

    `reads`: what has no other evidence is fetched and read on both sides. `attributes`: metadata, content headers and
    tags are compared, too.
    """

    manifest: Path
    select: tuple[str, ...] = ()
    without_dependencies: bool = False
    reads: bool = False
    attributes: bool = False
    owns_process: bool = False  # this process does nothing else: see app/runs/executors/own_process.py


@dataclass(frozen=True, slots=True)
class JobAudit:
    """What was found of one job. `extra_counts`: its mode says that the destination has nothing else."""

    name: str
    source: PlanLocation
    destination: PlanLocation
    counts: AuditCounts
    extra_counts: bool

    @property
    def wanting(self) -> int:
        """How many keys are not as they should be."""
        objects = self.counts.objects
        extra = objects[FindingKind.EXTRA] if self.extra_counts else 0
        return extra + sum(count for kind, count in objects.items() if kind.is_wanting)

    @property
    def untold(self) -> int:
        """Of how many keys it could not be told what is so."""
        return sum(count for kind, count in self.counts.objects.items() if kind.is_untold)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found of all jobs."""

    jobs: tuple[JobAudit, ...]
    warnings: tuple[str, ...]
    elapsed_s: float

    @property
    def exit_code(self) -> ExitCode:
        """9 if something is not as it should be; else 3 if it could not be told of something; else 0."""
        if any(job.wanting for job in self.jobs):
            return ExitCode.VERIFICATION_FAILED
        return ExitCode.INCOMPLETE if any(job.untold for job in self.jobs) else ExitCode.DONE
