"""What every engine does with canned ACLs, on a store whose buckets take none but their owner's full control."""

from __future__ import annotations

import pytest
from contract.engine_contract import BUCKET, World, expect
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.objects import CopyObject, ObjectWritten, PutObject, Request
from s3plan.schemas.requests.uploads import CreateMultipartUpload, UploadOpened


def writes(acl: str) -> list[Request]:
    """Each request that makes an object or begins one."""
    return [
        PutObject(BUCKET, "put", b"body", acl=acl),
        CopyObject(BUCKET, "copied", BUCKET, "from", acl=acl),
        CreateMultipartUpload(BUCKET, "parts", NO_ATTRIBUTES, acl=acl),
    ]


class AclContract:
    def test_whatever_makes_an_object_may_give_the_bucket_owner_full_control(self, world: World) -> None:
        world.plant("from", b"body")
        put, copy, opening = (world.engine.call(each) for each in writes("bucket-owner-full-control"))
        expect(ObjectWritten, put)
        expect(ObjectWritten, copy)
        expect(UploadOpened, opening)

    @pytest.mark.parametrize("acl", ["private", "public-read"])
    def test_another_acl_is_refused_with_each_of_them_and_nothing_is_made(self, world: World, acl: str) -> None:
        world.plant("from", b"body")
        for request in writes(acl):
            failure = expect(Failure, world.engine.call(request))
            assert (failure.kind, failure.code) == (FailureKind.INVALID, "AccessControlListNotSupported"), request
            assert "remove acl from the destination" in failure.message
        assert (world.read("put"), world.read("copied"), world.upload_ids()) == (None, None, [])
