"""Which files and objects had the same bytes: what a plan knows from before, and what plans and runs take note of."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns

from s3plan.schemas.files.pairs import Recalled
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.outcomes import Matched
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.tasks import BatchTask
from s3plan.storage.folder.known_files import KnownFile, KnownFiles

_FRESH_NS = 60 * 1_000_000_000


def is_fresh(stamp: str) -> bool:
    """Return whether a file was changed so lately that its stamp does not say all of it.

    A page that was written through a mapping changes its file without a new stamp until it is put on disk.
    """
    parsed = Stamp.parse(stamp)
    return parsed is None or abs(time_ns() - parsed.mtime_ns) < _FRESH_NS


class RememberedPairs:
    """The KnownPairs of one job. With `forgets` what is known of keys that are on neither side any more is dropped."""

    def __init__(self, known: KnownFiles, *, forgets: bool) -> None:
        known.rewind()  # another job of the same places may have gone through it
        self._known = known
        self._passed: list[bytes] | None = [] if forgets else None

    def recall(self, file: ObjectRow, there: ObjectRow) -> Recalled:
        """Return what is known of this file and this object."""
        fact = self._known.at(file.key, passed=self._passed)
        if self._passed:
            self._known.forget(self._passed)
            self._passed.clear()
        if fact is None:
            return Recalled.NOTHING
        has_stamp, has_etag = fact[1] == file[2], fact[2] == there[2]  # by position: there may be millions of them
        if has_stamp and has_etag:
            return Recalled.OTHER_TIME if fact[3] else Recalled.SAME
        return Recalled.CHANGED if has_stamp or has_etag else Recalled.NOTHING

    def learn(self, file: ObjectRow, there: ObjectRow, *, keeps_other_time: bool = False) -> None:
        """Take note that they have, unless the file may be changing."""
        if not is_fresh(file.etag):
            self._known.note(KnownFile(file.key, file.etag, there.etag, int(keeps_other_time)))


class MatchesOfRun:
    """Takes note of what a run has made the same. `known_files` gives what is known of a folder and a bucket."""

    def __init__(self, known_files: Callable[[PlanLocation, PlanLocation], KnownFiles]) -> None:
        self._known_files = known_files

    def note(self, task: BatchTask, matched: Matched) -> None:
        """Take note of one write between a folder and a bucket."""
        action, source, destination = task.actions[matched.position], task.source, task.destination
        if source is None or action.source_pin is None or source.is_folder is destination.is_folder:
            return
        folder, bucket = (source, destination) if source.is_folder else (destination, source)
        stamp, etag = (action.source_pin, matched.pin) if source.is_folder else (matched.pin, action.source_pin)
        if not is_fresh(stamp):
            self._known_files(folder, bucket).note(KnownFile(action.key, stamp, etag))
