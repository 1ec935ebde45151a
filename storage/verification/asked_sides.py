"""One side of a pair of which a procedure finds out the bytes: what is stated of them, and what they are."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import md5
from typing import Protocol

from s3plan.schemas.bodies import Sink
from s3plan.schemas.evidence.ladder import KnownBytes, known_of_object
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileHashed, HashFile, Parts
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import GetObject, HeadObject, ObjectFound, ObjectRead, Reply
from s3plan.storage.checksums import CRC64NVME, PassingChecksums, combined_crc64nvme
from s3plan.storage.listing.object_look import as_unexplained, says_nothing
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, AwaitTurn, ask, ask_file

_PIECE_BYTES = 16 << 20
_MOST_PIECES = 10_000
_WAITS_S = (0.2, 1.0, 3.0)  # a write that is done is not repeated because a look was throttled
INTERRUPTED = "Interrupted"
"""The code of a failure to read all bytes since the run is being stopped."""
_WORDS = {
    FailureKind.NOT_FOUND: "no object is there any more",
    FailureKind.PRECONDITION: "another object is there by now",
}


class AskedSide(Protocol):
    """One of two places under a key; what has been found out is kept."""

    @property
    def known(self) -> KnownBytes:
        """What is known so far."""

    def ask(self) -> Asking[Failure | None]:
        """Have the store say what it states; a Failure if it does not. Once: the second time nothing is asked."""

    def read(self, *algorithms: str, part_bytes: int | None = None) -> Asking[Failure | None]:
        """Read all bytes; a Failure if it cannot be done.

        Of a file these digests are made, those of HashFile, and the ETag by parts of that size; of an object always
        the CRC64NVME.
        """


@dataclass(slots=True)
class AskedObject:
    """An object, of which `etag` is the planned one or that of the write. `etags_are_md5`: see Verification.

    `was_just_written`: that it is not there may pass, in a store that shows a moment later what it has taken.
    """

    side: Side
    location: PlanLocation
    key: str
    size_bytes: int
    etag: str | None
    version: str | None = None
    etags_are_md5: bool = False
    part_bytes: int | None = None  # how it was cut, if that is known
    found: ObjectFound | None = None  # what HEAD has said
    was_just_written: bool = False
    _known: KnownBytes | None = None

    @property
    def known(self) -> KnownBytes:
        """What its ETag tells, and its HEAD once that was asked for."""
        if self._known is None:
            self._known = known_of_object(self.size_bytes, self.etag or "", is_exact=False)
        return self._known

    def ask(self) -> Asking[Failure | None]:
        """Ask by HEAD; where checksums are refused, which on SSE-KMS need kms:Decrypt, once more without them."""
        if self.found is None:
            request = HeadObject(self.location.bucket, self.key, self.version, owner=self.location.owner)
            reply = yield from self._ask_patiently(request)
            if isinstance(reply, Failure):
                return as_unexplained(reply) if says_nothing(reply) else reply
            assert isinstance(reply, ObjectFound)  # noqa: S101  HeadObject answers nothing else
            self.found = reply
        return self._take_found(self.found)

    def _ask_patiently(self, request: HeadObject) -> Asking[Reply]:
        """Return the reply once it is no passing failure, or the last of some."""
        reply = yield from ask(self.side, request)
        for wait_s in _WAITS_S:
            if not (isinstance(reply, Failure) and self._may_pass(reply)):
                break
            yield AwaitTurn(0, reserves=False, wait_s=max(wait_s, reply.retry_after_s or 0.0), side=self.side)
            reply = yield from ask(self.side, request)
        return reply

    def _may_pass(self, failure: Failure) -> bool:
        return failure.kind.is_retryable or (self.was_just_written and failure.kind is FailureKind.NOT_FOUND)

    def _take_found(self, found: ObjectFound) -> Failure | None:
        is_exact = self.etags_are_md5 if found.encryption is None else found.encryption == "AES256"
        known = known_of_object(found.size_bytes, found.etag, checksums=found.checksums, is_exact=is_exact)
        self._known = replace(known, part_bytes=self.part_bytes if known.of_parts else None)
        if self.etag is None:
            self.etag = found.etag
        return None if self.etag == found.etag else self._failure(FailureKind.PRECONDITION, "HeadObject")

    def read(self, *algorithms: str, part_bytes: int | None = None) -> Asking[Failure | None]:
        """Fetch it by its ETag, in pieces of which nothing is kept but the checksum."""
        del algorithms, part_bytes
        ranges = _pieces(self.size_bytes)
        sums = yield from self.sum_up(ranges)
        if isinstance(sums, Failure):
            return sums
        sizes = [last - first + 1 for first, last in ranges]
        crcs = [int.from_bytes(b64decode(sums[first].crc64nvme)) for first, _ in ranges]
        whole = combined_crc64nvme(crcs, sizes)
        self._known = replace(self.known, checksums={**self.known.checksums, CRC64NVME: whole})
        return None

    def sum_up(
        self, ranges: Sequence[tuple[int, int]], *, with_md5: Container[int] = frozenset()
    ) -> Asking[dict[int, SummedUp] | Failure]:
        """Fetch ranges of it by its ETag, first and last byte of each; return what came, by first bytes.

        `with_md5`: the first bytes of those of which the MD5 sum is made, too.
        """
        sums: dict[int, SummedUp] = {}
        for wait_s in (*_WAITS_S, None):
            failures: list[Failure] = []
            yield from self._fetch(ranges, sums, failures, with_md5)
            if len(sums) == len(ranges):
                return sums
            if not failures:
                said = "interrupted while it was read back; apply again looks again"
                return Failure(FailureKind.TRANSIENT, "GetObject", INTERRUPTED, said, side=self.side)
            final = next((failure for failure in failures if not self._may_pass(failure)), None)
            if final is not None or wait_s is None:
                return self._as_said(final or failures[0])
            yield AwaitTurn(0, reserves=False, wait_s=max(wait_s, failures[0].retry_after_s or 0.0), side=self.side)
        raise AssertionError("the last round returns")

    def _fetch(
        self,
        ranges: Sequence[tuple[int, int]],
        sums: dict[int, SummedUp],
        failures: list[Failure],
        with_md5: Container[int],
    ) -> Asking[None]:
        sinks: dict[int, SummedUp] = {}

        def take(first: int, reply: Reply) -> None:
            sink = sinks.pop(first)
            if isinstance(reply, ObjectRead) and reply.etag == self.etag:
                sums[first] = sink
            elif isinstance(reply, Failure):
                failures.append(reply)
            else:  # from a store that does not know If-Match
                failures.append(self._failure(FailureKind.PRECONDITION, "GetObject"))

        def asks() -> Iterator[Ask]:
            for first, last in ranges:
                if any(not self._may_pass(failure) for failure in failures):
                    return
                if first not in sums:
                    sinks[first] = SummedUp(last - first + 1, with_md5=first in with_md5)
                    yield self._ask_range(first, last, sinks[first])

        if len(ranges) == 1:  # a run that is stopping begins no more of many, and ends what it has begun by one
            for only in asks():
                take(ranges[0][0], (yield from ask(only.side, only.request, size_bytes=only.size_bytes)))
            return
        answer = yield AskMany(asks())
        while isinstance(answer, Answered):
            request, reply = answer
            assert isinstance(request, GetObject)  # noqa: S101
            take(request.first_byte or 0, reply)
            answer = yield NEXT

    def _ask_range(self, first: int, last: int, sink: Sink) -> Ask:
        request = GetObject(
            self.location.bucket, self.key, self.etag, self.version, first, last, self.location.owner, into=sink
        )
        return Ask(self.side, request, last - first + 1)

    def _as_said(self, failure: Failure) -> Failure:
        said = _WORDS.get(failure.kind)
        return failure if said is None else self._failure(failure.kind, failure.operation, said)

    def _failure(self, kind: FailureKind, operation: str, said: str | None = None) -> Failure:
        return Failure(kind, operation, "NotTold", said or _WORDS[kind], side=self.side)


@dataclass(slots=True)
class AskedFile:
    """A file, by its stamp. `known` may come with digests that were computed as it was sent."""

    side: Side
    parts: Parts
    stamp: Stamp
    known: KnownBytes
    is_to_last: bool = False  # as HashFile has it

    def ask(self) -> Asking[Failure | None]:
        """Return at once: nobody states anything of a file."""
        yield from ()
        return None

    def read(self, *algorithms: str, part_bytes: int | None = None) -> Asking[Failure | None]:
        """Have the file hashed as it was planned."""
        sizes = () if part_bytes is None else (part_bytes,)
        request = HashFile(self.parts, self.stamp, frozenset(algorithms), sizes, self.is_to_last)
        reply = yield from ask_file(self.side, request, FileHashed)
        if isinstance(reply, Failure):
            return reply
        digests = dict(reply.digests)
        self.known = replace(
            self.known,
            md5=digests.pop("MD5", self.known.md5),
            checksums={**self.known.checksums, **digests},
            of_parts=self.known.of_parts | frozenset(reply.etags.values()),
            part_bytes=part_bytes if part_bytes is not None else self.known.part_bytes,
        )
        return None


class SummedUp(Sink):
    """A Sink that keeps nothing of what it takes but its CRC64NVME, and the MD5 sum if that is asked for."""

    __slots__ = ("_checksums", "_md5", "_size_bytes")

    def __init__(self, size_bytes: int, *, with_md5: bool = False) -> None:
        self._size_bytes = size_bytes
        self._checksums = PassingChecksums(is_of_part=True)
        self._md5 = md5(usedforsecurity=False) if with_md5 else None

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def take(self, view: memoryview) -> None:
        self._checksums.update(view)
        if self._md5 is not None:
            self._md5.update(view)

    @property
    def crc64nvme(self) -> str:
        """In base64."""
        return self._checksums.values()[CRC64NVME]

    @property
    def md5(self) -> str | None:
        """In hex; None if it was not asked for."""
        return None if self._md5 is None else self._md5.hexdigest()


def _pieces(size_bytes: int) -> list[tuple[int, int]]:
    """Return first and last byte of the pieces that are fetched."""
    piece_bytes = max(_PIECE_BYTES, -(-size_bytes // _MOST_PIECES))
    return [(first, min(first + piece_bytes, size_bytes) - 1) for first in range(0, size_bytes, piece_bytes)]
