"""Whether a file and the object under its key differ; the first that knows decides.

By the listings alone, where they tell; what they do not tell is a Question, which somebody answers by reading the file
and asking the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from s3plan.planner.comparison import SAME_SIZE, by_size, is_newer, newer_verdict, size_verdict
from s3plan.planner.overwrite import always, never
from s3plan.schemas.files.pairs import PairFound, Question, Recalled, Wanted
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind, Verdict, VerdictKind

NEWER_UNPROVEN = "newer, bytes not comparable"
SAME_UNPROVEN = "size equal, destination newer, bytes not comparable"
UNPROVEN = frozenset({NEWER_UNPROVEN, SAME_UNPROVEN})
"""The rules of verdicts that the bytes would have decided if there were anything to compare them by."""

_MARGIN_MS = 60_000
_MS, _S, _COARSE_S = 1_000_000, 1_000_000_000, 2  # the coarsest times are FAT's
_FULL_STAMP = 4  # fields: with the time of the last change of anything, and the inode
_BYTES = frozenset({Compare.ETAG, Compare.CHECKSUM})


def _unchanged(rule: str) -> Verdict:
    return Verdict(VerdictKind.UNCHANGED, rule, rule)


_NOT_NEWER = _unchanged("not newer")
_RECALLED_SAME = Recalled.SAME
_STILL_SAME = frozenset({Recalled.SAME, Recalled.OTHER_TIME})
_KNOWN = _unchanged("neither has changed since they were the same")
_OTHER_TIME = _unchanged("mtime differs, not sent")
_UNTOUCHED = _unchanged("not touched since the object was written")
_SAME_TIME = _unchanged("same size, and the time of the object")
_KEPT_TIME = _unchanged("same size, and the time that the object keeps")
_UNPROVEN = _unchanged(SAME_UNPROVEN)
_CHANGED = Verdict(VerdictKind.OVERWRITE, *["changed since they were the same"] * 2)


class KnownPairs(Protocol):
    """What is known of files and objects from before. Asked in ascending order of keys."""

    def recall(self, file: ObjectRow, there: ObjectRow) -> Recalled:
        """Return what is known of this file and this object."""

    def learn(self, file: ObjectRow, there: ObjectRow, *, keeps_other_time: bool = False) -> None:
        """Take note that they have, and whether the object is known to keep another time than the file's."""


