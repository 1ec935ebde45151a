"""Keys that cannot all be files: a bucket holds what no folder can."""

from __future__ import annotations

from collections.abc import Callable

from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Verdict, VerdictKind

StandsAt = Callable[[bytes], str | None]
"""Says what is in the way of a key's file, as a clause; None: nothing. Asked in the order of keys."""

_BELOW_A_FILE = Verdict(VerdictKind.CONFLICT, *["another key becomes a file where its directory would be"] * 2)


class Collisions:
    """Asked about every object that would become a file, in the order of keys."""

    def __init__(self, stands_at: StandsAt) -> None:
        self._stands_at = stands_at
        self._files: list[bytes] = []  # keys that become files and with which the present one begins

    def verdict(self, source: ObjectRow, *, is_new: bool) -> Verdict | None:
        """Return why an object becomes no file, None if it does; `is_new`: no file has its key yet."""
        key = source.key
        parts = parts_of(key)
        if isinstance(parts, KeyRefusal):
            return _refused(parts, source)
        self._files = [each for each in self._files if key.startswith(each)]
        if any(key.startswith(each + b"/") for each in self._files):
            return _BELOW_A_FILE
        stands = self._stands_at(key) if is_new else None
        if stands is not None:
            return Verdict(VerdictKind.CONFLICT, stands, stands)
        self._files.append(key)
        return None


def _refused(refusal: KeyRefusal, source: ObjectRow) -> Verdict:
    is_conflict = refusal.is_conflict or (refusal is KeyRefusal.DIRECTORY and source.size_bytes > 0)
    words = "the mark of a directory, with bytes" if is_conflict and not refusal.is_conflict else refusal.value
    return Verdict(VerdictKind.CONFLICT if is_conflict else VerdictKind.SKIPPED, words, words)
