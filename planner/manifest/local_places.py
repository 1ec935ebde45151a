"""Folders and files that a manifest names, by absolute paths: what it keeps means the same wherever it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from s3plan.planner.manifest.data import Data
from s3plan.planner.manifest.defaults import DEFAULTS, JOBS
from s3plan.schemas.files.urls import absolute_folder, is_local

_ROLES = ("source", "destination", "location")


def make_folders_absolute(data: Data, *, base: Path) -> None:
    """Replace each folder that a manifest names by its `file:` URL; relative ones are relative to `base`."""
    for job in _jobs_of(data):
        _make_list_absolute(job.get("filters"), base=base)
        for role in _ROLES:
            place = job.get(role)
            if isinstance(place, str) and is_local(place):
                job[role] = absolute_folder(place, base=base)
            elif isinstance(place, dict):
                for name in ("url", "trash"):
                    text = place.get(name)
                    if isinstance(text, str) and is_local(text):
                        place[name] = absolute_folder(text, base=base)


def _make_list_absolute(filters: object, *, base: Path) -> None:
    text = filters.get("list") if isinstance(filters, dict) else None
    if isinstance(filters, dict) and isinstance(text, str) and text and "://" not in text:
        filters["list"] = str(base / _from_home(text))


def _from_home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # `~nobody`: there may be a file of that name
        return Path(text)


def _jobs_of(data: Data) -> Iterator[Data]:
    yield data
    for part in (data.get(DEFAULTS), *_values(data.get(JOBS))):
        if isinstance(part, dict):
            yield part


def _values(jobs: object) -> Iterator[object]:
    yield from jobs.values() if isinstance(jobs, dict) else ()
