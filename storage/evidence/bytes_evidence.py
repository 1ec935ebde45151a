"""Climbs the ladder for pairs that were listed on two sides: what proves them the same or different, cheapest first.

Whatever is equal in the listings is proof enough, and nothing is asked. A difference counts only if the store was asked
about the very object: only then is it known that its ETag is the sum that it looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from types import TracebackType
from typing import Self

from s3plan.schemas.evidence.findings import AuditAnswer, AuditQuestion
from s3plan.schemas.evidence.ladder import (
    Compared,
    KnownBytes,
    compare_bytes,
    parts_of_etag,
    proven_by_listing,
    stated_checksum,
)
from s3plan.schemas.files.mtimes import mtime_ns_of
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.stores.quirks import CAREFUL
from s3plan.storage.daemon_executor import DaemonExecutor
from s3plan.storage.evidence.audited_sides import AuditedSide, FileSide, NotTold, ObjectSide, Stated
from s3plan.storage.evidence.other_attributes import differing_attributes
from s3plan.storage.transfer.part_sizes import likely_part_sizes

_THREADS = 64  # most of their time they wait for the store
_SMALL_BYTES = 4 << 20
"""Up to this size the MD5 sum of a file costs less than asking for a checksum that is quicker to compute."""
_OURS = "SHA256"  # of bytes that are read on both sides
_LARGEST_GRAIN_NS = 2_000_000_000  # the coarsest times of files are FAT's


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an audit is to find out. `part_size_bytes` is what the manifest says of how files are sent.

    `readers`: so many files or objects are read at a time, each of which takes PIECE_BYTES of memory at most.

    `reads`: what has no other evidence is fetched and read. `attributes`: what objects carry besides their bytes is
    compared, too; with `mtimes` also the times that objects keep of their files.
    """

    part_size_bytes: int | None = None
    readers: int = 4
    reads: bool = False
    attributes: bool = False
    mtimes: bool = False


