"""What every engine does with keys of SSE-C, on a store that holds to them. A subclass gives the fixture `world`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contract.engine_contract import BUCKET, OTHER, World, expect, kind_of
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.customer_keys import SSE_C, CustomerKey
from s3plan.schemas.requests.objects import (
    CopyObject,
    GetObject,
    HeadObject,
    ObjectFound,
    ObjectRead,
    ObjectWritten,
    PutObject,
)
from s3plan.schemas.requests.uploads import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    PartsPage,
    UploadOpened,
    UploadPart,
    UploadPartCopy,
)

ONE, TWO = CustomerKey(bytes(range(32))), CustomerKey(bytes(range(100, 132)))
BODY = b"bytes under a key"


def put(world: World, key: str, customer_key: CustomerKey | None, *, bucket: str = BUCKET) -> str:
    reply = world.engine.call(PutObject(bucket, key, BODY, customer_key=customer_key))
    return expect(ObjectWritten, reply).etag or ""


def read(world: World, key: str, customer_key: CustomerKey | None) -> bytes:
    return expect(ObjectRead, world.engine.call(GetObject(BUCKET, key, customer_key=customer_key))).body


class CustomerKeyContract:
    def test_an_object_under_a_key_is_read_with_that_key_only(self, world: World) -> None:
        etag = put(world, "key", ONE)
        found = expect(ObjectFound, world.engine.call(HeadObject(BUCKET, "key", customer_key=ONE)))
        assert (found.etag, found.size_bytes, found.encryption) == (etag, len(BODY), SSE_C)
        ranged = GetObject(BUCKET, "key", etag, first_byte=6, last_byte=10, customer_key=ONE)
        assert expect(ObjectRead, world.engine.call(ranged)).body == BODY[6:11]
        for request in (HeadObject(BUCKET, "key"), GetObject(BUCKET, "key")):
            assert kind_of(world.engine.call(request)) is FailureKind.INVALID
            assert kind_of(world.engine.call(replace(request, customer_key=TWO))) is FailureKind.DENIED

    def test_a_key_is_refused_for_an_object_that_has_none(self, world: World) -> None:
        put(world, "key", None)
        assert kind_of(world.engine.call(GetObject(BUCKET, "key", customer_key=ONE))) is FailureKind.INVALID

    @pytest.mark.parametrize("there", [None, TWO], ids=["to none", "to another"])
    @pytest.mark.parametrize("here", [None, ONE], ids=["from none", "from one"])
    def test_a_copy_has_the_keys_of_both_sides(
        self, world: World, here: CustomerKey | None, there: CustomerKey | None
    ) -> None:
        put(world, "from", here, bucket=OTHER)
        request = CopyObject(BUCKET, "to", OTHER, "from", customer_key=there, source_customer_key=here)
        expect(ObjectWritten, world.engine.call(request))
        assert read(world, "to", there) == BODY
        if here is not None:
            missing, wrong = (replace(request, key="x", source_customer_key=key) for key in (None, TWO))
            assert kind_of(world.engine.call(missing)) is FailureKind.INVALID
            assert kind_of(world.engine.call(wrong)) is FailureKind.DENIED
            assert world.read("x") is None

    @pytest.mark.parametrize("here", [None, ONE], ids=["from none", "from one"])
    def test_parts_have_the_key_of_their_upload(self, world: World, here: CustomerKey | None) -> None:
        put(world, "from", here, bucket=OTHER)
        opened = world.engine.call(
            CreateMultipartUpload(BUCKET, "to", NO_ATTRIBUTES, checksum="CRC64NVME", customer_key=TWO)
        )
        upload = expect(UploadOpened, opened).upload_id
        sent = UploadPart(BUCKET, "to", upload, 1, BODY, customer_key=TWO)
        copied = UploadPartCopy(
            BUCKET, "to", upload, 2, OTHER, "from", 0, len(BODY) - 1, customer_key=TWO, source_customer_key=here
        )
        for part in (sent, copied):
            refused = kind_of(world.engine.call(replace(part, customer_key=ONE)))
            assert refused in (FailureKind.INVALID, FailureKind.DENIED)
        etags = [expect(ObjectWritten, world.engine.call(part)).etag or "" for part in (sent, copied)]
        listed = expect(PartsPage, world.engine.call(ListParts(BUCKET, "to", upload, customer_key=TWO)))
        assert [etag for _, etag, _ in listed.parts] == etags
        complete = CompleteMultipartUpload(BUCKET, "to", upload, list(enumerate(etags, start=1)), customer_key=TWO)
        expect(ObjectWritten, world.engine.call(complete))
        assert read(world, "to", TWO) == BODY + BODY
