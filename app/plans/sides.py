"""What each job of a plan is compared on: its two places, opened, and how files are told from objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import time_ns

from s3plan.app.known_pairs import RememberedPairs
from s3plan.app.locations import PlanEnds
from s3plan.app.plans.transfer_choice import choose_transfer
from s3plan.app.plans.two_stores import two_stores
from s3plan.app.stores import Stores
from s3plan.planner.filtering.key_list import KeyList
from s3plan.planner.job_sides import FolderSide, JobSides
from s3plan.planner.manifest.job import Job
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.manifest.locations import EncryptionSetting
from s3plan.schemas.manifest.models import Filters
from s3plan.schemas.plan.actions import kind_of_writes
from s3plan.schemas.ports import Lister
from s3plan.schemas.stores.quirks import StoreQuirks
from s3plan.storage.evidence.audited_sides import FileSide, ObjectSide
from s3plan.storage.evidence.file_evidence import FileEvidence
from s3plan.storage.places.location import FoundLocation, OpenLocation
from s3plan.storage.s3.store_quirks import quirks_of

OpenLister = Callable[[str, OpenLocation, bool], Lister]
"""Gives the lister of a job's location that exists; True: of a store that turned out to list out of order."""


def job_sides(
    job: Job,
    stores: Stores,
    ends: PlanEnds,
    retried: RetriedPlan | None,
    key_list: KeyList | None,
    *,
    open_lister: OpenLister,
    unordered: bool,
    part_size_bytes: int | None,
) -> JobSides:
    """Return what a job is compared on; nothing is listed yet."""
    source, destination = ends.by_job[job.name]

    def opened(found: FoundLocation | None) -> Lister | None:
        if found is None or not found.exists:
            return None
        return open_lister(job.name, stores.at(found.location), unordered)

    def open_listers() -> tuple[Lister | None, Lister | None]:
        return opened(source), opened(destination)

    if source is None:
        return JobSides(
            from_location=None,
            to_location=destination.location.id,
            open_listers=open_listers,
            store_now_ms=_now_ms(stores, destination),
            etags_comparable=False,
            retried=retried,
            key_list=key_list,
            quirks=_quirks_of(destination),
        )
    written = ends.entries[job.name].destination
    encryption = None if written is None else written.encryption
    etags_comparable = _are_etags_comparable(stores, source, destination, encryption)
    transfer = choose_transfer(stores, source.location, destination.location, asked=job.settings.transfer)
    return JobSides(
        from_location=source.location.id,
        to_location=destination.location.id,
        open_listers=open_listers,
        store_now_ms=_now_ms(stores, source),
        etags_comparable=etags_comparable,
        retried=retried,
        key_list=key_list,
        quirks=_quirks_of(destination),
        kind=kind_of_writes(
            source.location, destination.location, is_relayed=transfer is not None and transfer.way == "relay"
        ),
        transfer=transfer,
        stores=two_stores(source.location, destination.location),
        source_is_plain=source.location.is_plain,
        files=_folder_side(
            stores,
            source,
            destination,
            etags_comparable=etags_comparable,
            part_size_bytes=part_size_bytes,
            forgets=retried is None and job.filters == Filters(),
        ),
        empty_directories=stores.folder_at(source.location).empty_directories if source.location.is_folder else deque(),
        stands_at=stores.folder_at(destination.location).oddity_at if destination.location.is_folder else None,
    )


def _quirks_of(destination: FoundLocation) -> StoreQuirks | None:
    return None if destination.location.is_folder else quirks_of(destination.location.store)


def _now_ms(stores: Stores, place: FoundLocation) -> int:
    return time_ns() // 1_000_000 + stores.at(place.location).clock_offset_ms


def _folder_side(
    stores: Stores,
    source: FoundLocation,
    destination: FoundLocation,
    *,
    etags_comparable: bool,
    part_size_bytes: int | None,
    forgets: bool,
) -> FolderSide | None:
    sides = (source.location, destination.location)
    folder = next((each for each in sides if each.is_folder), None)
    if folder is None:
        return None
    bucket = next(each for each in sides if not each.is_folder)
    evidence = FileEvidence(
        FileSide(stores.files_of(folder)),
        ObjectSide(stores.engine_of(bucket), bucket, is_free_of_kms=etags_comparable),
        etags_comparable=etags_comparable,
        readers=stores.files.threads,
        part_size_bytes=part_size_bytes,
    )
    stores.close_with(evidence.close)
    known = RememberedPairs(stores.known_files(folder, bucket), forgets=forgets)
    return FolderSide(stores.at(bucket).clock_offset_ms, known, evidence.ask)


def _are_etags_comparable(
    stores: Stores, source: FoundLocation, destination: FoundLocation, asked: EncryptionSetting | None
) -> bool:
    """Return whether ETags are MD5 sums on both sides; the manifest's `encryption:` speaks for the destination."""
    if asked is not None and asked.type.value != "AES256":
        return False
    sides = [source] if asked is not None else [source, destination]
    return all(stores.at(side.location).has_digests_as_etags() for side in sides if side.exists)
