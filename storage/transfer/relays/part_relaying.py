"""One large object that goes from one store to another in parts: ranged GETs, and an UploadPart of each; resumable."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import ClassVar

from s3plan.schemas.bodies import Digests, Room, Sink
from s3plan.schemas.evidence.ladder import BY_PARTS, KnownBytes
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.buffers import BufferSummed, RoomTaken, SumBuffer, TakeRoom
from s3plan.schemas.requests.objects import GetObject, ObjectRead, ObjectWritten
from s3plan.schemas.requests.uploads import UploadPart
from s3plan.storage.checksums import CRC64NVME, PassingChecksums, combined_crc64nvme
from s3plan.storage.steps import (
    NEXT,
    Answered,
    Ask,
    AskAlso,
    AskBuffer,
    Asking,
    AskManyBuffers,
    BatchContext,
    BufferAnswered,
    Procedure,
    ask,
)
from s3plan.storage.transfer.evidence import multipart_etag_of
from s3plan.storage.transfer.multipart import ByteRange, Upload, note_part
from s3plan.storage.transfer.object_parts import ObjectParts, make_of_object
from s3plan.storage.transfer.part_sizes import DEFAULT_SENT_PART_BYTES
from s3plan.storage.transfer.relays.passed_bytes import PassedBytes
from s3plan.storage.transfer.relays.second_reading import forget_unprovable, read_again
from s3plan.storage.transfer.relays.source_attributes import read_attributes
from s3plan.storage.transfer.relays.summing_sinks import summing_sink
from s3plan.storage.verification.asked_sides import AskedSide, SummedUp

_WAITS_S = (0.2, 1.0)  # before a request is sent again: what has come is not thrown away for a passing failure


def relay_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Relay one large object; tells exactly one outcome, and each part as it is stored.

    Both sides are looked at first. An upload that an earlier attempt has journaled is taken up where it stopped; no
    other is ever touched.
    """
    outcome = yield from make_of_object(context, position, action, _RelayedParts)
    context.emit(outcome)


class _Part:
    """A part on its way: where its bytes are, and what is known of them. `tries` are of the request under way."""

    __slots__ = ("checksums", "digests", "first_byte", "room", "tries")

    def __init__(self, room: Room, first_byte: int) -> None:
        self.room = room
        self.first_byte = first_byte
        self.checksums = PassingChecksums(is_of_part=True)
        self.digests = Digests()
        self.tries = 0


