"""What every engine does with the checksums that a store is asked to keep with an object."""

from __future__ import annotations

from hashlib import sha256

import pytest
from contract.body_contract import some_bytes
from contract.engine_contract import BUCKET, OTHER, World, expect, kind_of
from s3plan.schemas.bodies import BodyInMemory, Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.objects import CopyObject, HeadObject, ObjectFound, ObjectWritten, PutObject
from s3plan.schemas.requests.uploads import (
    SUMS_OF_SUMS,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    PartsPage,
    UploadOpened,
    UploadPart,
    UploadPartCopy,
)
from s3plan.storage.digests import new_digest

BY_EACH = pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"])
CONTENT = some_bytes(100_000)
CUT = 60_000
Parts = list[tuple[int, str]]


def sum_of(content: bytes, algorithm: str) -> str:
    digest = new_digest(algorithm)
    digest.update(memoryview(content))
    return digest.text()


def stated(world: World, key: str) -> dict[str, str]:
    return dict(expect(ObjectFound, world.engine.call(HeadObject(BUCKET, key))).checksums)


def opened(world: World, algorithm: str) -> str:
    create = CreateMultipartUpload(BUCKET, "to", NO_ATTRIBUTES, checksum=algorithm)
    return expect(UploadOpened, world.engine.call(create)).upload_id


def completed(upload_id: str, parts: Parts, algorithm: str, sums: dict[int, str]) -> CompleteMultipartUpload:
    return CompleteMultipartUpload(BUCKET, "to", upload_id, parts, checksum=algorithm, part_sums=sums)


def copied_parts(world: World, upload_id: str) -> tuple[Parts, dict[int, str]]:
    parts, sums = [], {}
    for number, (first, last) in enumerate([(0, CUT - 1), (CUT, len(CONTENT) - 1)], start=1):
        request = UploadPartCopy(BUCKET, "to", upload_id, number, OTHER, "from", first, last)
        reply = expect(ObjectWritten, world.engine.call(request))
        parts.append((number, reply.etag or ""))
        if reply.part_sum is not None:
            sums[number] = reply.part_sum
    return parts, sums


class ChecksumContract:
    @BY_EACH
    def test_a_copy_has_the_checksum_that_was_asked_for(self, world: World, algorithm: str) -> None:
        world.plant("from", CONTENT)
        expect(ObjectWritten, world.engine.call(CopyObject(BUCKET, "to", BUCKET, "from", checksum=algorithm)))
        assert stated(world, "to") == {algorithm: sum_of(CONTENT, algorithm)}

    @BY_EACH
    def test_a_put_has_the_checksum_that_came_with_it_and_another_one_is_refused(
        self, world: World, algorithm: str
    ) -> None:
        digests = Digests(checksum=(algorithm, sum_of(CONTENT, algorithm)))
        expect(ObjectWritten, world.engine.call(PutObject(BUCKET, "to", BodyInMemory(CONTENT), digests=digests)))
        assert stated(world, "to") == {algorithm: sum_of(CONTENT, algorithm)}
        request = PutObject(BUCKET, "wrong", BodyInMemory(CONTENT[1:]), digests=digests)
        assert kind_of(world.engine.call(request)) is FailureKind.VERIFICATION
        assert world.read("wrong") is None

    @BY_EACH
    def test_copied_parts_make_one_of_the_whole_object_or_are_stated_each(self, world: World, algorithm: str) -> None:
        world.plant("from", CONTENT, bucket=OTHER)
        upload_id = opened(world, algorithm)
        parts, sums = copied_parts(world, upload_id)
        listed = expect(PartsPage, world.engine.call(ListParts(BUCKET, "to", upload_id)))
        expected = {}
        if algorithm in SUMS_OF_SUMS:
            expected = {1: sum_of(CONTENT[:CUT], algorithm), 2: sum_of(CONTENT[CUT:], algorithm)}
            refused = world.engine.call(completed(upload_id, parts, algorithm, {}))
            assert "must include the checksum for each part" in expect(Failure, refused).message
        assert sums == listed.sums == expected
        expect(ObjectWritten, world.engine.call(completed(upload_id, parts, algorithm, sums)))
        assert world.read("to") == CONTENT
        # That of sums is none of the bytes: no more than another ETag, and never told as a checksum of the object.
        assert stated(world, "to") == ({} if expected else {algorithm: sum_of(CONTENT, algorithm)})

    @BY_EACH
    def test_sent_parts_are_held_against_theirs(self, world: World, algorithm: str) -> None:
        upload_id = opened(world, algorithm)
        parts, sums = [], {}
        for number, content in enumerate([CONTENT[:CUT], CONTENT[CUT:]], start=1):
            sums[number] = sum_of(content, algorithm)
            digests = Digests(sha256=sha256(content).hexdigest(), checksum=(algorithm, sums[number]))
            wrong = UploadPart(
                BUCKET,
                "to",
                upload_id,
                number,
                BodyInMemory(content[1:]),
                digests=Digests(checksum=(algorithm, sums[number])),
            )
            assert kind_of(world.engine.call(wrong)) is FailureKind.VERIFICATION
            part = UploadPart(BUCKET, "to", upload_id, number, BodyInMemory(content), digests=digests)
            parts.append((number, expect(ObjectWritten, world.engine.call(part)).etag or ""))
        is_of_sums = algorithm in SUMS_OF_SUMS
        request = completed(upload_id, parts, algorithm, sums if is_of_sums else {})
        expect(ObjectWritten, world.engine.call(request))
        assert world.read("to") == CONTENT
        assert stated(world, "to") == ({} if is_of_sums else {algorithm: sum_of(CONTENT, algorithm)})
