"""The lists of keys that jobs go by (`filters.list`), opened as long as jobs are compared, and what is listed then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from s3plan.planner.filtering.filters import compile_key_filter
from s3plan.planner.filtering.key_list import KeyList, KeyListInvalid, open_key_list
from s3plan.planner.filtering.patterns import common_prefix
from s3plan.planner.manifest.file import LoadedManifest, refusal_of_findings
from s3plan.schemas.manifest.models import Filters, JobEntry
from s3plan.schemas.manifest.rules.findings import Finding
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Lister
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.places.location import OpenLocation

_MOST_LOOKED_AT = 1000  # by themselves; a page of a listing has as many


@contextmanager
def open_key_lists(loaded: LoadedManifest, names: Iterable[str]) -> Iterator[Mapping[str, KeyList]]:
    """Open the lists of those of these jobs that have one; raise ManifestInvalid for one that cannot be used."""
    with ExitStack() as stack:
        found: dict[str, KeyList] = {}
        for name in names:
            entry = loaded.manifest.jobs[name]
            if entry.filters.list is None:
                continue
            try:
                found[name] = stack.enter_context(open_key_list(entry.filters.list, places=_starts(entry)))
            except KeyListInvalid as error:
                finding = Finding(("filters", "list"), error.message, error.hint)
                raise refusal_of_findings(loaded, [finding], job=name) from error
        yield found


def shared_start(filters: Filters, key_list: KeyList | None) -> bytes:
    """Return what all keys that can pass the filters begin with."""
    by_patterns = common_prefix(filters.include)
    by_list = b"" if key_list is None else key_list.common_start()
    return max(by_patterns, by_list, key=len)


def is_looked_at(key_list: KeyList | None) -> bool:
    """Return whether a list is short enough to look at its keys, rather than to list a bucket."""
    return key_list is not None and key_list.keys <= _MOST_LOOKED_AT


def lister_of(
    place: OpenLocation,
    filters: Filters,
    key_list: KeyList | None,
    *,
    shared: bytes,
    unordered: bool,
    reader: ReaderWaits,
) -> Lister:
    """Return what lists a job's keys at one of its places."""
    if key_list is None or not is_looked_at(key_list) or place.location.is_folder:
        return place.lister(shared=shared, unordered=unordered, reader=reader)
    passes = compile_key_filter(filters)
    keys = [key for key in key_list.read() if (passes is None or passes(key)) and _fits(key, place.location)]
    return place.keyed_lister(keys, why="those of filters.list")


def _fits(key: bytes, location: PlanLocation) -> bool:
    return len(key) + len(location.prefix.encode()) <= MAX_KEY_BYTES


def _starts(entry: JobEntry) -> list[bytes]:
    """Return what the URLs of whole keys begin with, at the job's buckets."""
    return [f"s3://{place.bucket}/{place.key_prefix}".encode() for place in entry.places if place.folder is None]