class _RelayedParts(ObjectParts):
    """The Parts of a relay: ranges of the source, which pass through this process."""

    DEFAULT_BYTES: ClassVar[int] = DEFAULT_SENT_PART_BYTES
    _whole: str | None = None  # CRC64NVME of the object, once all of it is known

    def attributes(self) -> Asking[ObjectAttributes | Failure]:
        """Return those of the source as the job changes them."""
        return (yield from read_attributes(self.context, self.position, self.action, self.found))

    def send(self, upload: Upload, ranges: Sequence[ByteRange]) -> Procedure:
        """Fetch the parts that are missing, as many at a time as there is room for, and send each as it is there."""
        under_way: dict[int, _Part] = {}
        forget_unprovable(self.context, upload)
        answer = yield AskManyBuffers(self._rooms(upload, ranges))
        while isinstance(answer, Answered | BufferAnswered):
            also = self._next(upload, ranges, under_way, answer)
            asked = NEXT if also is None else AskAlso(also)
            del answer, also  # a part that is stored must not keep the room that the next one waits for
            answer = yield asked

    def _next(
        self,
        upload: Upload,
        ranges: Sequence[ByteRange],
        under_way: dict[int, _Part],
        answer: Answered | BufferAnswered,
    ) -> Ask | AskBuffer | None:
        """Take an answer about one part, and return what is asked for it next; None if nothing is."""
        request, reply = answer
        if isinstance(request, TakeRoom) and isinstance(reply, RoomTaken):
            if self._is_over(upload):
                return None
            under_way[request.number] = _Part(reply.room, ranges[request.number - 1][0])
            return self._fetch(under_way[request.number])
        if isinstance(request, GetObject):
            number = _number_at(request.first_byte or 0, upload)
            return self._take_fetched(upload, number, under_way, reply)
        if isinstance(request, SumBuffer) and isinstance(reply, BufferSummed):
            part = under_way[request.number]
            part.digests = self._digests(part, reply)
            return self._put(upload, request.number, part)
        if isinstance(request, UploadPart):
            return self._take_stored(upload, under_way, request, reply)
        if isinstance(reply, Failure):
            upload.failures.append(reply)
            under_way.pop(getattr(request, "number", 0), None)
        return None

    def _take_fetched(
        self, upload: Upload, number: int, under_way: dict[int, _Part], reply: object
    ) -> Ask | AskBuffer | None:
        part = under_way[number]
        if isinstance(reply, ObjectRead) and reply.etag != self.action.source_pin:  # the store does not know If-Match
            said = "another object stands there by now"
            reply = Failure(FailureKind.PRECONDITION, "GetObject", "ETagDiffers", said, side=Side.SOURCE)
        if isinstance(reply, Failure):
            wait_s = self._again_in_s(upload, part, reply)
            if wait_s is not None:
                return self._fetch(part, wait_s=wait_s)
            del under_way[number]
            upload.failures.append(reply)
            return None
        part.tries = 0
        upload.crcs[number] = part.checksums.values()[CRC64NVME]
        algorithms = self._algorithms()
        if algorithms:
            return AskBuffer(SumBuffer(part.room, algorithms, number))
        part.digests = Digests(crc64nvme=upload.crcs[number])
        return self._put(upload, number, part)

    def _take_stored(
        self, upload: Upload, under_way: dict[int, _Part], request: UploadPart, reply: object
    ) -> Ask | None:
        number = request.number
        if isinstance(reply, Failure):
            wait_s = self._again_in_s(upload, under_way[number], reply)
            if wait_s is not None:
                return self._put(upload, number, under_way[number], wait_s=wait_s)
            upload.failures.append(reply)
        elif isinstance(reply, ObjectWritten) and reply.etag is not None:
            if request.digests.md5 is not None and b64decode(request.digests.md5).hex() == reply.etag:
                upload.proved.add(number)
            if request.digests.checksum is not None:
                upload.part_sums[number] = request.digests.checksum[1]
            note_part(self.context, self.position, upload, number, reply.etag)
        del under_way[number]
        return None

    def _again_in_s(self, upload: Upload, part: _Part, failure: Failure) -> float | None:
        """Return after what time a request is sent again whose failure may pass; None: the attempt goes without it."""
        if not failure.kind.is_retryable or part.tries >= len(_WAITS_S) or self._is_over(upload):
            return None
        part.tries += 1
        return max(_WAITS_S[part.tries - 1], min(failure.retry_after_s or 0.0, _WAITS_S[-1]))

    def _is_over(self, upload: Upload) -> bool:
        return any(not failure.kind.is_retryable for failure in upload.failures)

    def _rooms(self, upload: Upload, ranges: Sequence[ByteRange]) -> Iterator[AskBuffer]:
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if self._is_over(upload):
                return
            if number not in upload.etags:
                yield AskBuffer(TakeRoom(last_byte - first_byte + 1, number))

    def _fetch(self, part: _Part, *, wait_s: float = 0.0) -> Ask:
        part.checksums = PassingChecksums(is_of_part=True)
        size_bytes = part.room.size_bytes
        sink = summing_sink(part.room.sink(), part.checksums)
        return self._range(part.first_byte, size_bytes, sink, wait_s=wait_s)

    def _range(self, first_byte: int, size_bytes: int, sink: Sink, *, wait_s: float = 0.0) -> Ask:
        source = self.context.source
        request = GetObject(
            source.bucket,
            self.context.source_key(self.action),
            self.action.source_pin,
            self.action.source_version,
            first_byte,
            first_byte + size_bytes - 1,
            source.owner,
            into=sink,
        )
        return Ask(Side.SOURCE, request, size_bytes, wait_s=wait_s)

    def _put(self, upload: Upload, number: int, part: _Part, *, wait_s: float = 0.0) -> Ask:
        location, body = self.context.destination, part.room
        request = UploadPart(
            location.bucket,
            self.context.destination_key(self.action),
            upload.upload_id,
            number,
            body,
            location.owner,
            part.digests,
        )
        return Ask(Side.DESTINATION, request, wait_s=wait_s)  # its bytes were counted as they came

    def _algorithms(self) -> frozenset[str]:
        """Return the digests of a part that are not made as it comes."""
        is_signed = self.context.destination.is_plain
        settings = self.context.task.settings
        md5 = [] if settings.sums_parts else ["MD5"]
        asked = [] if settings.sums_parts or settings.checksum is None else [settings.checksum]
        return frozenset([*md5, *asked, *(["SHA256"] if is_signed else [])])

    def _digests(self, part: _Part, summed: BufferSummed) -> Digests:
        settings, is_signed = self.context.task.settings, self.context.destination.is_plain
        md5, asked = summed.digests.get("MD5"), settings.checksum
        return Digests(
            crc64nvme=part.checksums.values()[CRC64NVME] if settings.sums_parts else None,
            md5=None if md5 is None else b64encode(bytes.fromhex(md5)).decode(),
            sha256=b64decode(summed.digests["SHA256"]).hex() if is_signed else None,
            checksum=None if settings.sums_parts or asked is None else (asked, summed.digests[asked]),
        )

    def proof(self, upload: Upload, reply: ObjectWritten, /) -> str:
        """Return BY_PARTS if the object is made of parts that are all known to be those that came."""
        if upload.proved != upload.etags.keys():
            return ""
        return BY_PARTS if reply.etag == multipart_etag_of([etag for _, etag in sorted(upload.etags.items())]) else ""

    def crc64nvme(self, upload: Upload, ranges: Sequence[ByteRange], /) -> Asking[str | Failure | None]:
        """Combine it of the parts', and hold it against what the source's store states of the whole.

        Of parts that an earlier attempt has sent it is not known any more: they are fetched once more for it, where
        the store holds the object against it.
        """
        differs = yield from read_again(self.context, self.action, self.found, upload, ranges)
        if differs is not None:
            return differs
        sums_parts, stated = self.context.task.settings.sums_parts, self.found.checksums.get(CRC64NVME)
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if number in upload.crcs:
                continue
            if not sums_parts:
                return None
            if stated is not None:
                self._whole = stated
                return stated
            sink = SummedUp(last_byte - first_byte + 1)
            wanted = self._range(first_byte, sink.size_bytes, sink)
            reply = yield from ask(Side.SOURCE, wanted.request, size_bytes=wanted.size_bytes)
            if isinstance(reply, Failure):
                return reply
            upload.crcs[number] = sink.crc64nvme
        crcs = [int.from_bytes(b64decode(upload.crcs[number])) for number in range(1, len(ranges) + 1)]
        self._whole = combined_crc64nvme(crcs, [last - first + 1 for first, last in ranges])
        if stated is not None and stated != self._whole:
            said = f"its bytes suffered on the way: their {CRC64NVME} is {self._whole}, the store states {stated}"
            return Failure(FailureKind.VERIFICATION, "GetObject", "ChecksumDiffers", said, side=Side.SOURCE)
        return self._whole if sums_parts else None

    def source(self) -> AskedSide | None:
        """Return what the bytes came to, if all of them have passed in this attempt; else the source's object."""
        if self._whole is None:
            return super().source()
        return PassedBytes(KnownBytes(self.action.size_bytes, {CRC64NVME: self._whole}))

    def moved(self) -> Asking[str | Failure | None]:
        """Return None: each part was fetched by the planned ETag."""
        yield from ()
        return None


def _number_at(first_byte: int, upload: Upload) -> int:
    return first_byte // upload.part_size_bytes + 1
