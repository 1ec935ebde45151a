"""Stand-ins for both ends of the planner: listings made of rows, and a plan kept in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from s3plan.planfile.graph import graph_of_jobs
from s3plan.planfile.removals import removal_batch
from s3plan.planner.build import BuiltPlan, OnProgress, PlanFacts, build_plan
from s3plan.planner.job_sides import JobSides
from s3plan.planner.manifest.job import Job, resolve_jobs, run_record
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.models import GIB, JobEntry
from s3plan.schemas.manifest.resolved import Manifest, resolved_one
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import CapabilityRecord, ManifestRecord, PlaceRecord, PlanHeader, RunRecord
from s3plan.schemas.plan.rows import Batch, LocationKind, Phase, PhaseName, PlanLocation
from s3plan.schemas.ports import Lister
from s3plan.schemas.stores.quirks import CAREFUL, StoreQuirks

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
DAY_MS = 86_400_000


def an_object(
    key: str | bytes, *, size: int = 10, etag: str = "0" * 32, age_ms: int = DAY_MS, **more: Any
) -> ObjectRow:
    """Return a row; its age is counted from NOW."""
    return ObjectRow(key.encode() if isinstance(key, str) else key, size, etag, NOW_MS - age_ms, **more)


class ListedRows:
    """A lister of rows that are put in order; `broken` is raised after the last page."""

    def __init__(self, rows: Iterable[ObjectRow], *, page_rows: int = 3, broken: S3PlanError | None = None) -> None:
        self._rows = sorted(rows)
        self._page_rows = page_rows
        self._broken = broken

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        for start in range(0, len(self._rows), self._page_rows):
            yield self._rows[start : start + self._page_rows]
        if self._broken is not None:
            raise self._broken

    @property
    def note(self) -> str | None:
        return None


class PlanInMemory:
    """Keeps what is written to a plan and holds the planner to the order in which it must come."""

    def __init__(self) -> None:
        self.locations: list[PlanLocation] = []
        self.phases: dict[int, Phase] = {}
        self.batches: list[tuple[Batch, tuple[Action, ...]]] = []
        self.header: PlanHeader | None = None

    def add_location(self, location: PlanLocation, /) -> None:
        assert location.id not in {known.id for known in self.locations}
        self.locations.append(location)

    def add_phase(self, phase: Phase, /) -> None:
        assert phase.id not in self.phases
        self.phases[phase.id] = phase

    def add_batch(
        self, *, phase: int, from_location: int | None, to_location: int | None, actions: Sequence[Action]
    ) -> Batch:
        assert self.header is None
        assert phase in self.phases
        before = self.actions()
        batch = Batch(
            id=len(self.batches) + 1,
            phase=phase,
            from_location=from_location,
            to_location=to_location,
            first_action=len(before) + 1,
            actions=len(actions),
            size_bytes=sum(action.size_bytes for action in actions),
            digest=hashlib.sha256(repr(list(actions)).encode()).digest(),
        )
        self.batches.append((batch, tuple(actions)))
        return batch

    def add_removal(self, copies: Batch, /, *, phase: int) -> Batch:
        assert self.phases[phase].name is PhaseName.REMOVE
        batch = removal_batch(copies, id_=len(self.batches) + 1, phase=phase)
        self.batches.append((batch, ()))
        return batch

    def seal(self, header: PlanHeader, /) -> str:
        assert self.header is None
        self.header = header
        return hashlib.sha256(repr((header, self.phases, self.batches)).encode()).hexdigest()

    def actions(self, *kinds: ActionKind) -> list[Action]:
        """Return the actions of these kinds, or all, in the order in which they were written."""
        return [action for _, actions in self.batches for action in actions if not kinds or action.kind in kinds]

    def phase_names(self) -> list[PhaseName]:
        return [phase.name for phase in self.phases.values()]

    def graph(self) -> set[tuple[str, str]]:
        """Return the edges by the names of their phases."""
        assert self.header is not None
        edges = graph_of_jobs(self.header.jobs, self.phases.values()).edges
        return {(self.phases[edge.before].name.value, self.phases[edge.after].name.value) for edge in edges}


def a_manifest(**data: object) -> Manifest:
    """Return a manifest of two buckets, folder `in/` to folder `out/`, with `data` in it."""
    places = {"source": "s3://left/in/", "destination": "s3://right/out/"}
    return resolved_one(OneJobManifest.model_validate({"version": Plain("1"), "name": "job"} | places | data))


def the_job(manifest: Manifest) -> JobEntry:
    """Return the only job of a manifest."""
    (entry,) = manifest.jobs.values()
    return entry


def locations_of(manifest: Manifest) -> list[PlanLocation]:
    entry = the_job(manifest)
    return [
        PlanLocation(
            id=number,
            kind=LocationKind.S3,
            url=str(place.url),
            connection="",
            endpoint=None,
            region=None,
            bucket=place.bucket,
            prefix=place.key_prefix,
        )
        for number, place in enumerate(entry.places, start=1)
    ]


def facts(*, warnings: tuple[str, ...] = ()) -> PlanFacts:
    enforced = (CapabilityRecord(condition=each, enforcement=Enforcement.ENFORCED) for each in Condition)
    return PlanFacts(
        tool_version="1.2.3",
        made_at=NOW,
        expires_at=None,
        name="job",
        manifest=ManifestRecord(path="job.yaml", sha256="0" * 64, text="version: 1\n", resolved="version: 1\n"),
        run=RunRecord(multipart_threshold_bytes=GIB, executor="threads"),
        places=(PlaceRecord(location=2, capabilities=tuple(enforced)),),
        warnings=warnings,
    )


def plan_of(
    source: Iterable[ObjectRow] | ListedRows,
    destination: Iterable[ObjectRow] | ListedRows | None,
    *,
    manifest: Manifest | None = None,
    plan: PlanInMemory | None = None,
    allow: Mapping[str, int] | None = None,
    etags_comparable: bool = True,
    retried: RetriedPlan | None = None,
    plan_facts: PlanFacts | None = None,
    on_progress: OnProgress = lambda *_: None,
    quirks: StoreQuirks = CAREFUL,
) -> tuple[BuiltPlan, PlanInMemory]:
    """Plan between two sets of rows; a destination of None is a bucket that does not exist."""
    manifest = manifest or a_manifest()
    plan = plan or PlanInMemory()
    jobs = one_job(
        manifest,
        _lister(source),
        None if destination is None else _lister(destination),
        etags_comparable=etags_comparable,
        retried=retried,
        quirks=quirks,
    )
    built = build_plan(
        jobs,
        locations=locations_of(manifest),
        writer=plan,
        facts=replace(plan_facts or facts(), run=run_record(manifest.run)),
        allow=allow or {},
        on_progress=on_progress,
    )
    return built, plan


def one_job(
    manifest: Manifest,
    source: Lister,
    destination: Lister | None,
    *,
    etags_comparable: bool = True,
    retried: RetriedPlan | None = None,
    quirks: StoreQuirks = CAREFUL,
) -> list[tuple[Job, JobSides]]:
    """Return the only job of a manifest with its two sides, as build_plan takes them."""
    sides = JobSides(
        from_location=1,
        to_location=2,
        quirks=quirks,
        open_listers=lambda: (source, destination),
        store_now_ms=NOW_MS,
        etags_comparable=etags_comparable,
        retried=retried,
    )
    (job,) = resolve_jobs(manifest)
    return [(job, sides)]


def _lister(rows: Iterable[ObjectRow] | ListedRows) -> ListedRows:
    return rows if isinstance(rows, ListedRows) else ListedRows(rows)