class BytesEvidence:
    """Answers questions on threads of its own, many at a time; reading takes turns, so that memory stays flat.

    A context manager.
    """

    def __init__(self, source: AuditedSide, destination: AuditedSide, wanted: Wanted) -> None:
        self._sides = (source, destination)
        has_attributes = wanted.mtimes or not (source.reads_cheaply or destination.reads_cheaply)
        self._wanted = replace(wanted, attributes=wanted.attributes and has_attributes)
        self._threads = DaemonExecutor(_THREADS, name="s3plan-audit")
        self._readers = BoundedSemaphore(wanted.readers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more questions; what is under way is not waited for."""
        self._threads.__exit__(kind, error, trace)

    def ask(self, question: AuditQuestion) -> Future[AuditAnswer]:
        """Begin to find out. The future raises StoreRefused, CredentialsUnusable where a store cannot be asked."""
        return self._threads.submit(self._find, question)

    def settles(self, question: AuditQuestion) -> Compared | None:
        """Return what the listings prove by themselves, if that is all that is wanted."""
        source, destination = question
        if self._wanted.attributes:
            return None
        if source.etag != destination.etag and source.size_bytes:  # millions of them: what follows takes longer
            return None
        return proven_by_listing(source.size_bytes, source.etag)

    def _find(self, question: AuditQuestion) -> AuditAnswer:
        try:
            climb = _Climb(self._sides, question, self._wanted, self._readers)
            compared = climb.compared()
            others = climb.other_attributes() if self._wanted.attributes else ()
        except NotTold as trouble:
            return AuditAnswer(trouble=str(trouble))
        return AuditAnswer(compared, hint=climb.hint, other_attributes=others)


class _Climb:
    """The steps of one pair; what has been found out is kept for the next ones."""

    def __init__(
        self,
        sides: tuple[AuditedSide, AuditedSide],
        rows: Sequence[ObjectRow],
        wanted: Wanted,
        readers: BoundedSemaphore,
    ) -> None:
        self._sides = sides
        self._rows = rows
        self._wanted = wanted
        self._readers = readers
        self._known = [side.listed(row) for side, row in zip(sides, rows, strict=True)]
        self._stated: list[Stated] | None = None

    @property
    def hint(self) -> str:
        """Why nothing could be compared, as far as a store has said so."""
        return next((each.hint for each in self._stated or () if each.hint), "")

    def compared(self) -> Compared | None:
        """Return what the first step says that knows something."""
        steps = (self._by_listings, self._by_small_files, self._by_what_is_stated, self._by_parts)
        for step in (*steps, *((self._by_reading,) if self._wanted.reads else ())):
            step()
            compared = self._compare()
            if compared is not None:
                return compared
        return None

    def other_attributes(self) -> tuple[str, ...]:
        """Return clauses about what the two sides hold besides their bytes and do not share."""
        stated = self._ask()
        objects = [
            (side, row, each)
            for side, row, each in zip(self._sides, self._rows, stated, strict=True)
            if isinstance(side, ObjectSide)
        ]
        for _, _, each in objects:
            if each.found is None:
                raise NotTold(f"its attributes are not known: {each.hint}")
        found = [each.found for _, _, each in objects if each.found is not None]
        if len(found) == len(self._sides):
            tags = [side.tags(row, each) for (side, row, _), each in zip(objects, found, strict=True)]
            return tuple(differing_attributes(found[0], found[1], tags=(tags[0], tags[1])))
        if not found:
            return ()
        stamp = next(
            Stamp.parse(row.etag)
            for side, row in zip(self._sides, self._rows, strict=True)
            if isinstance(side, FileSide)
        )
        kept_ns = mtime_ns_of(found[0].attributes.metadata)
        if stamp is None or (kept_ns is not None and abs(kept_ns - stamp.mtime_ns) < _LARGEST_GRAIN_NS):
            return ()
        return ("mtime is not kept" if kept_ns is None else "mtime differs",)

    def _compare(self) -> Compared | None:
        return compare_bytes(self._known[0], self._known[1])

    def _by_listings(self) -> None:
        """Nothing has to be found out for that."""

    def _by_small_files(self) -> None:
        for at, side in enumerate(self._sides):
            other = self._known[1 - at]
            if side.reads_cheaply and other.md5 is not None and other.size_bytes <= _SMALL_BYTES:
                self._read(at, ["MD5"])

    def _by_what_is_stated(self) -> None:
        stated = self._ask()
        for at, each in enumerate(stated):
            if not self._sides[at].reads_cheaply:
                self._known[at] = each.known
        for at, side in enumerate(self._sides):
            other = self._known[1 - at]
            algorithm = stated_checksum(other.checksums)
            if not side.reads_cheaply:
                continue
            if algorithm is not None:
                self._read(at, [algorithm])
            elif other.md5 is not None and self._known[at].md5 is None:
                self._read(at, ["MD5"])

    def _by_parts(self) -> None:
        """Find out how objects were cut, where their store tells; files are cut likewise."""
        for at, side in enumerate(self._sides):
            row, other = self._rows[at], self._sides[1 - at]
            parts = parts_of_etag(row.etag)
            if not isinstance(side, ObjectSide) or parts is None:
                continue
            if not other.reads_cheaply and parts_of_etag(self._rows[1 - at].etag) != parts:
                continue
            part_bytes = side.part_bytes(row)
            if other.reads_cheaply:
                self._cut_file(1 - at, parts, part_bytes)
            if part_bytes is not None and self._compare() is None and side.is_cut_by(row, part_bytes):
                self._known[at] = replace(self._known[at], part_bytes=part_bytes)

    def _cut_file(self, at: int, parts: int, part_bytes: int | None) -> None:
        size_bytes = self._rows[at].size_bytes
        if part_bytes is None:
            side = self._sides[1 - at]
            quirks = side.quirks if isinstance(side, ObjectSide) else CAREFUL
            wanted_bytes = self._wanted.part_size_bytes
            sizes = likely_part_sizes(size_bytes, parts, wanted_bytes=wanted_bytes, quirks=quirks)
        else:
            sizes = (part_bytes,) if -(-size_bytes // part_bytes) == parts else ()
        if sizes:
            self._read(at, [], sizes)
            self._known[at] = replace(self._known[at], part_bytes=part_bytes)

    def _by_reading(self) -> None:
        """Read what is missing on either side, by a checksum that one of them has already if there is one."""
        one, other = (each.checksums for each in self._known)
        algorithm = stated_checksum(one) or stated_checksum(other) or _OURS
        for at in (0, 1):
            if stated_checksum({algorithm: self._known[at].checksums.get(algorithm, "")}) is None:
                self._read(at, [algorithm])

    def _ask(self) -> list[Stated]:
        if self._stated is None:
            self._stated = [side.stated(row) for side, row in zip(self._sides, self._rows, strict=True)]
        return self._stated

    def _read(self, at: int, algorithms: list[str], part_sizes_bytes: tuple[int, ...] = ()) -> None:
        with self._readers:
            read = self._sides[at].read(self._rows[at], algorithms, part_sizes_bytes)
        before = self._known[at]
        self._known[at] = KnownBytes(
            before.size_bytes,
            {**before.checksums, **read.checksums},
            md5=before.md5 if read.md5 is None else read.md5,
            is_exact=before.is_exact,
            of_parts=before.of_parts | read.of_parts,
            part_bytes=before.part_bytes,
        )
