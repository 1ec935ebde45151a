"""Which conditions a store enforces, as far as it is known without asking it; and what probes found, for a day."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from s3plan.planfile.own_file import objection_to
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.probe_keys import is_probe_stem
from s3plan.storage.s3.store_quirks import quirks_of

_LIFE = timedelta(hours=24)
_VERSION = 1
_OF_PROBES = ("stem", "pid", "host", "is_over", "left")
_MOST_LEFT = 8  # probes whose remains are looked for once more; each costs a few requests
_UNKNOWN: Capabilities = dict.fromkeys(Condition, Enforcement.UNKNOWN)


def known_capabilities(store: StoreName, *, bucket: str = "") -> Capabilities:
    """Return what the table of stores says of this kind; UNKNOWN for directory buckets, wherever they are."""
    return _UNKNOWN if is_directory_bucket(bucket) else quirks_of(store).conditions


class CapabilityCache:
    """What probes found, in a JSON file: 24 hours for each endpoint and bucket.

    A file that is missing, damaged or cannot be written is no error: then the store is asked again. Threads may use it
    for different buckets.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changing = Lock()

    def find(self, endpoint: str | None, bucket: str, *, now: datetime) -> Capabilities | None:
        """Return what a probe less than 24 hours before `now` (aware) found, or None."""
        entry = self._entries().get(_name(endpoint, bucket))
        if not isinstance(entry, Mapping):
            return None
        try:
            probed_at = datetime.fromisoformat(str(entry["probed_at"]))
            found = {Condition(name): Enforcement(word) for name, word in dict(entry["found"]).items()}
            is_fresh = timedelta(0) <= now - probed_at < _LIFE
        except (KeyError, TypeError, ValueError):
            return None
        return found if is_fresh and found.keys() == set(Condition) else None

    def note_probe(self, endpoint: str | None, bucket: str, *, stem: str) -> None:
        """Write down that this process is about to probe under keys of this stem; `keep` ends it."""
        self._begin(endpoint, bucket, stem, kept=_of_earlier_ones(self._entry(endpoint, bucket)))

    def note_confirmation(self, endpoint: str | None, bucket: str, *, stem: str) -> None:
        """Write down that this process is about to make an object under this stem; what was found before stays."""
        self._begin(endpoint, bucket, stem, kept=self._entry(endpoint, bucket))

    def _begin(self, endpoint: str | None, bucket: str, stem: str, *, kept: Mapping[str, object]) -> None:
        """Write down that one more is under way; what earlier ones have left is still to be removed."""
        broken = self.broken_probes(endpoint, bucket)
        left = {"left": broken[-_MOST_LEFT:]} if broken else {}
        self._replace(endpoint, bucket, {**kept, **left, **_probing(stem), "is_over": False})

    def note_clean(self, endpoint: str | None, bucket: str) -> None:
        """Write down that what was noted last has removed what it made."""
        entry = self._entry(endpoint, bucket)
        if "stem" in entry:
            kept = {name: value for name, value in entry.items() if name not in _OF_PROBES}
            self._replace(endpoint, bucket, {**kept, **_of_earlier_ones(entry)})

    def note_failed_probe(self, endpoint: str | None, bucket: str) -> None:
        """Write down that the probe noted last ended without a finding, and may not have removed what it made."""
        entry = self._entries().get(_name(endpoint, bucket))
        if isinstance(entry, Mapping) and "stem" in entry:
            self._replace(endpoint, bucket, {**entry, "is_over": True})

    def broken_probes(self, endpoint: str | None, bucket: str) -> list[str]:
        """Return the stems of probes that failed, or whose process has gone since without an end: see `note_left`."""
        entry = self._entry(endpoint, bucket)
        if entry.get("host") != socket.gethostname():
            return []
        earlier, last, pid = entry.get("left"), entry.get("stem"), entry.get("pid")
        stems = list(earlier) if isinstance(earlier, list) else []
        if entry.get("is_over") is True or (isinstance(pid, int) and not _is_alive(pid)):
            stems.append(last)
        return [stem for stem in stems if isinstance(stem, str) and is_probe_stem(stem)]

    def note_left(self, endpoint: str | None, bucket: str, *, stems: Sequence[str]) -> None:
        """Write down which of the broken probes have left something still; the others are forgotten."""
        entry = {name: value for name, value in self._entry(endpoint, bucket).items() if name not in _OF_PROBES}
        left = {"left": list(stems[-_MOST_LEFT:]), "host": socket.gethostname()} if stems else {}
        self._replace(endpoint, bucket, {**entry, **left})

    def keep(self, endpoint: str | None, bucket: str, capabilities: Capabilities, *, now: datetime) -> None:
        """Write a finding down; the file is replaced whole, readable by its owner only."""
        found = {str(condition): str(capabilities[condition]) for condition in Condition}
        earlier = _of_earlier_ones(self._entry(endpoint, bucket))
        self._replace(endpoint, bucket, {**earlier, "probed_at": now.astimezone(UTC).isoformat(), "found": found})

    def _entry(self, endpoint: str | None, bucket: str) -> Mapping[str, object]:
        entry = self._entries().get(_name(endpoint, bucket))
        return entry if isinstance(entry, Mapping) else {}

    def _replace(self, endpoint: str | None, bucket: str, entry: Mapping[str, object]) -> None:
        with self._changing:
            entries = {**self._entries(), _name(endpoint, bucket): entry}
            try:
                self._write(json.dumps({"version": _VERSION, "entries": entries}, indent=1))
            except OSError:
                return

    def _entries(self) -> Mapping[str, object]:
        try:
            if objection_to(self._path) is not None:
                return {}  # whoever wrote it could have us believe that a store holds what it does not
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(kept, dict) or kept.get("version") != _VERSION or not isinstance(kept.get("entries"), dict):
            return {}
        entries: Mapping[str, object] = kept["entries"]
        return entries

    def _write(self, text: str) -> None:
        for folder in (*reversed(self._path.parent.parents), self._path.parent):
            if not folder.exists():
                folder.mkdir(exist_ok=True, mode=0o700)  # one by one: `parents=True` would open the others to all
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")  # made with 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _name(endpoint: str | None, bucket: str) -> str:
    return f"{endpoint or 'aws'} {bucket}"


def _probing(stem: str) -> Mapping[str, object]:
    return {"stem": stem, "pid": os.getpid(), "host": socket.gethostname()}


def _of_earlier_ones(entry: Mapping[str, object]) -> Mapping[str, object]:
    """Return what an entry says of earlier probes that have left something."""
    return {name: entry[name] for name in ("left", "host") if entry.get("left") and name in entry}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
