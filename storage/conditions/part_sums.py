"""Finds out whether a store holds the parts of an upload against their CRC64NVME, of which it makes the whole object's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: "full object checksums".
"""

from __future__ import annotations

from typing import NamedTuple

from s3plan.schemas.bodies import Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import DeleteObject, ObjectWritten, Reply
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
    UploadPart,
)
from s3plan.storage.checksums import CRC64NVME, PassingChecksums
from s3plan.storage.conditions.probe_remains import remove_remains, remove_versions
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan, to be removed"
_WRONG = "AAAAAAAAAAA="  # eight bytes of nought
_GONE = frozenset({FailureKind.NO_SUCH_UPLOAD, FailureKind.NOT_FOUND})


class PartSumsTrial(NamedTuple):
    """Whether a store holds to the checksums of parts, and whether what showed it is gone for certain."""

    holds: bool
    is_clean: bool


def try_part_sums(
    engine: Engine,
    bucket: str,
    key: str,
    *,
    encryption: Encryption | None = None,
    owner: str | None = None,
    patience: Patience | None = None,
) -> PartSumsTrial:
    """Find out whether the store refuses a part of another checksum, and makes an object of one with its own.

    What was made is removed. Some five requests. What a store answers otherwise, or does not answer, says no: some know
    the checksums of parts and none of the whole. Raises what the hooks of `patience` do.
    """
    patient = patience or Patience()
    create = CreateMultipartUpload(
        bucket, key, ObjectAttributes(), encryption=encryption, owner=owner, checksum=CRC64NVME
    )
    opened = patient.call_once(engine, create)
    if not isinstance(opened, UploadOpened):
        is_clean = True
        if isinstance(opened, Failure) and opened.kind.is_unclear:  # one may be open all the same, its id unknown
            is_clean = remove_remains(engine, bucket, key, owner=owner, patience=patient.for_removal())
        return PartSumsTrial(holds=False, is_clean=is_clean)
    made: Reply | None = None
    is_clean = False
    try:
        wrong = patient.call_once(engine, _part(create, opened, _WRONG))
        if isinstance(wrong, Failure) and wrong.kind is FailureKind.VERIFICATION:
            made = _make(engine, create, opened, patient)
    finally:
        is_clean = _remove(engine, create, opened, patient.for_removal(), made)
    return PartSumsTrial(isinstance(made, ObjectWritten) and made.crc64nvme == _own_sum(), is_clean)


def _make(engine: Engine, create: CreateMultipartUpload, opened: UploadOpened, patience: Patience) -> Reply:
    """Make the object of one part, and have the store hold it against the checksum of the whole."""
    part = patience.call_once(engine, _part(create, opened, _own_sum()))
    if not isinstance(part, ObjectWritten) or part.etag is None:
        return part
    complete = CompleteMultipartUpload(
        create.bucket, create.key, opened.upload_id, [(1, part.etag)], owner=create.owner, crc64nvme=_own_sum()
    )
    return patience.call_once(engine, complete)


def _remove(
    engine: Engine, create: CreateMultipartUpload, opened: UploadOpened, patience: Patience, made: Reply | None
) -> bool:
    """Return whether nothing is left."""
    replies: list[Reply] = []
    if not (isinstance(made, ObjectWritten) and made.crc64nvme is not None):
        abort = AbortMultipartUpload(create.bucket, create.key, opened.upload_id, owner=create.owner)
        replies.append(patience.call(engine, abort))
    if made is not None:
        replies.append(patience.call(engine, DeleteObject(create.bucket, create.key, owner=create.owner)))
    if isinstance(made, ObjectWritten) and made.version is not None:
        remove_versions(engine, create.bucket, create.key, owner=create.owner, patience=patience)
    return not any(isinstance(reply, Failure) and reply.kind not in _GONE for reply in replies)


def _part(create: CreateMultipartUpload, opened: UploadOpened, crc64nvme: str) -> UploadPart:
    digests = Digests(crc64nvme=crc64nvme)
    return UploadPart(create.bucket, create.key, opened.upload_id, 1, _BODY, create.owner, digests)


def _own_sum() -> str:
    checksums = PassingChecksums(is_of_part=True)
    checksums.update(_BODY)
    return checksums.values()[CRC64NVME]
