"""One job and its two listings -> its phases and batches in a plan, and what the header says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from s3plan.planner.batches import Batcher, PhaseNumbers, PlanSink
from s3plan.planner.collisions import Collisions
from s3plan.planner.comparison import WITHOUT_ETAGS, Policy
from s3plan.planner.diff import (
    DELETE_CHOSEN,
    DELETE_EXTRANEOUS,
    LEFT_ALONE,
    THE_LOCATION_ITSELF,
    Pair,
    Rules,
    diff,
    line_aside,
    pair_up,
)
from s3plan.planner.file_comparison import UNPROVEN, FilePolicy
from s3plan.planner.filtering.filters import AttributeFilter, compile_attribute_filter
from s3plan.planner.filtering.key_list import ListedKeys
from s3plan.planner.filtering.scope import Scope
from s3plan.planner.filtering.unmatched_patterns import UnmatchedPatterns
from s3plan.planner.guards import Findings, check_guards
from s3plan.planner.job_sides import JobSides
from s3plan.planner.late_lines import LateLines
from s3plan.planner.looking_ahead import LookingAhead
from s3plan.planner.losses import KEPT_CLASSES, find_losses
from s3plan.planner.manifest.job import Job
from s3plan.planner.overwrite import policy_for
from s3plan.planner.retried import DueCopies
from s3plan.planner.same_pairs import SamePairs
from s3plan.planner.store_limits import StoreLimits
from s3plan.planner.totals import PrefixTotals, Totals
from s3plan.schemas.evidence.forecast import verification_forecast
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.rules.findings import Finding
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Action, ActionKind, Verdict, VerdictKind
from s3plan.schemas.plan.header import BELOW_EMPTY_RULE, JobRecord, KeyListRecord
from s3plan.schemas.plan.header_parts import RetriedRecord
from s3plan.schemas.plan.rows import PhaseName

_UNMATCHED = ("matches no key on either side", "patterns are gitignore's; capitals count")
_UNMATCHED_OF_LIST = ("matches no key of filters.list that is on either side", _UNMATCHED[1])
_UNMATCHED_ALONE = ("matches no key", _UNMATCHED[1])


@dataclass(frozen=True, slots=True)
class BuiltJob:
    """A job whose batches are written. `guarded` is what guards look at, `findings` are about its text."""

    record: JobRecord
    guarded: Findings
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    source_listed: int
    destination_listed: int


class JobBuilder:
    """Writes one job; `build` is called once."""

    def __init__(self, job: Job, sides: JobSides, *, writer: PlanSink, numbers: PhaseNumbers, large_bytes: int) -> None:
        """Write to a plan that has the job's locations; a copy of at least `large_bytes` is a batch of its own."""
        self._job = job
        self._sides = sides
        self._copies = self._same = self._deletes = 0
        self._listed: ListedKeys | None = None  # of the source
        quirks = sides.quirks
        self._limits = None if quirks is None else StoreLimits(quirks, prefix=job.destination_prefix)
        retried = sides.retried
        self._due = None if retried is None else DueCopies(retried, delete_when=job.settings.delete_when)
        self._totals = Totals()
        self._lost_classes: Counter[str] = Counter()
        self._prefixes = PrefixTotals()
        self._unmatched = UnmatchedPatterns(job.filters.include)
        self._batcher = Batcher(
            writer,
            numbers=numbers,
            job=job.name,
            source=sides.from_location,
            destination=sides.to_location,
            large_bytes=large_bytes,
            moves=job.moves,
        )

    def build(
        self, *, allow: Mapping[str, int], spool_folder: Path | None, on_progress: Callable[[int, int, int], None]
    ) -> BuiltJob:
        """Compare both sides; raises what build_plan says."""

        def tell() -> None:
            on_progress(left.listed, right.listed, self._copies + self._deletes)

        source, destination = self._sides.open_listers()
        passes, look = self._job.passes_key, self._unmatched.look
        listed, self._listed = self._listed_keys(), self._listed_keys()
        left = Scope(source, side="source", passes=passes, on_page=tell, look=look, listed=self._listed)
        side = "destination"
        if self._only_deletes:
            side, self._listed = "location", listed
        right = Scope(destination, side=side, passes=passes, on_page=tell, look=look, listed=listed)
        late = LateLines(self._limits, totals=self._totals, prefixes=self._prefixes, folder=spool_folder)
        with late:
            try:
                self._stream(left, right, late)
            finally:
                if self._limits is not None:
                    self._limits.close()
        return self._built(left, right, allow=allow)

    def _listed_keys(self) -> ListedKeys | None:
        found = self._sides.key_list
        return None if found is None else ListedKeys(found, self._job.passes_key)

    def _stream(self, source: Scope, destination: Scope, late: LateLines) -> None:
        pairs: Iterable[Pair] = pair_up(source.rows(), destination.rows())
        if self._limits is not None:
            pairs = self._limits.watch(pairs)
        objection = compile_attribute_filter(self._job.filters, now_ms=self._sides.store_now_ms)
        ahead = self._looking_ahead(objection)
        if ahead is not None:
            pairs = ahead.pairs(pairs)
        rules = self._rules(self._policy() if ahead is None else ahead.verdict, objection)
        decide = diff if self._due is None else self._due.lines
        for verdict, action in decide(pairs, rules=rules, on_verdict=self._totals.count):
            if action.kind.is_write:
                self._prefixes.add(verdict.kind, action.key, action.size_bytes)
                self._copies += 1
                self._batcher.add_copy(action)
            elif action.kind is ActionKind.SAME:
                self._prefixes.add(verdict.kind, action.key, action.size_bytes)
                self._same += 1
                self._batcher.add_same(action)
            else:
                late.add(action)
                self._deletes = late.kept_deletes
        self._batcher.end_copies()
        self._batcher.add_removals()
        self._batcher.add_all(PhaseName.DELETE, late.deletes())
        self._deletes = late.kept_deletes
        markers = self._markers(source.marker, destination.marker)
        self._batcher.add_all(PhaseName.ASIDE, chain(markers, late.aside()))

    def _rules(self, policy: Policy, objection: AttributeFilter | None) -> Rules:
        job, sides = self._job, self._sides
        return Rules(
            policy=SamePairs(policy, overwrite=job.overwrite).verdict if job.moves else policy,
            objection=objection,
            copies_archived=job.copies_archived,
            extraneous=self._extraneous(),
            source_prefix_bytes=len(job.source_prefix.encode()),
            destination_prefix_bytes=len(job.destination_prefix.encode()),
            storage_class=job.settings.storage_class,
            keeps_class="storage_class" in job.settings.objects.preserve,
            known_classes=KEPT_CLASSES if sides.stores is None else sides.stores.kept_classes,
            lost_classes=self._lost_classes,
            kind=sides.kind,
            collisions=None if sides.stands_at is None else Collisions(sides.stands_at),
            limits=self._limits,
            empty_directories=sides.empty_directories,
        )

    def _extraneous(self) -> Verdict:
        if not self._job.deletes:
            return LEFT_ALONE
        return DELETE_CHOSEN if self._only_deletes else DELETE_EXTRANEOUS

    @property
    def _only_deletes(self) -> bool:
        return self._sides.from_location is None

    def _policy(self) -> Policy:
        job, sides = self._job, self._sides
        return policy_for(job.overwrite, compare=job.compare, etags_comparable=sides.etags_comparable)

    def _looking_ahead(self, objection: AttributeFilter | None) -> LookingAhead | None:
        job, files = self._job, self._sides.files
        if files is None:
            return None
        policy = FilePolicy(
            self._sides.kind,
            job.overwrite,
            job.compare,
            store_ahead_ms=files.store_ahead_ms,
            known=files.known,
            preserves_mtime=job.settings.preserves_mtime,
        )
        return LookingAhead(policy, files.ask, objection=objection)

    def _markers(self, source: ObjectRow | None, destination: ObjectRow | None) -> list[Action]:
        """Return the line about the locations' own markers; the empty key comes before all others."""
        marker = source or destination
        if marker is None:
            return []
        self._totals.count(THE_LOCATION_ITSELF, 1, marker.size_bytes)
        return [line_aside(THE_LOCATION_ITSELF, source, destination)]

    def _built(self, source: Scope, destination: Scope, *, allow: Mapping[str, int]) -> BuiltJob:
        job, totals = self._job, self._totals
        bytes_to_write = totals.bytes(VerdictKind.COPY) + totals.bytes(VerdictKind.OVERWRITE)
        retry_of = None if self._due is None else self._due.record()
        read = destination if self._only_deletes else source
        removals = self._copies + self._same if job.moves else 0
        guarded = Findings(
            deletes=totals.objects(VerdictKind.DELETE) + removals,
            overwrites=totals.objects(VerdictKind.OVERWRITE),
            bytes_to_write=bytes_to_write,
            source_objects=read.objects if retry_of is None else retry_of.source_objects,
            destination_objects=destination.objects if retry_of is None else retry_of.destination_objects,
            deletes_below_empty=totals.objects_by_rules(frozenset({BELOW_EMPTY_RULE})),
        )
        if job.moves:
            guarded = replace(guarded, objects_it_deletes_from=guarded.source_objects)
        record = JobRecord(
            name=job.name,
            settings=job.settings,
            depends_on=job.depends_on,
            from_location=self._sides.from_location,
            to_location=self._sides.to_location,
            source=None if self._only_deletes else source.record(),
            destination=destination.record(),
            totals=totals.records(),
            prefixes=self._prefixes.records(),
            guards=check_guards(
                written=job.guards_written,
                in_force=job.guards_in_force,
                of_all=job.guards_of_all,
                findings=guarded,
                allow=allow,
            ),
            losses=find_losses(
                job.settings,
                self._sides.stores,
                kind=self._sides.kind,
                writes=self._copies,
                lost_classes=self._lost_classes,
                allowed=job.allow_loss,
            ),
            actions=self._copies + self._same + removals + self._deletes,
            bytes=bytes_to_write,
            transfer=self._sides.transfer,
            verification=self._forecast(),
            etags_are_md5=self._sides.etags_comparable,
            key_list=self._key_list(),
            retry_of=retry_of,
        )
        warnings = [*self._own_warnings(), *self._warnings_of_list(record.key_list)]
        warnings += self._warnings_of_deletes(retry_of)
        findings = tuple(self._findings(read))
        return BuiltJob(record, guarded, findings, tuple(warnings), source.listed, destination.listed)

    def _forecast(self) -> str:
        if self._only_deletes:
            return ""
        settings, sides = self._job.settings, self._sides
        asked = Verification(Verify(settings.verify), settings.verify_is_strict, sides.etags_comparable)
        reads_twice = self._job.moves and sides.is_relayed and sides.source_is_plain
        return verification_forecast(sides.kind, asked, reads_twice=reads_twice)

    def _key_list(self) -> KeyListRecord | None:
        retried = self._sides.retried
        if self._listed is not None:
            return self._listed.record()
        return None if retried is None else retried.key_list

    def _warnings_of_list(self, found: KeyListRecord | None) -> list[str]:
        if found is None or self._sides.retried is not None or not found.not_in_source:
            return []
        some = ", ".join(found.first_not_in_source)
        more = ", ..." if found.not_in_source > len(found.first_not_in_source) else ""
        keys = "1 key" if found.keys == 1 else f"{found.keys:,} keys"
        where = "the location" if self._only_deletes else "source"
        return [f"filters.list: not in {where}: {found.not_in_source:,} of {keys}: {some}{more}"]

    def _findings(self, source: Scope) -> list[Finding]:
        """Return what the listings say about the manifest; a part of the job says nothing about all of it."""
        if self._sides.retried is not None:
            return []
        unmatched = _UNMATCHED if self._listed is None else _UNMATCHED_OF_LIST
        if self._only_deletes:
            unmatched = _UNMATCHED_ALONE
        found = [
            Finding(("filters", "include", position), *unmatched, Severity.WARNING)
            for position in self._unmatched.positions
        ]
        if source.objects:
            return found
        left_out = f"; the filters leave out {source.listed:,}" if source.listed else ""
        role, empty = "source", "the source has no objects for this job"
        if self._only_deletes:
            role, empty = "location", "the location has no objects for this job"
        what = "folder" if self._sides.kind is ActionKind.UPLOAD else "prefix"
        return [
            Finding((role, "url"), f"{empty}{left_out}", f"is the {what} as it should be?", Severity.WARNING),
            *found,
        ]

    def _own_warnings(self) -> list[str]:
        job = self._job
        named = [word.value for word in (Compare.ETAG, Compare.CHECKSUM) if word in job.compare]
        if job.overwrite is not Overwrite.IF_DIFFERENT or not named:
            return []
        objects = self._totals.objects_by_rules(WITHOUT_ETAGS | UNPROVEN)
        if not objects:
            return []
        pairs = "1 object" if objects == 1 else f"{objects:,} objects"
        return [f"compare: {named[-1]} could not be used on {pairs}; size and time decided there"]

    def _warnings_of_deletes(self, retry_of: RetriedRecord | None) -> list[str]:
        held = None if retry_of is None or self._only_deletes else retry_of.why_deletes_wait()
        return [f"apply will withhold the deletes: {held}"] if held is not None and self._deletes else []
