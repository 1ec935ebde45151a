"""Finds out, by reading a file and asking its store about an object, whether the two have the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from threading import BoundedSemaphore

from s3plan.schemas.evidence.ladder import BY_MD5, BY_PARTS, is_digest, parts_of_etag, stated_checksum
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.mtimes import mtime_ns_of
from s3plan.schemas.files.pairs import PairFound, Question, Wanted
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.requests import FileHashed, HashFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import HeadObject, ObjectFound
from s3plan.storage.daemon_executor import DaemonExecutor
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.transfer.part_sizes import likely_part_sizes

_THREADS = 64  # most of their time they wait for the store
_READERS = 4
_UNKNOWN = "unknown"  # the digest of a file that cannot be read
_NOTHING_KNOWN = frozenset({FailureKind.NOT_FOUND, FailureKind.DENIED, FailureKind.ARCHIVED, FailureKind.BAD_REPLY})


class FileEvidence:
    """Answers Questions on threads of its own.

    `etags_comparable`: ETags of objects made by one request are MD5 sums, so different ones prove different bytes;
    equal ones prove the same in any case. `part_size_bytes` is what the manifest says of how files are sent.
    """

    def __init__(
        self,
        files: FolderEngine,
        engine: Engine,
        bucket: PlanLocation,
        *,
        etags_comparable: bool,
        part_size_bytes: int | None,
    ) -> None:
        self._files = files
        self._engine = engine
        self._bucket = bucket
        self._etags_comparable = etags_comparable
        self._part_size_bytes = part_size_bytes
        self._threads = DaemonExecutor(_THREADS, name="s3plan-evidence")
        self._readers = BoundedSemaphore(_READERS)

    def ask(self, question: Question) -> Future[PairFound]:
        """Begin to find out. The future raises StoreRefused, CredentialsUnusable where the store cannot be asked."""
        return self._threads.submit(self._find, question)

    def close(self) -> None:
        """Let go of the threads, once they have answered."""
        self._threads.close()

    def _find(self, question: Question) -> PairFound:
        file, there = question.file, question.there
        if question.wanted is Wanted.TIME:
            found = self._head(there)
            return PairFound(mtime_ns=None if found is None else mtime_ns_of(found.attributes.metadata))
        if is_digest(there.etag.lower()):
            hashed = self._hash(file, BY_MD5)
            if hashed is None:
                return PairFound(is_same=False, by=BY_MD5, of_file=_UNKNOWN, of_object=there.etag)
            if hashed.digests[BY_MD5] == there.etag.lower():
                return PairFound(is_same=True, by=BY_MD5)
            if self._etags_comparable:
                return PairFound(is_same=False, by=BY_MD5, of_file=hashed.digests[BY_MD5], of_object=there.etag)
        found = self._head(there)
        if found is None:
            return PairFound()
        by_checksum = self._by_checksum(file, found.checksums) or self._by_parts(file, there)
        return by_checksum or PairFound(mtime_ns=mtime_ns_of(found.attributes.metadata))

    def _by_checksum(self, file: ObjectRow, stated: Mapping[str, str]) -> PairFound | None:
        algorithm = stated_checksum(stated)
        if algorithm is None:
            return None
        hashed = self._hash(file, algorithm)
        ours, theirs = _UNKNOWN if hashed is None else hashed.digests[algorithm], stated[algorithm]
        return PairFound(is_same=ours == theirs, by=algorithm, of_file=ours, of_object=theirs)

    def _by_parts(self, file: ObjectRow, there: ObjectRow) -> PairFound | None:
        """Compare with what an upload in parts of a likely size would have made; another size proves nothing."""
        count = parts_of_etag(there.etag)
        if count is None:
            return None
        sizes = likely_part_sizes(file.size_bytes, count, wanted_bytes=self._part_size_bytes)
        hashed = self._hash(file, sizes=sizes) if sizes else None
        if hashed is None or there.etag.lower() not in hashed.etags.values():
            return None
        return PairFound(is_same=True, by=BY_PARTS)

    def _hash(self, file: ObjectRow, *algorithms: str, sizes: tuple[int, ...] = ()) -> FileHashed | None:
        """Return digests of a listed file; None if it is another one by now, or cannot be read."""
        parts, stamp = parts_of(file.key), Stamp.parse(file.etag)
        if isinstance(parts, KeyRefusal) or stamp is None:
            return None
        with self._readers:
            reply = self._files.call(HashFile(parts, stamp, frozenset(algorithms), sizes))
        return reply if isinstance(reply, FileHashed) else None

    def _head(self, there: ObjectRow) -> ObjectFound | None:
        """Return what the store says of a listed object; None if it is another one by now, or may not be asked."""
        bucket = self._bucket
        request = HeadObject(bucket.bucket, bucket.prefix + there.key.decode(), owner=bucket.owner)
        reply = Patience().call(self._engine, request)
        if isinstance(reply, ObjectFound):
            return reply if reply.etag == there.etag else None
        if isinstance(reply, Failure) and reply.kind not in _NOTHING_KNOWN:
            raise refusal_of(
                reply,
                bucket=bucket.bucket,
                doing="asking about an object",
                permission="s3:GetObject",
                clock_offset_ms=self._engine.clock_offset_ms,
            )
        return None
