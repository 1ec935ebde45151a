"""Manifest -> stores -> listings -> plan: what `s3plan plan` does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time_ns

from s3plan.app.capabilities import capabilities_for_plan
from s3plan.app.comparability import are_etags_comparable
from s3plan.app.connections import connections_of
from s3plan.app.locations import FoundLocation, find_location
from s3plan.app.paths import default_plan_path
from s3plan.app.plans.earlier_plans import check_may_replace, cleared_place, prune
from s3plan.app.plans.first_questions import ask_first_questions, open_engines
from s3plan.app.requests import PlanMade, PlanRequest
from s3plan.app.runs.own_process import calm_collector
from s3plan.app.stores import Stores
from s3plan.planfile.documents.header import load_validator
from s3plan.planfile.writer import PlanWriter
from s3plan.planner.build import BuiltPlan, PlanFacts, build_plan
from s3plan.planner.manifest.diagnostics import in_one_line
from s3plan.planner.manifest.file import LoadedManifest, load_manifest, warning_of
from s3plan.planner.manifest.job import Job, resolve_job
from s3plan.planner.patterns import common_prefix
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.errors import ManifestInvalid, UsageInvalid
from s3plan.schemas.events import Listed, OnEvent, PlanSaved, Warned
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import ManifestRecord
from s3plan.schemas.plan.rows import LocationRole, PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.printable import shown_path
from s3plan.schemas.redaction import find_known
from s3plan.storage.listing.narrowed import open_narrowed_listing
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.listing.page_checks import OutOfOrder

OpenLister = Callable[[Engine, PlanLocation, bool], Lister]
"""Gives the lister of a location that exists; True: of a store that turned out to list out of order."""

_TELL_EVERY_S = 0.25
_LISTING_REQUESTS = 32


def make_plan(request: PlanRequest, *, on_event: OnEvent = lambda _: None) -> PlanMade:
    """Compare both sides of the manifest's job and save the plan; nothing is written to either side.

    With `request.probe` the conditions of an unknown store are probed now, under the destination prefix. Raises
    ManifestInvalid, GuardRefused never (a held plan is saved and says so), ListingUnusable, StoreRefused,
    CredentialsUnusable, PlanRefused (another owner, or the plan's place is taken by an unfinished run), Locked.
    """
    loaded = load_manifest(request.manifest)
    shared = common_prefix(resolve_job(loaded.manifest).filters.include)  # by both sides: key filters hold on both

    reader = ReaderWaits()

    def open_lister(engine: Engine, location: PlanLocation, unordered: bool) -> Lister:  # noqa: FBT001
        return open_narrowed_listing(engine, location, shared=shared, unordered=unordered, reader=reader)

    return plan_loaded(loaded, request, open_lister=open_lister, shared=shared, on_event=on_event)


def plan_loaded(
    loaded: LoadedManifest,
    request: PlanRequest,
    *,
    open_lister: OpenLister,
    shared: bytes | None = None,
    retried: RetriedPlan | None = None,
    on_event: OnEvent,
) -> PlanMade:
    """Do so for a manifest that is in memory, and what its listers give; `retried` if that is a part of a job only.

    `shared` is what all listed keys begin with, where the listers list the locations.
    """
    output = request.output or default_plan_path(request.manifest, job=loaded.manifest.name)
    if output.suffix != ".s3plan":
        raise UsageInvalid(f"{output}: a plan's file name ends in .s3plan")
    if request.keep is not None and request.keep < 0:
        raise UsageInvalid("a number of earlier plans to keep is 0 or more")
    job = resolve_job(loaded.manifest)
    with (
        calm_collector() if request.owns_process else nullcontext(),
        Stores(connections_of(loaded.manifest), max_in_flight=2 * _LISTING_REQUESTS) as stores,
    ):
        open_engines(stores, loaded.manifest)
        _refuse_secrets(loaded)  # now that the sessions are open, they are known
        ask_first_questions(stores, loaded.manifest, shared=shared)
        check_may_replace(output)  # this and the next take as long as the answers
        load_validator()
        source = find_location(stores, loaded.manifest.source, role=LocationRole.SOURCE)
        destination = find_location(stores, loaded.manifest.destination, role=LocationRole.DESTINATION)
        facts = _facts(request, loaded, stores, source, destination, retried=retried)
        built = _build(
            request,
            job,
            stores,
            source=source,
            destination=destination,
            facts=facts,
            output=output,
            open_lister=open_lister,
            on_event=on_event,
        )
    if request.keep is not None:
        prune(output, keep=request.keep)
    made = PlanMade(output, built.digest, built.header)
    on_event(PlanSaved(str(output), built.digest, built.header.actions, built.header.is_blocked))
    return made


def _refuse_secrets(loaded: LoadedManifest) -> None:
    """Raise ManifestInvalid if the text, which the plan keeps whole, holds a credential, be it in a comment."""
    text = loaded.text.decode("utf-8-sig")
    place = find_known(text)
    if place is not None:
        line = text.count("\n", 0, place) + 1
        raise ManifestInvalid(
            f"{shown_path(loaded.path)}:{line}: one of the credentials that were found for this job stands here, and "
            "the plan would keep it; remove it, and have it replaced by another"
        )


def _facts(
    request: PlanRequest,
    loaded: LoadedManifest,
    stores: Stores,
    source: FoundLocation,
    destination: FoundLocation,
    *,
    retried: RetriedPlan | None,
) -> PlanFacts:
    made_at = datetime.now(UTC)
    capabilities = capabilities_for_plan(stores, destination, probe=request.probe, now=made_at)
    warnings = [in_one_line(warning) for warning in loaded.warnings]
    warnings += [*source.warnings, *destination.warnings]
    warnings += stores.fallbacks([source.location, destination.location])
    deletion = loaded.manifest.delete
    known = {capabilities[Condition.DELETE_MATCH], capabilities[Condition.BATCH_DELETE_MATCH]}
    if deletion is not None and known == {Enforcement.CHECKED} and deletion.unpinned.value != "allow":
        warnings.append(
            "this store enforces no condition on deletes: apply will refuse them unless the manifest says "
            "`delete: {unpinned: allow}`"
        )
    offset_ms = stores.engine_of(source.location).clock_offset_ms
    return PlanFacts(
        tool_version=version("s3plan"),
        made_at=made_at,
        expires_at=None if request.expires_after is None else made_at + request.expires_after,
        store_now_ms=time_ns() // 1_000_000 + offset_ms,
        manifest=ManifestRecord(path=str(request.manifest), sha256=loaded.sha256, text=loaded.text.decode("utf-8-sig")),
        capabilities=capabilities,
        etags_comparable=are_etags_comparable(stores, source, destination, loaded.manifest.destination.encryption),
        warnings=tuple(warnings),
        retried=retried,
        say=lambda finding: in_one_line(warning_of(loaded, finding)),
    )


def _build(
    request: PlanRequest,
    job: Job,
    stores: Stores,
    *,
    source: FoundLocation,
    destination: FoundLocation,
    facts: PlanFacts,
    output: Path,
    open_lister: OpenLister,
    on_event: OnEvent,
) -> BuiltPlan:
    """Build with plain listings; where one turns out to be out of order, once more with those sorted on disk."""
    unordered: set[LocationRole] = set()
    while True:
        listers = {
            found.location.role: open_lister(
                stores.engine_of(found.location), found.location, found.location.role in unordered
            )
            if found.exists
            else None
            for found in (source, destination)
        }
        source_lister = listers[LocationRole.SOURCE]
        if source_lister is None:
            raise AssertionError("the source's bucket was found")
        try:
            with PlanWriter(output, replacing=cleared_place) as writer:
                return build_plan(
                    job,
                    source=source_lister,
                    destination=listers[LocationRole.DESTINATION],
                    locations=(source.location, destination.location),
                    writer=writer,
                    facts=facts,
                    allow=request.allow,
                    spool_folder=output.parent,
                    on_progress=_progress(on_event),
                )
        except OutOfOrder as error:
            if len(unordered) == len(listers):
                raise
            on_event(Warned(f"{error}; listing again through a sort on disk"))
            unordered = set(listers)


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
