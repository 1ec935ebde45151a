"""A job and two listings -> a sealed plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from s3plan.planner.batches import ActionSpool, Batcher, PlanSink
from s3plan.planner.comparison import WITHOUT_ETAGS
from s3plan.planner.diff import THE_LOCATION_ITSELF, Rules, diff, line_aside, pair_up
from s3plan.planner.filters import compile_attribute_filter
from s3plan.planner.guards import Findings, check_guards
from s3plan.planner.manifest.job import Job
from s3plan.planner.overwrite import policy_for
from s3plan.planner.retried import DueCopies, RetriedPlan
from s3plan.planner.scope import Scope
from s3plan.planner.totals import PrefixTotals, Totals
from s3plan.planner.unmatched_patterns import UnmatchedPatterns
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.rules import Finding
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.plan.conditions import Capabilities, Condition
from s3plan.schemas.plan.header import FORMAT_VERSION, CapabilityRecord, ManifestRecord, PlanHeader, RetriedRecord
from s3plan.schemas.plan.rows import LocationRole, PhaseName, PlanLocation
from s3plan.schemas.ports import Lister

_UNMATCHED = ("matches no key on either side", "patterns are gitignore's; capitals count")

OnProgress = Callable[[int, int, int], None]
"""Told after each page: objects listed at the source and at the destination, actions planned."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the plan says beside its actions and did not find out by itself.

    `store_now_ms` is the moment that ages of objects are counted from, by the store's clock. `etags_comparable` is
    whether neither side is encrypted with SSE-KMS or SSE-C, for all that is known; see comparison.py. With `retried`
    the plan looks at a part of a job only, and guards count against the whole of it.
    """

    tool_version: str
    made_at: datetime
    expires_at: datetime | None
    store_now_ms: int
    manifest: ManifestRecord
    capabilities: Capabilities
    etags_comparable: bool
    warnings: tuple[str, ...] = ()
    retried: RetriedPlan | None = None
    say: Callable[[Finding], str] = lambda finding: finding.message  # a finding in a line, with its place


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A sealed plan: its header and its digest in hex."""

    header: PlanHeader
    digest: str


