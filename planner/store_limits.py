"""What the destination's store cannot hold, of what the source has: known before anything is sent."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Verdict, VerdictKind
from s3plan.schemas.quantities import size_text
from s3plan.schemas.stores.quirks import KeyRule, StoreQuirks

_Pair = tuple[ObjectRow | None, ObjectRow | None]
# What is not ASCII and becomes it: Greek question mark, varia, Kelvin sign.
_ASCII_OF_OTHERS = re.compile(rb"[;`K]")


class StoreLimits:
    """Asked about every object that would be written to a store or deleted from it; to be closed.

    Where the store holds keys as one that differ in their Unicode normalisation only, the first of them in key order
    is the one that it holds: keys that may have another spelling are kept on disk, in a nameless file. What only the
    destination seems to have may be what a later key of the source names: `spares_after_all`. Where it holds components
    as a file system does, no object lies below the key of another one that stands there or is to be written; the
    other way round, above objects that stand there, is not noticed, as they come later.
    """

    def __init__(self, quirks: StoreQuirks, *, prefix: str) -> None:
        self._quirks = quirks
        self._prefix = prefix
        larger = f"larger than {quirks.title} takes ({size_text(quirks.most_object_bytes)})"
        self._too_large = Verdict(VerdictKind.CONFLICT, larger, larger)
        twin = f"{quirks.title} holds it as one with another key, spelt otherwise in Unicode"
        self._twin = Verdict(VerdictKind.CONFLICT, twin, twin)
        self._spared = Verdict(VerdictKind.SKIPPED, twin, twin)
        below = f"{quirks.title} does not hold an object below the key of another one"
        self._below = Verdict(VerdictKind.CONFLICT, below, below)
        self._has_names_of_files = KeyRule.FILE_NAMES in quirks.key_rules
        self._standing, self._written = _Parents(), _Parents()
        self._below_standing: set[bytes] = set()  # of the source's keys that have passed, and were not asked about yet
        self._first: sqlite3.Connection | None = None
        if quirks.folds_keys:
            # An empty name is SQLite's own temporary database: https://www.sqlite.org/inmemorydb.html#temp_db
            self._first = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._first.execute(
                "CREATE TABLE spelling (folded BLOB PRIMARY KEY, key BLOB NOT NULL, in_source INTEGER NOT NULL) "
                "WITHOUT ROWID"
            )
            self._first.execute("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        if self._first is not None:
            self._first.close()

    def watch(self, pairs: Iterable[_Pair]) -> Iterable[_Pair]:
        """Pass pairs on and note how keys are spelt, if that matters; raise S3PlanError if the disk fails."""
        if self._has_names_of_files:
            pairs = self._looked_below(pairs)
        return pairs if self._first is None else self._watched(self._first, pairs)

    def refusal(self, source: ObjectRow) -> Verdict | None:
        """Return why the store cannot hold an object, None if nothing is known against it; its key is UTF-8."""
        if source.size_bytes > self._quirks.most_object_bytes:
            return self._too_large
        objection = self._quirks.key_objection(self._prefix + source.key.decode())
        if objection is not None:
            return Verdict(VerdictKind.CONFLICT, objection, objection)
        if self._has_names_of_files and self._is_below_another(source.key):
            return self._below
        return self._twin if self._has_twin(source.key) else None

    def spares(self, destination: ObjectRow) -> Verdict | None:
        """Return why what only the destination seems to have is not deleted: it may be what the source has."""
        return self._spared if self._has_twin(destination.key) else None

    def spares_after_all(self, key: bytes) -> Verdict | None:
        """Return why what only the destination has is not deleted; asked once all pairs have passed."""
        if self._first is None or not _may_be_spelt_otherwise(key):
            return None
        asked = "SELECT in_source FROM spelling WHERE folded = ?"
        found = self._first.execute(asked, (self._folded(key),)).fetchone()
        return self._spared if found is not None and found[0] else None

    def storage_class(self, of_source: str) -> str | None:
        """Return a class that a new object takes over, None if the store has it not."""
        return of_source if self._quirks.takes_class(of_source) else None

    def _looked_below(self, pairs: Iterable[_Pair]) -> Iterator[_Pair]:
        for source, destination in pairs:
            if destination is not None:
                self._standing.add(destination.key)
            elif source is not None and self._standing.has_above(source.key):
                self._below_standing.add(source.key)
            yield source, destination

    def _is_below_another(self, key: bytes) -> bool:
        """Whether an object stands, or is to, where the store would have a directory; a key that is not is written."""
        if key in self._below_standing:
            self._below_standing.discard(key)
            return True
        if self._written.has_above(key):
            return True
        self._written.add(key)
        return False

    def _watched(self, first: sqlite3.Connection, pairs: Iterable[_Pair]) -> Iterator[_Pair]:
        for pair in pairs:
            row = pair[0] or pair[1]
            if row is not None and _may_be_spelt_otherwise(row.key) and (folded := self._folded(row.key)) is not None:
                try:
                    first.execute(
                        "INSERT INTO spelling VALUES (?, ?, ?) "
                        "ON CONFLICT DO UPDATE SET in_source = max(in_source, excluded.in_source)",
                        (folded, row.key, pair[0] is not None),
                    )
                except sqlite3.Error as error:
                    raise S3PlanError(
                        f"keys cannot be kept in a temporary file: {error}; make room or check the disk, or set "
                        "SQLITE_TMPDIR to a folder with more room"
                    ) from error
            yield pair

    def _has_twin(self, key: bytes) -> bool:
        """Whether a key that came earlier is, to the store, this one."""
        if self._first is None or not _may_be_spelt_otherwise(key):
            return False
        found = self._first.execute("SELECT key FROM spelling WHERE folded = ?", (self._folded(key),)).fetchone()
        return found is not None and found[0] != key

    def _folded(self, key: bytes) -> bytes | None:
        try:
            return self._quirks.folded(self._prefix + key.decode()).encode()
        except UnicodeDecodeError:  # a conflict by itself
            return None


class _Parents:
    """Keys with which later ones begin; asked and told in the order of keys."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []

    def has_above(self, key: bytes) -> bool:
        """Return whether a key lies below one of them; the mark of a directory, `a/`, does not lie below `a`."""
        self._keys = [each for each in self._keys if key.startswith(each)]
        return any(key.startswith(each + b"/") and len(key) > len(each) + 1 for each in self._keys)

    def add(self, key: bytes) -> None:
        if not key.endswith(b"/"):
            self._keys = [each for each in self._keys if key.startswith(each)]
            self._keys.append(key)


def _may_be_spelt_otherwise(key: bytes) -> bool:
    """Return whether another key may be the same to a store that tells keys apart by their normal form."""
    return not key.isascii() or _ASCII_OF_OTHERS.search(key) is not None
