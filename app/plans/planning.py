"""Manifest -> stores -> listings -> plan: what `s3plan plan` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from s3plan.app.connections.accounts import AskedAccounts, account_records
from s3plan.app.connections.own_file import own_connections
from s3plan.app.connections.settings import connections_of
from s3plan.app.locations import PlanEnds
from s3plan.app.paths import connections_path, default_plan_path
from s3plan.app.plans.acceleration import refuse_accelerated_copies
from s3plan.app.plans.earlier_plans import check_may_replace, cleared_place, prune
from s3plan.app.plans.key_lists import is_looked_at, lister_of, open_key_lists, shared_start
from s3plan.app.plans.selection import Selection, check_apart, selected_jobs
from s3plan.app.plans.sides import OpenLister, job_sides
from s3plan.app.requests import PlanMade, PlanRequest
from s3plan.app.runs.executors.own_process import calm_collector
from s3plan.app.runs.preparation.one_place import shown_place
from s3plan.app.stores import Stores
from s3plan.planfile.documents.header import load_validator
from s3plan.planfile.graph import load_networkx_ahead
from s3plan.planfile.writer import PlanWriter
from s3plan.planner.build import BuiltPlan, PlanFacts, build_plan
from s3plan.planner.filtering.key_list import KeyList
from s3plan.planner.job_sides import JobSides
from s3plan.planner.manifest.connections.chosen_profiles import with_profiles
from s3plan.planner.manifest.file import LoadedManifest, diagnostic_of, load_manifest
from s3plan.planner.manifest.findings.between_jobs import with_dependencies
from s3plan.planner.manifest.job import Job, resolve_jobs, run_record
from s3plan.planner.manifest.new_objects import may_compare_etags
from s3plan.planner.manifest.text.diagnostics import in_one_line
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.errors import ManifestInvalid, UsageInvalid
from s3plan.schemas.events import Listed, OnEvent, PlanSaved, Warned
from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Source
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.words import Mode, Unpinned
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.header import CapabilityRecord, ManifestRecord, PlaceRecord
from s3plan.schemas.plan.rows import store_name
from s3plan.schemas.ports import Lister
from s3plan.schemas.printable import shown_path
from s3plan.schemas.redaction import find_known
from s3plan.storage.file_settings import file_settings, undurable_files
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.listing.page_checks import OutOfOrder
from s3plan.storage.places.location import FoundLocation, LocationConditions, OpenLocation

_TELL_EVERY_S = 0.25
_LISTING_REQUESTS = 32


def make_plan(request: PlanRequest, *, on_event: OnEvent = lambda _: None) -> PlanMade:
    """Compare both sides of the manifest's jobs and save the plan; nothing is written to either side.

    With `request.probe` the conditions of an unknown store are probed now, under the destination prefix. Raises
    ManifestInvalid, GuardRefused never (a held plan is saved and says so), ListingUnusable, StoreRefused,
    CredentialsUnusable, PlanRefused (another owner, or the plan's place is taken by an unfinished run), Locked.
    """
    loaded = with_profiles(load_manifest(request.manifest, own=own_connections()), request.profiles)
    selection = selected_jobs(loaded, request.select, without_dependencies=request.without_dependencies)
    jobs = loaded.manifest.jobs
    reader = ReaderWaits()
    with open_key_lists(loaded, selection.names) as lists:
        # By both sides of a job: key filters hold on both.
        shared = {name: shared_start(jobs[name].filters, lists.get(name)) for name in selection.names}

        def open_lister(job: str, place: OpenLocation, unordered: bool) -> Lister:  # noqa: FBT001
            return lister_of(
                place,
                jobs[job].filters,
                lists.get(job),
                shared=shared[job],
                unordered=unordered,
                reader=reader,
            )

        return plan_loaded(
            loaded,
            request,
            selection,
            open_lister=open_lister,
            shared={name: start for name, start in shared.items() if not is_looked_at(lists.get(name))},
            key_lists=lists,
            on_event=on_event,
        )


def plan_loaded(
    loaded: LoadedManifest,
    request: PlanRequest,
    selection: Selection,
    *,
    open_lister: OpenLister,
    shared: Mapping[str, bytes] | None = None,
    retried: Mapping[str, RetriedPlan] | None = None,
    key_lists: Mapping[str, KeyList] | None = None,
    on_event: OnEvent,
) -> PlanMade:
    """Do so for jobs of a manifest that is in memory, and what its listers give.

    `shared` is what all listed keys of a job begin with, where the listers list the locations; `retried` what is known
    of jobs of which a part is planned; `key_lists` are what those of them go by that have one.
    """
    output = request.output or default_plan_path(request.manifest, name=loaded.manifest.name)
    if output.suffix != ".s3plan":
        raise UsageInvalid(f"{output}: a plan's file name ends in .s3plan")
    if request.keep is not None and request.keep < 0:
        raise UsageInvalid("a number of earlier plans to keep is 0 or more")
    jobs = resolve_jobs(loaded.manifest, selection.names)
    entries = {job.name: loaded.manifest.jobs[job.name] for job in jobs}
    with (
        calm_collector() if request.owns_process else nullcontext(),
        Stores(
            connections_of(loaded.manifest),
            max_in_flight=2 * _LISTING_REQUESTS,
            files=file_settings(run_record(loaded.manifest.run)),
        ) as stores,
    ):
        for place in _places(entries.values()):
            if place.folder is None:
                stores.open(place.connection or "", region=place.region)  # nothing is sent yet
            if place.customer_key is not None:
                stores.find_key(place.customer_key)
        _refuse_secrets(loaded)  # now that the sessions are open, they are known
        check_apart(loaded, selection.names, lambda place: store_name(stores.endpoint_of(place.connection or "")))
        accounts = AskedAccounts(stores, _ways(entries.values()))
        for name, entry in entries.items():
            for place in _places([entry]):
                start = None if shared is None else shared.get(name)
                stores.ask_ahead(place, shared=start, compares_etags=may_compare_etags(entry))
        check_may_replace(output)  # this and the next take as long as the answers
        load_networkx_ahead()
        load_validator()
        ends = PlanEnds.find(stores, entries)
        refuse_accelerated_copies(ends, stores)
        facts = _facts(request, loaded, (stores, ends), jobs, selection)
        facts = replace(facts, accounts=account_records(accounts))
        built = _build(
            request,
            jobs,
            stores,
            ends=ends,
            facts=facts,
            retried=retried or {},
            key_lists=key_lists or {},
            output=output,
            open_lister=open_lister,
            on_event=on_event,
        )
    if request.keep is not None:
        prune(output, keep=request.keep)
    made = PlanMade(output, built.digest, built.header)
    on_event(PlanSaved(str(output), built.digest, built.header.actions, built.header.is_blocked))
    return made


def _places(entries: Iterable[JobEntry]) -> Iterator[Source | Destination | DeletedFrom]:
    for entry in entries:
        yield from entry.places


def _ways(entries: Iterable[JobEntry]) -> Iterator[tuple[str, str | None]]:
    """Yield the connections of buckets, each with the region that its engine is for."""
    for place in _places(entries):
        if place.folder is None:
            yield place.connection or "", place.region


def _refuse_secrets(loaded: LoadedManifest) -> None:
    """Raise ManifestInvalid if the text, which the plan keeps whole, holds a credential, be it in a comment."""
    text = loaded.text.decode("utf-8-sig")
    place = find_known(text)
    if place is None and loaded.taken and find_known(loaded.resolved) is not None:
        raise ManifestInvalid(
            f"{shown_path(connections_path())}: one of the credentials that were found for this job stands in it, in "
            f"the connection {' or '.join(loaded.taken)}, and the plan would keep it; remove it, and have it replaced "
            "by another"
        )
    if place is None and find_known(loaded.resolved) is not None:
        raise ManifestInvalid(
            f"{shown_path(loaded.path)}: one of the credentials that were found for this job stands in it, written in "
            "pieces, and the plan would keep it; remove it, and have it replaced by another"
        )
    if place is not None:
        line = text.count("\n", 0, place) + 1
        raise ManifestInvalid(
            f"{shown_path(loaded.path)}:{line}: one of the credentials that were found for this job stands here, and "
            "the plan would keep it; remove it, and have it replaced by another"
        )


def _facts(
    request: PlanRequest,
    loaded: LoadedManifest,
    places: tuple[Stores, PlanEnds],
    jobs: Sequence[Job],
    selection: Selection,
) -> PlanFacts:
    made_at = datetime.now(UTC)
    manifest, (stores, ends) = loaded.manifest, places
    capabilities = {
        found.location.id: _conditions(_tried(stores, found, jobs, ends), found, probe=request.probe, now=made_at)
        for found in ends.destinations
    }
    warnings = [in_one_line(warning) for warning in loaded.warnings]
    warnings += [warning for found in ends.places for warning in found.warnings]
    warnings += stores.fallbacks(ends.locations)
    warnings += undurable_files(run_record(manifest.run), (found.location for found in ends.destinations))
    warnings += _unheeded_dependents(manifest, selection)
    for name, (_, destination) in ends.by_job.items():
        deleted_from = ends.moved_from.get(name, destination)
        job, known = manifest.jobs[name], capabilities[deleted_from.location.id]
        is_allowed = job.delete is not None and job.delete.unpinned is Unpinned.ALLOW
        if job.mode is not Mode.COPY and not is_allowed and _holds_no_delete(known):
            warnings.append(
                f"{shown_place(deleted_from.location)}: this store enforces no condition on deletes: apply will refuse "
                "them unless the manifest says `delete: {unpinned: allow}`"
            )
    return PlanFacts(
        tool_version=version("s3plan"),
        made_at=made_at,
        expires_at=None if request.expires_after is None else made_at + request.expires_after,
        name=manifest.name,
        manifest=ManifestRecord(
            path=str(request.manifest),
            sha256=loaded.sha256,
            text=loaded.text.decode("utf-8-sig"),
            resolved=loaded.resolved,
        ),
        run=run_record(manifest.run),
        places=tuple(_place_record(location, known) for location, known in capabilities.items()),
        warnings=tuple(dict.fromkeys(warnings)),
        say=lambda job, finding: in_one_line(diagnostic_of(loaded, finding, job=job)),
        not_selected=selection.not_selected,
        without_dependencies=selection.without_dependencies,
    )


def _tried(stores: Stores, found: FoundLocation, jobs: Sequence[Job], ends: PlanEnds) -> LocationConditions:
    """Return the conditions of a place, found out by objects as the first job that writes there makes them."""
    conditions = stores.at(found.location).conditions
    for job in jobs:
        if ends.by_job[job.name][1].location.id == found.location.id:
            asked = job.settings.encryption
            return conditions.written_with(None if asked is None else asked.of_requests, job.settings.acl)
    return conditions


def _conditions(conditions: LocationConditions, found: FoundLocation, *, probe: bool, now: datetime) -> Capabilities:
    """Return what can be said without writing; with `probe`, what is not known is found out by writing."""
    return conditions.find_out(now=now) if probe and found.exists else conditions.known(now=now)


def _unheeded_dependents(manifest: Manifest, selection: Selection) -> list[str]:
    """Return a sentence for each mirror that deletes without waiting for jobs that depend on it: they are left out."""
    found: list[str] = []
    for name in selection.names:
        job = manifest.jobs[name]
        waiting = [other for other in selection.not_selected if name in with_dependencies(manifest, [other])]
        if job.mode is Mode.MIRROR and waiting:
            who = (
                f"job {waiting[0]}, which depends" if len(waiting) == 1 else f"jobs {', '.join(waiting)}, which depend"
            )
            found.append(f"job {name}: its deletes do not wait for {who} on it: not in this plan")
    return found


def _holds_no_delete(known: Capabilities) -> bool:
    return {known[Condition.DELETE_MATCH], known[Condition.BATCH_DELETE_MATCH]} == {Enforcement.CHECKED}


def _place_record(location: int, known: Capabilities) -> PlaceRecord:
    records = (CapabilityRecord(condition=condition, enforcement=known[condition]) for condition in Condition)
    return PlaceRecord(location=location, capabilities=tuple(records))


def _build(
    request: PlanRequest,
    jobs: Sequence[Job],
    stores: Stores,
    *,
    ends: PlanEnds,
    facts: PlanFacts,
    retried: Mapping[str, RetriedPlan],
    key_lists: Mapping[str, KeyList],
    output: Path,
    open_lister: OpenLister,
    on_event: OnEvent,
) -> BuiltPlan:
    """Build with plain listings; where one turns out to be out of order, once more with all sorted on disk."""
    unordered = False
    while True:

        def sides_of(job: Job, *, unordered: bool = unordered) -> JobSides:
            return job_sides(
                job,
                stores,
                ends,
                retried.get(job.name),
                key_lists.get(job.name),
                open_lister=open_lister,
                unordered=unordered,
                part_size_bytes=facts.run.part_size_bytes,
            )

        try:
            with PlanWriter(output, replacing=cleared_place) as writer:
                pairs = ((job, sides_of(job)) for job in jobs)
                return build_plan(
                    [(job.through_us() if sides.is_relayed else job, sides) for job, sides in pairs],
                    locations=ends.locations,
                    writer=writer,
                    facts=facts,
                    allow=request.allow,
                    spool_folder=output.parent,
                    on_progress=_progress(on_event),
                )
        except OutOfOrder as error:
            if unordered:
                raise
            on_event(Warned(f"{error}; listing again through a sort on disk"))
            unordered = True


def _progress(on_event: OnEvent) -> Callable[[int, int, int], None]:
    began_s = monotonic()
    told_s = began_s

    def tell(source_objects: int, destination_objects: int, actions: int) -> None:
        nonlocal told_s
        now_s = monotonic()
        if now_s - told_s >= _TELL_EVERY_S:
            told_s = now_s
            on_event(Listed(source_objects, destination_objects, actions, now_s - began_s))

    return tell