def build_plan(
    job: Job,
    *,
    source: Lister,
    destination: Lister | None,
    locations: Sequence[PlanLocation],
    writer: PlanSink,
    facts: PlanFacts,
    allow: Mapping[str, int],
    spool_folder: Path | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> BuiltPlan:
    """Compare both sides and write the plan; a destination of None is a bucket that does not exist yet.

    `locations` are the source and the destination. `allow` releases guards (guards.py); a plan that a guard holds back
    is sealed all the same, its header says so. Whatever is raised, nothing is sealed: ListingUnusable and StoreRefused
    by the listers, UsageInvalid for `allow`, S3PlanError where the disk is full. `spool_folder` takes temporary files.
    """
    with ActionSpool(folder=spool_folder) as deletes, ActionSpool(folder=spool_folder) as aside:
        builder = _Builder(job, writer=writer, locations=locations, facts=facts, deletes=deletes, aside=aside)
        return builder.build(source, destination, allow=allow, on_progress=on_progress)


class _Builder:
    def __init__(
        self,
        job: Job,
        *,
        writer: PlanSink,
        locations: Sequence[PlanLocation],
        facts: PlanFacts,
        deletes: ActionSpool,
        aside: ActionSpool,
    ) -> None:
        self._job = job
        self._writer = writer
        self._facts = facts
        self._deletes = deletes
        self._aside = aside
        self._copies = 0
        retried = facts.retried
        self._due = None if retried is None else DueCopies(retried, delete_when=job.settings.delete_when)
        self._totals = Totals()
        self._prefixes = PrefixTotals()
        self._unmatched = UnmatchedPatterns(job.filters.include)
        ids = {location.role: location.id for location in locations}
        for location in locations:
            writer.add_location(location)
        self._batcher = Batcher(
            writer,
            job=job.name,
            source=ids[LocationRole.SOURCE],
            destination=ids[LocationRole.DESTINATION],
            large_bytes=job.settings.multipart_threshold_bytes,
        )

    def build(
        self, source: Lister, destination: Lister | None, *, allow: Mapping[str, int], on_progress: OnProgress
    ) -> BuiltPlan:
        def tell() -> None:
            on_progress(left.listed, right.listed, self._copies + self._deletes.actions)

        passes = self._job.passes_key
        look = self._unmatched.look
        left = Scope(source, role=LocationRole.SOURCE, passes=passes, on_page=tell, look=look)
        right = Scope(destination, role=LocationRole.DESTINATION, passes=passes, on_page=tell, look=look)
        self._stream(left, right)
        header = self._header(left, right, allow=allow)
        return BuiltPlan(header, self._writer.seal(header))

    def _stream(self, source: Scope, destination: Scope) -> None:
        pairs = pair_up(source.rows(), destination.rows())
        decide = diff if self._due is None else self._due.lines
        for verdict, action in decide(pairs, rules=self._rules(), on_verdict=self._totals.count):
            self._prefixes.add(verdict.kind, action.key, action.size_bytes)
            if action.kind is ActionKind.COPY:
                self._copies += 1
                self._batcher.add_copy(action)
            elif action.kind is ActionKind.DELETE:
                self._deletes.add(action)
            else:
                self._aside.add(action)
        self._batcher.end_copies()
        self._batcher.add_all(PhaseName.DELETE, self._deletes.read())
        markers = self._markers(source.marker, destination.marker)
        self._batcher.add_all(PhaseName.ASIDE, chain(markers, self._aside.read()))

    def _rules(self) -> Rules:
        job, facts = self._job, self._facts
        return Rules(
            policy=policy_for(job.overwrite, compare=job.compare, etags_comparable=facts.etags_comparable),
            objection=compile_attribute_filter(job.filters, now_ms=facts.store_now_ms),
            copies_archived=job.copies_archived,
            deletes_extraneous=job.deletes_extraneous,
            source_prefix_bytes=len(job.source_prefix.encode()),
            destination_prefix_bytes=len(job.destination_prefix.encode()),
            storage_class=job.settings.storage_class,
        )

    def _markers(self, source: ObjectRow | None, destination: ObjectRow | None) -> list[Action]:
        """Return the line about the locations' own markers; the empty key comes before all others."""
        marker = source or destination
        if marker is None:
            return []
        self._totals.count(THE_LOCATION_ITSELF, 1, marker.size_bytes)
        return [line_aside(THE_LOCATION_ITSELF, source, destination)]

    def _header(self, source: Scope, destination: Scope, *, allow: Mapping[str, int]) -> PlanHeader:
        job, facts, totals = self._job, self._facts, self._totals
        bytes_to_write = totals.bytes(VerdictKind.COPY) + totals.bytes(VerdictKind.OVERWRITE)
        retry_of = None if self._due is None else self._due.record()
        findings = Findings(
            deletes=totals.objects(VerdictKind.DELETE),
            overwrites=totals.objects(VerdictKind.OVERWRITE),
            bytes_to_write=bytes_to_write,
            source_objects=source.objects if retry_of is None else retry_of.source_objects,
            destination_objects=destination.objects if retry_of is None else retry_of.destination_objects,
        )
        return PlanHeader(
            format_version=FORMAT_VERSION,
            tool_version=facts.tool_version,
            made_at=facts.made_at,
            expires_at=facts.expires_at,
            job=job.name,
            manifest=facts.manifest,
            settings=job.settings,
            capabilities=tuple(
                CapabilityRecord(condition=condition, enforcement=facts.capabilities[condition])
                for condition in Condition
            ),
            source=source.record(),
            destination=destination.record(),
            totals=totals.records(),
            prefixes=self._prefixes.records(),
            guards=check_guards(
                written=job.guards_written, in_force=job.guards_in_force, findings=findings, allow=allow
            ),
            warnings=(
                *facts.warnings,
                *map(facts.say, self._findings(source)),
                *self._own_warnings(),
                *self._warnings_of_deletes(retry_of),
            ),
            actions=self._copies + self._deletes.actions,
            bytes=bytes_to_write,
            retry_of=retry_of,
        )

    def _findings(self, source: Scope) -> list[Finding]:
        """Return what the listings say about the manifest; a part of the job says nothing about all of it."""
        if self._facts.retried is not None:
            return []
        found = [
            Finding(("filters", "include", position), *_UNMATCHED, Severity.WARNING)
            for position in self._unmatched.positions
        ]
        if source.objects:
            return found
        left_out = f"; the filters leave out {source.listed:,}" if source.listed else ""
        message = f"the source has no objects for this job{left_out}"
        return [Finding(("source", "url"), message, "is the prefix as it should be?", Severity.WARNING), *found]

    def _own_warnings(self) -> list[str]:
        job = self._job
        if job.overwrite is not Overwrite.IF_DIFFERENT or Compare.ETAG not in job.compare:
            return []
        objects = self._totals.objects_by_rules(WITHOUT_ETAGS)
        if not objects:
            return []
        pairs = "1 object" if objects == 1 else f"{objects:,} objects"
        return [f"compare: etag could not be used on {pairs}; size and time decided there"]

    def _warnings_of_deletes(self, retry_of: RetriedRecord | None) -> list[str]:
        held = None if retry_of is None else retry_of.why_deletes_wait()
        return [f"apply will withhold the deletes: {held}"] if held is not None and self._deletes.actions else []
