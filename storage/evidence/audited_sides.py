"""One side of an audit: what can be found out about the bytes of a file, or of an object, under a key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from s3plan.schemas.evidence.ladder import KnownBytes, known_of_object, parts_of_etag
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.requests import FileHashed, HashFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import GetObject, GetObjectTags, HeadObject, ObjectFound, ObjectRead, TagsFound
from s3plan.schemas.stores.quirks import StoreQuirks
from s3plan.storage.digests import new_digest
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.s3.store_quirks import quirks_of

PIECE_BYTES = 8 << 20
_MOST_PARTS_ASKED = 100
_ENDS_ALL = frozenset(
    {FailureKind.THROTTLED, FailureKind.UNREACHABLE, FailureKind.WRONG_REGION, FailureKind.NO_SUCH_BUCKET}
)
_NO_TAGS = "NoSuchTagSet"  # what stores other than AWS say of an object without tags
_NOT_OFFERED = frozenset({404, 405, 501})


class NotTold(Exception):
    """One side cannot be read, or is not what was listed any more; the message is a clause for a person."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a store says of an object beyond its listing; `found` is None where it says nothing, and `hint` is why."""

    known: KnownBytes
    found: ObjectFound | None = None
    hint: str = ""


class AuditedSide(Protocol):
    """One of the two places. Every method may raise NotTold, StoreRefused and CredentialsUnusable."""

    @property
    def reads_cheaply(self) -> bool:
        """Whether its bytes are read rather than what is said of them asked for."""

    def listed(self, row: ObjectRow) -> KnownBytes:
        """Return what the listing tells; nothing is asked."""

    def stated(self, row: ObjectRow) -> Stated:
        """Return what is said of it, its listing included."""

    def read(self, row: ObjectRow, algorithms: Iterable[str], part_sizes_bytes: tuple[int, ...] = ()) -> KnownBytes:
        """Read all bytes and return their digests; see HashFile."""


class FileSide:
    """The files of a folder: they are read, and their times are never asked."""

    reads_cheaply = True

    def __init__(self, files: FolderEngine) -> None:
        self._files = files

    def listed(self, row: ObjectRow) -> KnownBytes:
        """Return its size."""
        return KnownBytes(row.size_bytes)

    def stated(self, row: ObjectRow) -> Stated:
        """Return its size: nobody states anything of a file."""
        return Stated(self.listed(row))

    def read(self, row: ObjectRow, algorithms: Iterable[str], part_sizes_bytes: tuple[int, ...] = ()) -> KnownBytes:
        """Read the file as it was listed, in pieces."""
        parts, stamp = parts_of(row.key), Stamp.parse(row.etag)
        if isinstance(parts, KeyRefusal) or stamp is None:
            raise NotTold("no file can have this name")
        reply = self._files.call(HashFile(parts, stamp, frozenset(algorithms), part_sizes_bytes))
        if isinstance(reply, FileHashed):
            digests = dict(reply.digests)
            return KnownBytes(
                row.size_bytes, digests, md5=digests.pop("MD5", None), of_parts=frozenset(reply.etags.values())
            )
        assert isinstance(reply, Failure)  # noqa: S101  nothing else answers it
        is_changed = reply.kind in (FailureKind.SOURCE_CHANGED, FailureKind.NOT_FOUND)
        said = "the file changed while it was looked at" if is_changed else "the file cannot be read"
        raise NotTold(f"{said}: {reply.message}" if reply.message else said)


