"""What every engine does with bytes that it sends and receives piece by piece. A subclass gives the fixture `world`."""

from __future__ import annotations

import errno
from base64 import b64encode
from hashlib import md5, sha256

import pytest
from awscrt.checksums import combine_crc64nvme, crc64nvme
from contract.engine_contract import BUCKET, WRONG, World, expect, kind_of
from s3plan.schemas.bodies import BodyInMemory, Digests, SinkInMemory
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import GetObject, HeadObject, ObjectFound, ObjectRead, ObjectWritten, PutObject
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadOpened, UploadPart

KIB, MIB = 1 << 10, 1 << 20
SIZES = (0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB, MIB + 1, 5 * MIB + 7)


def some_bytes(size: int) -> bytes:
    """Bytes in which no two places look alike."""
    return b"".join(sha256(number.to_bytes(8, "big")).digest() for number in range(size // 32 + 1))[:size]


def crc_header(content: bytes) -> str:
    return b64encode(crc64nvme(content).to_bytes(8, "big")).decode()


def all_digests(content: bytes) -> Digests:
    digest = md5(content, usedforsecurity=False).digest()
    return Digests(crc_header(content), b64encode(digest).decode(), sha256(content).hexdigest())


class PiecemealBody(BodyInMemory):
    """Gives 1,000 bytes at most at a time; `ends_at` and `breaks_at` are where the file ends too early, or breaks."""

    def __init__(self, content: bytes, *, ends_at: int | None = None, breaks_at: int | None = None) -> None:
        super().__init__(content)
        self._ends_at = len(content) if ends_at is None else ends_at
        self._breaks_at = breaks_at

    def read_into(self, view: memoryview, *, offset: int) -> int:
        if self._breaks_at is not None and offset >= self._breaks_at:
            raise OSError(errno.EIO, "Input/output error")
        end = self._ends_at if self._breaks_at is None else self._breaks_at
        return super().read_into(view[: max(0, min(1000, end - offset))], offset=offset)


class BrokenSink(SinkInMemory):
    """Has no room for what comes after some bytes."""

    def __init__(self, size_bytes: int, *, breaks_at: int) -> None:
        super().__init__(size_bytes)
        self._left = breaks_at

    def take(self, view: memoryview) -> None:
        self._left -= len(view)
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().take(view)


class BodyContract:
    @pytest.mark.parametrize("size", SIZES)
    def test_a_body_arrives_whole(self, world: World, size: int) -> None:
        content = some_bytes(size)
        request = PutObject(BUCKET, "key", BodyInMemory(content), digests=all_digests(content))
        etag = expect(ObjectWritten, world.engine.call(request)).etag
        assert world.read("key") == content
        assert etag == md5(content, usedforsecurity=False).hexdigest()

    def test_a_body_that_is_read_in_small_pieces_arrives_whole(self, world: World) -> None:
        content = some_bytes(MIB + 12_345)
        expect(ObjectWritten, world.engine.call(PutObject(BUCKET, "key", PiecemealBody(content))))
        assert world.read("key") == content

    @pytest.mark.parametrize("digests", [Digests(), Digests(md5="md5"), Digests(crc64nvme="crc")], ids=str)
    def test_only_what_is_known_of_a_body_is_said(self, world: World, digests: Digests) -> None:
        content = some_bytes(70_000)
        known = all_digests(content)
        said = Digests(known.crc64nvme if digests.crc64nvme else None, known.md5 if digests.md5 else None)
        expect(ObjectWritten, world.engine.call(PutObject(BUCKET, "key", BodyInMemory(content), digests=said)))
        assert world.read("key") == content

    @pytest.mark.parametrize("size", [10, 2 * MIB])
    @pytest.mark.parametrize("digest", ["crc64nvme", "md5"])
    def test_bytes_that_are_not_what_was_said_are_refused(self, world: World, size: int, digest: str) -> None:
        content = some_bytes(size)
        other = all_digests(content[:-1] + bytes([content[-1] ^ 1]))
        said = Digests(**{digest: getattr(other, digest)})
        request = PutObject(BUCKET, "key", BodyInMemory(content), digests=said)
        assert kind_of(world.engine.call(request)) is FailureKind.VERIFICATION
        assert world.read("key") is None

    @pytest.mark.parametrize("size", [1, 1000, 300 * KIB, 3 * MIB])
    def test_a_body_that_becomes_shorter_writes_nothing(self, world: World, size: int) -> None:
        body = PiecemealBody(some_bytes(size), ends_at=size // 2)
        reply = world.engine.call(PutObject(BUCKET, "key", body, digests=Digests(sha256=WRONG * 2)))
        assert kind_of(reply) is FailureKind.SOURCE_CHANGED
        assert world.read("key") is None

    @pytest.mark.parametrize("size", [1, 1000, 300 * KIB, 3 * MIB])
    def test_a_body_that_cannot_be_read_writes_nothing(self, world: World, size: int) -> None:
        body = PiecemealBody(some_bytes(size), breaks_at=size // 2)
        reply = world.engine.call(PutObject(BUCKET, "key", body, digests=Digests(sha256=WRONG * 2)))
        assert kind_of(reply) is FailureKind.LOCAL_IO
        assert world.read("key") is None

    @pytest.mark.parametrize("size", [5, 3 * MIB])
    def test_a_condition_that_does_not_hold_refuses_a_body(self, world: World, size: int) -> None:
        world.plant("key", b"there")
        body = BodyInMemory(some_bytes(size))
        assert kind_of(world.engine.call(PutObject(BUCKET, "key", body, if_absent=True))) is FailureKind.PRECONDITION
        assert kind_of(world.engine.call(PutObject(BUCKET, "key", body, if_match=WRONG))) is FailureKind.PRECONDITION
        assert world.read("key") == b"there"

    def test_an_object_carries_what_was_said(self, world: World) -> None:
        carried = ObjectAttributes(
            {"mtime": "1700000000.123456789", "team": "media"},
            {"ContentType": "image/jpeg", "CacheControl": "max-age=60", "Expires": "soon"},
            {"class": "photo & film"},
        )
        request = PutObject(
            BUCKET, "key", BodyInMemory(b"bytes"), attributes=carried, storage_class="STANDARD_IA", if_absent=True
        )
        expect(ObjectWritten, world.engine.call(request))
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "key")))
        assert found.attributes.metadata == carried.metadata
        assert found.attributes.headers == carried.headers
        assert (found.storage_class, found.tag_count) == ("STANDARD_IA", 1)

    @pytest.mark.parametrize(
        "odd",
        [
            ObjectAttributes({"team": "line\nfeed"}),
            ObjectAttributes({"a b": "x"}),
            ObjectAttributes({"name": "caf\u00e9"}),
            ObjectAttributes(headers={"ContentType": "caf\u00e9"}),
        ],
        ids=str,
    )
    def test_what_no_header_can_carry_is_not_sent(self, world: World, odd: ObjectAttributes) -> None:
        if type(world.engine).__name__ == "MemoryEngine":
            pytest.skip("has no headers")
        request = PutObject(BUCKET, "key", BodyInMemory(b"bytes"), attributes=odd)
        assert kind_of(world.engine.call(request)) is FailureKind.INVALID
        assert world.read("key") is None

    def test_parts_make_an_object_whose_checksum_is_that_of_all_its_bytes(self, world: World) -> None:
        parts = [some_bytes(5 * MIB), some_bytes(5 * MIB)[::-1], b"the end"]
        opened = world.engine.call(CreateMultipartUpload(BUCKET, "key", ObjectAttributes(), checksum="CRC64NVME"))
        upload_id = expect(UploadOpened, opened).upload_id
        done, whole = [], 0
        for number, part in enumerate(parts, 1):
            body = BodyInMemory(part)
            request = UploadPart(BUCKET, "key", upload_id, number, body, digests=all_digests(part))
            written = expect(ObjectWritten, world.engine.call(request))
            assert (written.etag, written.crc64nvme) == (md5(part, usedforsecurity=False).hexdigest(), crc_header(part))
            done.append((number, written.etag or ""))
            whole = combine_crc64nvme(whole, crc64nvme(part), len(part))
        said = b64encode(whole.to_bytes(8, "big")).decode()
        wrong = CompleteMultipartUpload(BUCKET, "key", upload_id, done, crc64nvme=crc_header(b"other"))
        assert kind_of(world.engine.call(wrong)) is FailureKind.VERIFICATION
        expect(
            ObjectWritten, world.engine.call(CompleteMultipartUpload(BUCKET, "key", upload_id, done, crc64nvme=said))
        )
        assert world.read("key") == b"".join(parts)

    def test_a_part_of_no_upload_is_refused(self, world: World) -> None:
        request = UploadPart(BUCKET, "key", "no-such-upload", 1, BodyInMemory(b"bytes"))
        assert kind_of(world.engine.call(request)) is FailureKind.NO_SUCH_UPLOAD

    @pytest.mark.parametrize("size", SIZES)
    def test_a_sink_takes_the_whole_object(self, world: World, size: int) -> None:
        content = some_bytes(size)
        etag = world.plant("key", content)
        sink = SinkInMemory(size)
        read = expect(ObjectRead, world.engine.call(GetObject(BUCKET, "key", if_match=etag, into=sink)))
        assert bytes(sink.content) == content
        assert (read.etag, read.body) == (etag, b"")
        assert read.found is not None
        assert read.found.size_bytes == size

    @pytest.mark.parametrize(("first", "last"), [(0, 0), (10, 999), (MIB, 3 * MIB), (4 * MIB, 5 * MIB - 1)])
    def test_a_sink_takes_a_part(self, world: World, first: int, last: int) -> None:
        content = some_bytes(5 * MIB)
        etag = world.plant("key", content)
        sink = SinkInMemory(last - first + 1)
        request = GetObject(BUCKET, "key", if_match=etag, first_byte=first, last_byte=last, into=sink)
        read = expect(ObjectRead, world.engine.call(request))
        assert bytes(sink.content) == content[first : last + 1]
        assert read.found is not None
        assert read.found.size_bytes == len(content)

    @pytest.mark.parametrize("size", [0, 9, 11, 3 * MIB])
    def test_an_object_of_another_size_is_not_poured(self, world: World, size: int) -> None:
        world.plant("key", b"0123456789")
        sink = BrokenSink(size, breaks_at=-1)
        failure = world.engine.call(GetObject(BUCKET, "key", into=sink))
        assert kind_of(failure) is FailureKind.TRANSIENT

    def test_a_changed_object_is_not_poured(self, world: World) -> None:
        world.plant("key", b"0123456789")
        sink = BrokenSink(10, breaks_at=-1)
        reply = world.engine.call(GetObject(BUCKET, "key", if_match=WRONG, into=sink))
        assert kind_of(reply) is FailureKind.PRECONDITION
        assert kind_of(world.engine.call(GetObject(BUCKET, "other", into=sink))) is FailureKind.NOT_FOUND

    @pytest.mark.parametrize("size", [10, 300 * KIB, 3 * MIB])
    def test_a_sink_without_room_fails_the_request_and_no_other(self, world: World, size: int) -> None:
        content = some_bytes(size)
        world.plant("key", content)
        reply = world.engine.call(GetObject(BUCKET, "key", into=BrokenSink(size, breaks_at=size // 2)))
        assert kind_of(reply) is FailureKind.LOCAL_IO
        sink = SinkInMemory(size)
        expect(ObjectRead, world.engine.call(GetObject(BUCKET, "key", into=sink)))
        assert bytes(sink.content) == content
