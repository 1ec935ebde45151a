"""Folders and files that a manifest names, by absolute paths: what it keeps means the same wherever it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from s3plan.planner.manifest.defaults import DEFAULTS, JOBS
from s3plan.planner.manifest.text.data import Data
from s3plan.schemas.files.urls import absolute_folder, is_local
from s3plan.schemas.manifest.values import is_boolean
from s3plan.schemas.plan.rows import folder_url
from s3plan.schemas.requests.customer_keys import is_written_key

CONNECTIONS = "connections"
_ROLES = ("source", "destination", "location")


@dataclass(frozen=True, slots=True)
class MovedFolder:
    """A folder that lies elsewhere than a manifest says, by its absolute paths."""

    path: str
    moved_to: str


def make_folders_absolute(data: Data, *, base: Path, moved: MovedFolder | None = None) -> None:
    """Replace each folder that a manifest names by its `file:` URL; relative ones are relative to `base`.

    Jobs' places that are the `moved` one are replaced by where that lies.
    """
    for job in _jobs_of(data):
        _make_list_absolute(job.get("filters"), base=base)
        for role in _ROLES:
            place = job.get(role)
            if isinstance(place, str) and is_local(place):
                job[role] = _url(place, base=base, moved=moved)
            elif isinstance(place, dict):
                for name in ("encryption", "decryption"):
                    _make_key_absolute(place.get(name), base=base)
                for name in ("url", "trash"):
                    text = place.get(name)
                    if isinstance(text, str) and is_local(text):
                        place[name] = _url(text, base=base, moved=moved if name == "url" else None)


def make_bundles_absolute(data: Data, *, base: Path) -> None:
    """Replace the `ca_bundle` of each connection by an absolute path: who stands elsewhere trusts no other file.

    Relative ones are relative to `base`.
    """
    connections = data.get(CONNECTIONS)
    for entry in connections.values() if isinstance(connections, dict) else ():
        text = entry.get("ca_bundle") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and _is_path(text):
            entry["ca_bundle"] = absolute_path(text, base=base)


def absolute_path(text: str, *, base: Path) -> str:
    """Return the path of a file that is named relative to `base`, to a home folder (`~`), or by itself."""
    return str(base / _from_home(text))


def _url(text: str, *, base: Path, moved: MovedFolder | None) -> str:
    url = absolute_folder(text, base=base)
    return folder_url(moved.moved_to) if moved is not None and url == folder_url(moved.path) else url


def _make_list_absolute(filters: object, *, base: Path) -> None:
    text = filters.get("list") if isinstance(filters, dict) else None
    if isinstance(filters, dict) and _is_path(text) and "://" not in text:
        filters["list"] = absolute_path(text, base=base)


def _make_key_absolute(setting: object, *, base: Path) -> None:
    key = setting.get("key") if isinstance(setting, dict) else None
    text = key.get("file") if isinstance(key, dict) else None
    if isinstance(key, dict) and _is_path(text) and not is_written_key(text):
        key["file"] = absolute_path(text, base=base)


def _is_path(text: object) -> TypeGuard[str]:
    """Return whether it may be one: what is none stays as it is written, for its reader to refuse."""
    return isinstance(text, str) and bool(text) and not is_boolean(text)


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