class ObjectSide:
    """The objects of a bucket. `is_free_of_kms`: as far as its default encryption tells, ETags are MD5 sums."""

    reads_cheaply = False

    def __init__(self, engine: Engine, location: PlanLocation, *, is_free_of_kms: bool) -> None:
        self._engine = engine
        self._location = location
        self._is_free_of_kms = is_free_of_kms

    @property
    def quirks(self) -> StoreQuirks:
        """What is known of its store."""
        return quirks_of(self._location.store)

    def listed(self, row: ObjectRow) -> KnownBytes:
        """Return what its ETag tells; whether that is an MD5 sum is not known for certain."""
        return known_of_object(row.size_bytes, row.etag, is_exact=False)

    def stated(self, row: ObjectRow) -> Stated:
        """Ask by HEAD."""
        reply = self._head(row)
        if isinstance(reply, ObjectFound):
            self._check_unchanged(reply.etag, reply.size_bytes, row)
            is_exact = self._is_free_of_kms if reply.encryption is None else reply.encryption == "AES256"
            known = known_of_object(row.size_bytes, row.etag, checksums=reply.checksums, is_exact=is_exact)
            return Stated(known, reply)
        if reply.kind is FailureKind.DENIED:
            known = known_of_object(row.size_bytes, row.etag, is_exact=self._is_free_of_kms)
            return Stated(known, hint="the store does not let it be looked at: s3:GetObject may be missing")
        if reply.kind in (FailureKind.INVALID, FailureKind.UNSUPPORTED):  # under SSE-C without its key, among others
            return Stated(self.listed(row), hint=f"the store does not tell of it: {reply}")
        raise self._not_told(reply)

    def part_bytes(self, row: ObjectRow) -> int | None:
        """Return the size of its first part; None if the store does not tell.

        Raises NotTold if it is no longer as it was listed.
        """
        reply = self._head(row, part=1)
        if not isinstance(reply, ObjectFound) or reply.etag != row.etag or reply.parts != parts_of_etag(row.etag):
            return None
        return reply.size_bytes if 0 < reply.size_bytes <= row.size_bytes else None

    def is_cut_by(self, row: ObjectRow, part_bytes: int) -> bool:
        """Return whether all its parts but the last are of that size, for certain; its first one is."""
        parts = parts_of_etag(row.etag)
        if parts is None or parts > _MOST_PARTS_ASKED or -(-row.size_bytes // part_bytes) != parts:
            return False
        for number in range(2, parts):
            reply = self._head(row, part=number)
            if not isinstance(reply, ObjectFound) or (reply.etag, reply.size_bytes) != (row.etag, part_bytes):
                return False
        return True

    def read(self, row: ObjectRow, algorithms: Iterable[str], part_sizes_bytes: tuple[int, ...] = ()) -> KnownBytes:
        """Fetch the object as it was listed, in pieces that are held one at a time."""
        del part_sizes_bytes  # its own ETag tells that
        digests = {name: new_digest(name) for name in algorithms}
        for first in range(0, row.size_bytes, PIECE_BYTES):
            piece = memoryview(self._piece(row, first, min(first + PIECE_BYTES, row.size_bytes) - 1))
            for digest in digests.values():
                digest.update(piece)
        found = {name: digest.text() for name, digest in digests.items()}
        return KnownBytes(row.size_bytes, found, md5=found.pop("MD5", None))

    def tags(self, row: ObjectRow, found: ObjectFound) -> dict[str, str]:
        """Return its tags; AWS does not count them for whoever may not read them, so they are asked for."""
        if found.tag_count == 0:
            return {}
        location = self._location
        reply = self._call(GetObjectTags(location.bucket, self._key(row), owner=location.owner), "tags")
        if isinstance(reply, TagsFound):
            return dict(reply.tags)
        assert isinstance(reply, Failure)  # noqa: S101  GetObjectTagging answers nothing else
        has_none = reply.code == _NO_TAGS or reply.status in _NOT_OFFERED or reply.kind is FailureKind.UNSUPPORTED
        if has_none and not found.tag_count and reply.code not in ("NoSuchKey", "NoSuchVersion"):
            return {}
        raise self._not_told(reply)

    def _piece(self, row: ObjectRow, first_byte: int, last_byte: int) -> bytes:
        location = self._location
        request = GetObject(
            location.bucket,
            self._key(row),
            if_match=row.etag,
            first_byte=first_byte,
            last_byte=last_byte,
            owner=location.owner,
        )
        reply = self._call(request, "an object's bytes")
        if not isinstance(reply, ObjectRead):
            assert isinstance(reply, Failure)  # noqa: S101  GetObject answers nothing else
            raise self._not_told(reply)
        self._check_unchanged(reply.etag, row.size_bytes, row)
        if len(reply.body) != last_byte - first_byte + 1:
            raise NotTold(f"the store sent {len(reply.body):,} bytes in place of {last_byte - first_byte + 1:,}")
        return reply.body

    def _head(self, row: ObjectRow, *, part: int | None = None) -> ObjectFound | Failure:
        location = self._location
        request = HeadObject(
            location.bucket, self._key(row), owner=location.owner, with_checksums=part is None, part=part
        )
        reply = self._call(request, "an object")
        assert isinstance(reply, ObjectFound | Failure)  # noqa: S101  HeadObject answers nothing else
        return reply

    def _call(self, request: HeadObject | GetObject | GetObjectTags, what: str) -> object:
        """Ask, with patience; raise what ends the whole audit."""
        reply = Patience().call(self._engine, request)
        if isinstance(reply, Failure) and (reply.kind.is_credentials or reply.kind in _ENDS_ALL):
            raise refusal_of(
                reply,
                bucket=self._location.bucket,
                doing=f"asking for {what}",
                clock_offset_ms=self._engine.clock_offset_ms,
            )
        return reply

    def _key(self, row: ObjectRow) -> str:
        try:
            return self._location.prefix + row.key.decode()
        except UnicodeDecodeError as error:
            raise NotTold("its key is not UTF-8") from error

    @staticmethod
    def _check_unchanged(etag: str, size_bytes: int, row: ObjectRow) -> None:
        if (etag, size_bytes) != (row.etag, row.size_bytes):
            raise NotTold("the object is not the one that was listed: it changed meanwhile, or the store is mistaken")

    @staticmethod
    def _not_told(failure: Failure) -> NotTold:
        match failure.kind:
            case FailureKind.NOT_FOUND:
                return NotTold("the object is gone since it was listed")
            case FailureKind.PRECONDITION:
                return NotTold("the object changed while it was looked at")
            case FailureKind.ARCHIVED:
                return NotTold("the object is archived: it cannot be read before a restore")
            case _:
                return NotTold(str(failure))
