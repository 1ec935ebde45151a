"""Finds out whether a store holds the parts of an upload against their CRC64NVME, of which it makes the whole object's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: "full object checksums".
"""

from __future__ import annotations

from typing import NamedTuple

from s3plan.schemas.bodies import Digests
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import ObjectWritten, Reply, Request
from s3plan.schemas.requests.uploads import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
    UploadPart,
)
from s3plan.storage.checksums import CRC64NVME, PassingChecksums
from s3plan.storage.conditions.trial_remains import TrialRemains
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_BODY = b"s3plan, to be removed"
_WRONG = "AAAAAAAAAAA="  # eight bytes of nought


class PartSumsTrial(NamedTuple):
    """Whether a store holds parts against their checksums, and whether what showed it is gone for certain."""

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
    """Find out whether it refuses a part of another checksum, and makes an object of one with its own; it is removed.

    Some five requests. What a store answers otherwise, or does not answer, says no: some know the checksums of parts
    and none of the whole. Raises CredentialsUnusable, as that is no answer of the store's, and what the hooks of
    `patience` do.
    """
    create = CreateMultipartUpload(
        bucket, key, ObjectAttributes(), encryption=encryption, owner=owner, checksum=CRC64NVME
    )
    trial = _Trial(engine, create, patience or Patience())
    try:
        holds = trial.shows_that_it_holds()
    finally:
        trial.remains.remove()
    unusable = next((failure for failure in trial.remains.left if failure.kind.is_credentials), None)
    if unusable is not None:
        raise trial.refusal(unusable)
    return PartSumsTrial(holds, trial.remains.is_clean)


class _Trial:
    """The requests of one trial."""

    def __init__(self, engine: Engine, create: CreateMultipartUpload, patience: Patience) -> None:
        self.remains = TrialRemains(engine, create.bucket, create.key, owner=create.owner, patience=patience)
        self._engine = engine
        self._create = create
        self._patience = patience

    def shows_that_it_holds(self) -> bool:
        opened = self._judged(self.remains.open_upload(self._create))
        if not isinstance(opened, UploadOpened):
            return False
        wrong = self._ask(self._part(opened, _WRONG))
        if not (isinstance(wrong, Failure) and wrong.kind is FailureKind.VERIFICATION):
            return False
        part = self._ask(self._part(opened, _own_sum()))
        if not isinstance(part, ObjectWritten) or part.etag is None:
            return False
        return self._is_made_of(opened, part.etag)

    def _is_made_of(self, opened: UploadOpened, etag: str) -> bool:
        """Make the object of one part, and have the store hold it against the checksum of the whole."""
        self.remains.made.append(self._create.key)
        made = self._patience.call_once(
            self._engine,
            CompleteMultipartUpload(
                self._create.bucket,
                self._create.key,
                opened.upload_id,
                [(1, etag)],
                owner=self._create.owner,
                crc64nvme=_own_sum(),
            ),
        )
        self.remains.note_written(self._judged(made))
        if not isinstance(made, ObjectWritten):
            return False
        if made.crc64nvme is not None:
            self.remains.upload_id = None  # it has become the object
        return made.crc64nvme == _own_sum()

    def refusal(self, failure: Failure) -> S3PlanError:
        return refusal_of(
            failure,
            bucket=self._create.bucket,
            doing="seeing whether the store holds parts against their checksums",
            clock_offset_ms=self._engine.clock_offset_ms,
        )

    def _ask(self, request: Request) -> Reply:
        return self._judged(self._patience.call_once(self._engine, request))

    def _judged(self, reply: Reply) -> Reply:
        if isinstance(reply, Failure) and reply.kind.is_credentials:
            raise self.refusal(reply)
        return reply

    def _part(self, opened: UploadOpened, crc64nvme: str) -> UploadPart:
        create, digests = self._create, Digests(crc64nvme=crc64nvme)
        return UploadPart(create.bucket, create.key, opened.upload_id, 1, _BODY, create.owner, digests)


def _own_sum() -> str:
    checksums = PassingChecksums(is_of_part=True)
    checksums.update(_BODY)
    return checksums.values()[CRC64NVME]
