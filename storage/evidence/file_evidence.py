"""Finds out, by reading a file and asking its store about an object, whether the two have the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from threading import BoundedSemaphore

from s3plan.schemas.evidence.ladder import BY_MD5, BY_PARTS, KnownBytes, is_digest, parts_of_etag, stated_checksum
from s3plan.schemas.files.mtimes import mtime_ns_of
from s3plan.schemas.files.pairs import PairFound, Question, Wanted
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.daemon_executor import DaemonExecutor
from s3plan.storage.evidence.audited_sides import FileSide, NotTold, ObjectSide
from s3plan.storage.transfer.part_sizes import likely_part_sizes

_THREADS = 64  # most of their time they wait for the store
_UNKNOWN = "unknown"  # the digest of a file that cannot be read


class FileEvidence:
    """Answers Questions on threads of its own.

    `etags_comparable`: ETags of objects made by one request are MD5 sums, so different ones prove different bytes;
    equal ones prove the same in any case. `readers` files are read at a time. `part_size_bytes` is what the manifest
    says of how files are sent.
    """

    def __init__(
        self,
        files: FileSide,
        objects: ObjectSide,
        *,
        etags_comparable: bool,
        readers: int,
        part_size_bytes: int | None,
    ) -> None:
        self._files = files
        self._objects = objects
        self._etags_comparable = etags_comparable
        self._part_size_bytes = part_size_bytes
        self._threads = DaemonExecutor(_THREADS, name="s3plan-evidence")
        self._readers = BoundedSemaphore(readers)

    def ask(self, question: Question) -> Future[PairFound]:
        """Begin to find out. The future raises StoreRefused, CredentialsUnusable where the store cannot be asked."""
        return self._threads.submit(self._find, question)

    def close(self) -> None:
        """Let go of the threads, once they have answered."""
        self._threads.close()

    def _find(self, question: Question) -> PairFound:
        file, there = question.file, question.there
        if question.wanted is Wanted.TIME:
            return PairFound(mtime_ns=_kept_mtime_ns(self._look(there)))
        if is_digest(there.etag.lower()):
            read = self._read(file, BY_MD5)
            if read is None:
                return PairFound(is_same=False, by=BY_MD5, of_file=_UNKNOWN, of_object=there.etag)
            if read.md5 == there.etag.lower():
                kept_ns = _kept_mtime_ns(self._look(there)) if question.with_time else None
                return PairFound(is_same=True, by=BY_MD5, mtime_ns=kept_ns)
            if self._etags_comparable:
                return PairFound(is_same=False, by=BY_MD5, of_file=read.md5 or _UNKNOWN, of_object=there.etag)
        found = self._look(there)
        if found is None:
            return PairFound()
        compared = self._by_checksum(file, found.checksums) or self._by_parts(file, there)
        if compared is not None and not question.with_time:
            return compared
        return replace(compared or PairFound(), mtime_ns=_kept_mtime_ns(found))

    def _by_checksum(self, file: ObjectRow, stated: Mapping[str, str]) -> PairFound | None:
        algorithm = stated_checksum(stated)
        if algorithm is None:
            return None
        read = self._read(file, algorithm)
        ours, theirs = _UNKNOWN if read is None else read.checksums[algorithm], stated[algorithm]
        return PairFound(is_same=ours == theirs, by=algorithm, of_file=ours, of_object=theirs)

    def _by_parts(self, file: ObjectRow, there: ObjectRow) -> PairFound | None:
        """Compare with what an upload in parts of a likely size would have made; another size proves nothing."""
        count = parts_of_etag(there.etag)
        if count is None:
            return None
        sizes = likely_part_sizes(
            file.size_bytes, count, wanted_bytes=self._part_size_bytes, quirks=self._objects.quirks
        )
        read = self._read(file, sizes=sizes) if sizes else None
        if read is None or there.etag.lower() not in read.of_parts:
            return None
        return PairFound(is_same=True, by=BY_PARTS)

    def _read(self, file: ObjectRow, *algorithms: str, sizes: tuple[int, ...] = ()) -> KnownBytes | None:
        """Return digests of a listed file; None if it is another one by now, or cannot be read."""
        with self._readers:
            try:
                return self._files.read(file, algorithms, sizes)
            except NotTold:
                return None

    def _look(self, there: ObjectRow) -> ObjectFound | None:
        """Return what the store says of a listed object; None if it is another one by now, or the store says nothing.

        Nothing is said, for example, of an object under SSE-C without its key: that is no reason to end the plan.
        """
        try:
            return self._objects.stated(there).found
        except NotTold:
            return None


def _kept_mtime_ns(found: ObjectFound | None) -> int | None:
    return None if found is None else mtime_ns_of(found.attributes.metadata)
