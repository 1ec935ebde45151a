"""Manifest -> stores -> listings -> what is so about every key: what `s3plan verify` does. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from time import monotonic, time_ns

from s3plan.app.audits.audit_pace import audit_pace
from s3plan.app.audits.finding_spool import FindingSpool
from s3plan.app.audits.requests import AuditReport, AuditRequest, JobAudit, OnFinding
from s3plan.app.connections.own_file import own_connections
from s3plan.app.connections.settings import connections_of
from s3plan.app.locations import PlanEnds
from s3plan.app.plans.key_lists import is_looked_at, lister_of, open_key_lists, shared_start
from s3plan.app.plans.selection import check_apart, selected_jobs
from s3plan.app.runs.executors.own_process import calm_collector
from s3plan.app.stores import Stores
from s3plan.planner.audits.judging import AuditRules, Judging
from s3plan.planner.diff import pair_up
from s3plan.planner.filtering.filters import compile_attribute_filter
from s3plan.planner.filtering.key_list import KeyList, ListedKeys
from s3plan.planner.filtering.scope import Scope
from s3plan.planner.manifest.file import LoadedManifest, load_manifest
from s3plan.planner.manifest.job import Job, resolve_jobs, run_record
from s3plan.planner.manifest.text.diagnostics import in_one_line
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.events import Audited, OnEvent, Warned
from s3plan.schemas.evidence.findings import AuditCounts
from s3plan.schemas.plan.rows import PlanLocation, store_name
from s3plan.schemas.ports import Lister
from s3plan.schemas.printable import shown_path
from s3plan.storage.evidence.audited_sides import PIECE_BYTES, AuditedSide, FileSide, ObjectSide
from s3plan.storage.evidence.bytes_evidence import BytesEvidence, Wanted
from s3plan.storage.file_settings import file_settings
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.listing.page_checks import OutOfOrder
from s3plan.storage.places.location import FoundLocation

_TELL_EVERY_S = 0.25
_IN_FLIGHT = 64
_UNREAD = "neither side has checksums, nor ETags that are MD5 sums, to compare; --checksum reads both"
_READ = "the bytes were not read"


def audit(
    request: AuditRequest,
    *,
    on_event: OnEvent = lambda _: None,
    on_finding: OnFinding = lambda _, __: None,
    with_same: bool = False,
) -> AuditReport:
    """Compare both sides of the manifest's jobs; `on_finding` is told of a job's keys once all of it was looked at.

    Without `with_same` it is not told of keys that are the same, or left out. Raises ManifestInvalid, UsageInvalid,
    ListingUnusable, StoreRefused, CredentialsUnusable, PlanRefused (another owner).
    """
    began_s = monotonic()
    loaded = load_manifest(request.manifest, own=own_connections())
    selection = selected_jobs(loaded, request.select, without_dependencies=request.without_dependencies)
    jobs = resolve_jobs(loaded.manifest, selection.names)
    compared = tuple(job for job in jobs if loaded.manifest.jobs[job.name].source is not None)
    if not compared:
        path = shown_path(request.manifest)
        raise UsageInvalid(f"{path}: mode: delete has one place, so there is nothing to compare")
    entries = {job.name: loaded.manifest.jobs[job.name] for job in compared}
    run = run_record(loaded.manifest.run)
    with (
        calm_collector() if request.owns_process else nullcontext(),
        open_key_lists(loaded, selection.names) as lists,
        Stores(
            connections_of(loaded.manifest),
            max_in_flight=_IN_FLIGHT,
            turn=audit_pace(run),
            files=file_settings(run),
        ) as stores,
    ):
        shared = {name: shared_start(entry.filters, lists.get(name)) for name, entry in entries.items()}
        for name, entry in entries.items():
            for place in entry.places:
                start = None if is_looked_at(lists.get(name)) else shared[name]
                stores.ask_ahead(place, shared=start, compares_etags=True)
        check_apart(loaded, selection.names, lambda place: store_name(stores.endpoint_of(place.connection or "")))
        ends = PlanEnds.find(stores, entries)
        warnings = _warnings(loaded, stores, ends)
        for warning in warnings:
            on_event(Warned(warning))
        auditor = _Auditor(
            request,
            loaded,
            stores,
            ends=ends,
            shared=shared,
            lists=lists,
            on_event=on_event,
            with_same=with_same,
        )
        audits = tuple(auditor.audit(job, on_finding) for job in compared)
    return AuditReport(audits, warnings, monotonic() - began_s)


def _warnings(loaded: LoadedManifest, stores: Stores, ends: PlanEnds) -> tuple[str, ...]:
    said = [in_one_line(warning) for warning in loaded.warnings]
    said += [warning for found in ends.places for warning in found.warnings]
    return tuple(dict.fromkeys([*said, *stores.fallbacks(ends.locations)]))


class _Auditor:
    """Audits the jobs of one manifest, one after another."""

    def __init__(
        self,
        request: AuditRequest,
        loaded: LoadedManifest,
        stores: Stores,
        *,
        ends: PlanEnds,
        shared: Mapping[str, bytes],
        lists: Mapping[str, KeyList],
        on_event: OnEvent,
        with_same: bool,
    ) -> None:
        self._request = request
        self._loaded = loaded
        self._stores = stores
        self._ends = ends
        self._shared = shared
        self._lists = lists
        self._on_event = on_event
        self._with_same = with_same
        self._files = file_settings(run_record(loaded.manifest.run))
        self._reader = ReaderWaits()
        self._began_s = self._told_s = monotonic()

    def audit(self, job: Job, on_finding: OnFinding) -> JobAudit:
        """Compare both sides of one job; where a store lists out of order, once more through a sort on disk."""
        with ExitStack() as stack:
            try:
                spool = self._spooled(job, stack, unordered=False)
            except OutOfOrder as error:
                self._on_event(Warned(f"{error}; listing again through a sort on disk"))
                spool = self._spooled(job, stack, unordered=True)
            for finding in spool.read():
                on_finding(job.name, finding)
        source, destination = self._both(job)
        return JobAudit(job.name, source.location, destination.location, spool.counts, job.deletes)

    def _both(self, job: Job) -> tuple[FoundLocation, FoundLocation]:
        source, destination = self._ends.by_job[job.name]
        if source is None:
            raise AssertionError("jobs that only delete are not audited")
        return source, destination

    def _spooled(self, job: Job, stack: ExitStack, *, unordered: bool) -> FindingSpool:
        spool = stack.enter_context(FindingSpool(with_same=self._with_same))
        source, destination = self._both(job)
        key_list = self._lists.get(job.name)
        scopes = [
            Scope(
                self._lister(job, found, unordered=unordered),
                side=side,
                passes=job.passes_key,
                on_page=lambda: self._tell(spool.counts),
                listed=None if key_list is None else ListedKeys(key_list),
            )
            for side, found in (("source", source), ("destination", destination))
        ]
        for finding in self._judging(job, stack).findings(pair_up(scopes[0].rows(), scopes[1].rows())):
            spool.add(finding)
            self._tell(spool.counts)
        return spool

    def _lister(self, job: Job, found: FoundLocation, *, unordered: bool) -> Lister | None:
        if not found.exists:
            return None
        place = self._stores.at(found.location)
        return lister_of(
            place,
            job.filters,
            self._lists.get(job.name),
            shared=self._shared[job.name],
            unordered=unordered,
            reader=self._reader,
        )

    def _judging(self, job: Job, stack: ExitStack) -> Judging:
        source, destination = (found.location for found in self._both(job))
        now_ms = time_ns() // 1_000_000 + self._stores.at(source).clock_offset_ms
        wanted = Wanted(
            part_size_bytes=self._loaded.manifest.run.part_size,
            readers=max(1, min(self._files.threads, self._files.memory_bytes // PIECE_BYTES)),
            reads=self._request.reads,
            attributes=self._request.attributes,
            mtimes=job.settings.preserves_mtime,
        )
        rules = AuditRules(
            objection=compile_attribute_filter(job.filters, now_ms=now_ms),
            copies_archived=job.copies_archived,
            from_folder=source.is_folder,
            to_folder=destination.is_folder,
        )
        evidence = stack.enter_context(BytesEvidence(self._side(job, source), self._side(job, destination), wanted))
        return Judging(rules, evidence, explain=self._why_not_comparable)

    def _side(self, job: Job, location: PlanLocation) -> AuditedSide:
        if location.is_folder:
            return FileSide(self._stores.files_of(location))
        exists = next(found.exists for found in self._both(job) if found.location == location)
        is_free = exists and self._stores.at(location).has_digests_as_etags()
        return ObjectSide(self._stores.engine_of(location), location, is_free_of_kms=is_free)

    def _why_not_comparable(self, hint: str) -> str:
        if hint:
            return hint
        return _READ if self._request.reads else _UNREAD

    def _tell(self, counts: AuditCounts) -> None:
        now_s = monotonic()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            told = sum(counts.objects.values())
            bad = sum(count for kind, count in counts.objects.items() if kind.is_wanting)
            self._on_event(Audited(told, bad, now_s - self._began_s))