class FilePolicy:
    """How the files of a job are compared with objects.

    `decide` returns what the listings say of a key that both sides have, or what is to be found out; it is called for
    every pair, of which there may be millions.
    """

    __slots__ = (
        "_believes_times",
        "_has_bytes",
        "_looks_at_size",
        "_margin_ms",
        "_tells_times",
        "_uploads",
        "decide",
        "known",
    )

    def __init__(
        self,
        kind: ActionKind,
        overwrite: Overwrite,
        compare: Sequence[Compare],
        *,
        store_ahead_ms: int,
        known: KnownPairs,
        preserves_mtime: bool = False,
    ) -> None:
        """`store_ahead_ms` is the store's clock minus this machine's."""
        self._tells_times = preserves_mtime and kind is ActionKind.UPLOAD
        named = frozenset(compare or (Compare.SIZE, Compare.ETAG, Compare.MTIME))
        self.known = known
        self._uploads = kind is ActionKind.UPLOAD
        self._has_bytes = not _BYTES.isdisjoint(named)
        self._looks_at_size = Compare.SIZE in named or self._has_bytes
        self._believes_times = Compare.MTIME in named
        # Of two clocks that are further apart than the margin nothing is believed.
        is_apart = abs(store_ahead_ms) > _MARGIN_MS
        self._margin_ms = None if is_apart else store_ahead_ms + _MARGIN_MS
        self.decide: Callable[[ObjectRow, ObjectRow], Verdict | Question]
        match overwrite:
            case Overwrite.IF_DIFFERENT:
                by_bytes = self._by_checksum if Compare.CHECKSUM in named else self._if_different
                self.decide = by_bytes if self._has_bytes else self._by_size_and_time
            case Overwrite.IF_NEWER:
                self.decide = self._if_newer
            case Overwrite.IF_SIZE_DIFFERS:
                self.decide = by_size
            case Overwrite.NEVER:
                self.decide = never
            case Overwrite.ALWAYS:
                self.decide = always

    def conclude(self, question: Question, found: PairFound) -> Verdict:
        """Return what an answer means."""
        file, there = question.file, question.there
        source, destination = (file, there) if self._uploads else (there, file)
        if question.wanted is Wanted.TIME:
            return self._by_kept_time(source, destination, file=file, kept_ns=found.mtime_ns)
        if found.is_same:
            if question.with_time and _differ(found.mtime_ns, _mtime_ns(file)):
                self.known.learn(file, there, keeps_other_time=True)
                return _OTHER_TIME
            self.known.learn(file, there)
            return _unchanged(f"same {found.by}")
        if found.is_same is not None:
            old, new = found.of_object[:8], found.of_file[:8]
            old, new = (old, new) if self._uploads else (new, old)
            return Verdict(VerdictKind.OVERWRITE, f"{found.by} differs", f"{found.by} {old} -> {new}")
        if question.recalled is Recalled.CHANGED:
            return _CHANGED
        if found.mtime_ns is not None and found.mtime_ns == _mtime_ns(file) and self._believes_times:
            return _KEPT_TIME
        if is_newer(source, destination):
            return newer_verdict(source, destination, rule=NEWER_UNPROVEN)
        return _UNPROVEN

    def _if_different(self, source: ObjectRow, destination: ObjectRow) -> Verdict | Question:
        if source[1] != destination[1]:  # by position, as in comparison.py
            return size_verdict(source, destination)
        file, there = (source, destination) if self._uploads else (destination, source)
        recalled = self.known.recall(file, there)
        if recalled is _RECALLED_SAME:
            return _KNOWN
        if recalled is Recalled.OTHER_TIME:
            return _OTHER_TIME if self._tells_times else _KNOWN
        if self._believes_times:
            if not self._uploads:
                if _has_time_of(file, there):
                    return _SAME_TIME
            elif self._is_untouched(file, there):
                return _UNTOUCHED
        was_touched = recalled is Recalled.CHANGED and self._tells_times  # so no question more for all the others
        return Question(file, there, Wanted.BYTES, recalled, with_time=was_touched)

    def _by_checksum(self, source: ObjectRow, destination: ObjectRow) -> Verdict | Question:
        if source.size_bytes != destination.size_bytes:
            return size_verdict(source, destination)
        return Question(*((source, destination) if self._uploads else (destination, source)), Wanted.BYTES)

    def _by_size_and_time(self, source: ObjectRow, destination: ObjectRow) -> Verdict | Question:
        if self._looks_at_size and source.size_bytes != destination.size_bytes:
            return size_verdict(source, destination)
        return self._if_newer(source, destination) if self._believes_times else SAME_SIZE

    def _if_newer(self, source: ObjectRow, destination: ObjectRow) -> Verdict | Question:
        if not is_newer(source, destination):
            return _NOT_NEWER
        file, there = (source, destination) if self._uploads else (destination, source)
        if source.size_bytes == destination.size_bytes and self.known.recall(file, there) in _STILL_SAME:
            return _NOT_NEWER
        return Question(file, there, Wanted.TIME)

    def _by_kept_time(
        self, source: ObjectRow, destination: ObjectRow, *, file: ObjectRow, kept_ns: int | None
    ) -> Verdict:
        """Decide by the time that the object keeps in place of when it was written."""
        if kept_ns is None:
            return newer_verdict(source, destination)
        kept_ms, file_ns = kept_ns // _MS, _mtime_ns(file)
        newer_ns, older_ns = (file_ns, kept_ns) if self._uploads else (kept_ns, file_ns)
        grain_s = _COARSE_S if file_ns % (_COARSE_S * _S) == 0 else 1
        if newer_ns // (grain_s * _S) <= older_ns // (grain_s * _S):
            return _NOT_NEWER
        if self._uploads:
            return newer_verdict(source, destination._replace(mtime_ms=kept_ms))
        return newer_verdict(source._replace(mtime_ms=kept_ms), destination)

    def _is_untouched(self, file: ObjectRow, there: ObjectRow) -> bool:
        """Whether nothing of the file, not even its name, has changed since well before the object was written.

        A judgement by two clocks, so by a margin, and not at all if they are further apart than that.
        """
        if self._margin_ms is None:
            return False
        fields = file[2].split(":")  # the stamp of a row that we listed: parsing it whole takes three times as long
        if len(fields) != _FULL_STAMP:
            return False
        touched_ms = max(int(fields[1]), int(fields[2])) // _MS
        return touched_ms + self._margin_ms < there[3]


def _differ(kept_ns: int | None, file_ns: int) -> bool:
    """Whether an object keeps a time, and another one than its file has, beyond what file systems round."""
    return kept_ns is not None and abs(kept_ns - file_ns) >= _COARSE_S * _S


def _mtime_ns(file: ObjectRow) -> int:
    stamp = Stamp.parse(file.etag)
    return file.mtime_ms * _MS if stamp is None else stamp.mtime_ns


def _has_time_of(file: ObjectRow, there: ObjectRow) -> bool:
    """Whether a file has the time of its object: as we set it, or as what knows whole or even seconds only.

    An edit in that very second has another time, with a fraction; but not on FAT, which keeps even seconds.
    """
    seconds = there.mtime_ms // 1000
    return _mtime_ns(file) in {there.mtime_ms * _MS, seconds * _S, seconds // _COARSE_S * _COARSE_S * _S}
