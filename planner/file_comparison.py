"""Whether a file and the object under its key differ; the first that knows decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from s3plan.planner.comparison import SAME_WITHOUT_ETAGS, Policy, is_newer, newer_verdict, size_verdict
from s3plan.planner.overwrite import always, never
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind, Verdict, VerdictKind

DigestOf = Callable[[ObjectRow], str | None]
"""Reads a file and gives its MD5 sum in hex; None if it is not the listed one any more, or cannot be read."""

_MARGIN_MS = 60_000
_MD5 = re.compile(r"[0-9a-fA-F]{32}").fullmatch
_SAME_SIZE = Verdict(VerdictKind.UNCHANGED, "same size", "same size")
_NOT_NEWER = Verdict(VerdictKind.UNCHANGED, "not newer", "not newer")
_SAME_MD5 = Verdict(VerdictKind.UNCHANGED, "same MD5", "same MD5")
_UNTOUCHED = Verdict(VerdictKind.UNCHANGED, *["not touched since the object was written"] * 2)
_SAME_TIME = Verdict(VerdictKind.UNCHANGED, *["same size, and the time of the object"] * 2)
_NOT_COMPARABLE = Verdict(VerdictKind.UNCHANGED, SAME_WITHOUT_ETAGS, SAME_WITHOUT_ETAGS)


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """How files are compared with objects. `store_ahead_ms` is the store's clock minus this machine's.

    `etags_comparable`: objects made by one request have MD5 sums as their ETags, as far as is known.
    """

    store_ahead_ms: int
    etags_comparable: bool
    digest_of: DigestOf

    def of(self, overwrite: Overwrite, *, kind: ActionKind) -> Policy:
        """Return the policy of a job; of each pair the source is the file if it uploads, else the destination."""
        match overwrite:
            case Overwrite.IF_DIFFERENT:
                return self._if_different if kind is ActionKind.UPLOAD else self._if_object_differs
            case Overwrite.IF_NEWER:
                return _by_time
            case Overwrite.IF_SIZE_DIFFERS:
                return _by_size
            case Overwrite.NEVER:
                return never
            case Overwrite.ALWAYS:
                return always

    def _if_object_differs(self, there: ObjectRow, file: ObjectRow) -> Verdict:
        if there.size_bytes != file.size_bytes:
            return size_verdict(there, file)
        # As we set it, or as tools do that know whole seconds only: an edit in that very second has another time.
        if file.mtime_ms in {there.mtime_ms, there.mtime_ms // 1000 * 1000}:
            return _SAME_TIME
        return self._by_md5(there, file, file=file, etag=there.etag)

    def _if_different(self, file: ObjectRow, there: ObjectRow) -> Verdict:
        if file.size_bytes != there.size_bytes:
            return size_verdict(file, there)
        if self._is_untouched(file, there):
            return _UNTOUCHED
        return self._by_md5(file, there, file=file, etag=there.etag)

    def _by_md5(self, source: ObjectRow, destination: ObjectRow, *, file: ObjectRow, etag: str) -> Verdict:
        if _MD5(etag):
            md5 = self.digest_of(file)
            if md5 is not None and md5 == etag.lower():
                return _SAME_MD5
            if self.etags_comparable:
                shown = "unknown" if md5 is None else md5[:8]
                old, new = (etag[:8], shown) if file is source else (shown, etag[:8])
                return Verdict(VerdictKind.OVERWRITE, "MD5 differs", f"MD5 {old} -> {new}")
        return newer_verdict(source, destination) if is_newer(source, destination) else _NOT_COMPARABLE

    def _is_untouched(self, file: ObjectRow, there: ObjectRow) -> bool:
        """Whether nothing of the file, not even its name, has changed since well before the object was written.

        A judgement by two clocks, so by a margin, and not at all if they are further apart than that.
        """
        stamp = Stamp.parse(file.etag)
        if stamp is None or stamp.ctime_ns is None or abs(self.store_ahead_ms) > _MARGIN_MS:
            return False
        touched_ms = max(stamp.mtime_ns, stamp.ctime_ns) // 1_000_000 + self.store_ahead_ms
        return touched_ms + _MARGIN_MS < there.mtime_ms


def _by_size(file: ObjectRow, there: ObjectRow) -> Verdict:
    return _SAME_SIZE if file.size_bytes == there.size_bytes else size_verdict(file, there)


def _by_time(file: ObjectRow, there: ObjectRow) -> Verdict:
    return newer_verdict(file, there) if is_newer(file, there) else _NOT_NEWER
