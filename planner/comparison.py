"""Whether two objects under one key differ, as far as their listings tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from s3plan.schemas.manifest.words import Compare
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Verdict, VerdictKind

Policy = Callable[[ObjectRow, ObjectRow], Verdict]
"""Decides about a key that both sides have: (source, destination) -> verdict."""

SIZE_DIFFERS = "size differs"
ETAG_DIFFERS = "ETag differs"
NEWER = "newer"
NEWER_WITHOUT_ETAGS = "newer, ETags not comparable"
SAME_WITHOUT_ETAGS = "size equal, destination newer, ETags not comparable"
WITHOUT_ETAGS = frozenset({NEWER_WITHOUT_ETAGS, SAME_WITHOUT_ETAGS})
"""The rules of verdicts that an ETag would have decided if it could."""

SAME_ETAG = Verdict(VerdictKind.UNCHANGED, "same ETag", "same ETag")
SAME_SIZE = Verdict(VerdictKind.UNCHANGED, "same size", "same size")
NOT_NEWER = Verdict(VerdictKind.UNCHANGED, "not newer", "not newer")
SAME_SIZE_NOT_NEWER = Verdict(VerdictKind.UNCHANGED, "same size, not newer", "same size, not newer")
_NOT_COMPARABLE = Verdict(VerdictKind.UNCHANGED, SAME_WITHOUT_ETAGS, SAME_WITHOUT_ETAGS)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MD5 = re.compile(r"[0-9a-fA-F]{32}")  # a multipart ETag has `-N` at its end


def is_newer(source: ObjectRow, destination: ObjectRow) -> bool:
    """Say whether the source changed later than the destination was written, in whole seconds.

    Some stores list milliseconds for one object and whole seconds for another (s3-semantics 3.4), so fractions say
    nothing. Within one second the destination, written from what the source was, counts as up to date: otherwise a
    copy made right after its source would be planned again.
    """
    return source.mtime_ms // 1000 > destination.mtime_ms // 1000


def size_verdict(source: ObjectRow, destination: ObjectRow) -> Verdict:
    """Return the verdict of two sizes that differ."""
    return Verdict(VerdictKind.OVERWRITE, SIZE_DIFFERS, f"size {destination.size_bytes} -> {source.size_bytes}")


def newer_verdict(source: ObjectRow, destination: ObjectRow, *, rule: str = NEWER) -> Verdict:
    """Return the verdict of a source that changed later."""
    reason = rule.replace(NEWER, f"newer, {_moment(destination.mtime_ms)} -> {_moment(source.mtime_ms)}", 1)
    return Verdict(VerdictKind.OVERWRITE, rule, reason)


def compare_by(words: Sequence[Compare], *, etags_comparable: bool) -> Policy:
    """Return the policy `if-different`; `compare` names the steps that it is narrowed to, none means all.

    The steps are asked in this order, and the first that knows decides: size, if it differs; ETags, if they are equal
    or both are MD5s; LastModified. Where ETags are named and say nothing, size and LastModified decide in their place,
    named or not, and the verdict's rule is one of WITHOUT_ETAGS.

    `etags_comparable` is whether both sides are known to have MD5s as the ETags of objects made by one request: neither
    SSE-KMS nor SSE-C (S3 API, Object.ETag). Only then do different ETags mean different bytes.
    """
    named = frozenset(words or (Compare.SIZE, Compare.ETAG, Compare.MTIME))
    if Compare.ETAG in named:
        md5s_differ = _md5s_differ if etags_comparable else _never_known
        return _by_size_and_etag(md5s_differ) if Compare.SIZE in named else _by_etag_first(md5s_differ)
    return _WITHOUT_ETAG[named]


def _by_size_and_etag(md5s_differ: Callable[[str, str], bool | None]) -> Policy:
    def by_size_and_etag(source: ObjectRow, destination: ObjectRow) -> Verdict:
        if source[1] != destination[1]:  # by position: this runs for every pair of most plans
            return size_verdict(source, destination)
        if source[2] == destination[2] != "":
            return SAME_ETAG
        return _by_etag(source, destination, differ=md5s_differ(source.etag, destination.etag))

    return by_size_and_etag


def _by_etag_first(md5s_differ: Callable[[str, str], bool | None]) -> Policy:
    def by_etag_first(source: ObjectRow, destination: ObjectRow) -> Verdict:
        if source.etag == destination.etag != "":
            return SAME_ETAG
        differ = md5s_differ(source.etag, destination.etag)
        if differ is None and source.size_bytes != destination.size_bytes:
            return size_verdict(source, destination)
        return _by_etag(source, destination, differ=differ)

    return by_etag_first


def _by_etag(source: ObjectRow, destination: ObjectRow, *, differ: bool | None) -> Verdict:
    if differ is None:
        newer = is_newer(source, destination)
        return newer_verdict(source, destination, rule=NEWER_WITHOUT_ETAGS) if newer else _NOT_COMPARABLE
    if differ:
        reason = f"ETag {destination.etag[:8]} -> {source.etag[:8]}"
        return Verdict(VerdictKind.OVERWRITE, ETAG_DIFFERS, reason)
    return SAME_ETAG


def by_size(source: ObjectRow, destination: ObjectRow) -> Verdict:
    """Differ in size; blind to edits that keep it."""
    return SAME_SIZE if source.size_bytes == destination.size_bytes else size_verdict(source, destination)


def by_mtime(source: ObjectRow, destination: ObjectRow) -> Verdict:
    """Differ if the source changed later than the destination was written."""
    return newer_verdict(source, destination) if is_newer(source, destination) else NOT_NEWER


def _by_size_and_mtime(source: ObjectRow, destination: ObjectRow) -> Verdict:
    if source.size_bytes != destination.size_bytes:
        return size_verdict(source, destination)
    return newer_verdict(source, destination) if is_newer(source, destination) else SAME_SIZE_NOT_NEWER


_WITHOUT_ETAG: dict[frozenset[Compare], Policy] = {
    frozenset({Compare.SIZE}): by_size,
    frozenset({Compare.MTIME}): by_mtime,
    frozenset({Compare.SIZE, Compare.MTIME}): _by_size_and_mtime,
}


def _md5s_differ(source: str, destination: str) -> bool | None:
    """Say whether the bytes differ, or None if one of the ETags is not an MD5."""
    if not (_MD5.fullmatch(source) and _MD5.fullmatch(destination)):
        return None
    return source.lower() != destination.lower()


def _never_known(source: str, destination: str) -> None:  # noqa: ARG001
    return None


def _moment(mtime_ms: int) -> str:
    """Return the whole second, as `2024-01-31T08:00:00Z`."""
    moment = _EPOCH + timedelta(seconds=mtime_ms // 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
