"""Finds out whether a store keeps a checksum that it is asked for: some take no notice, and say nothing of it."""

from __future__ import annotations

from base64 import b64decode
from enum import Enum
from typing import NamedTuple

from s3plan.schemas.bodies import Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES
from s3plan.schemas.requests.objects import (
    CopyObject,
    HeadObject,
    ObjectFound,
    ObjectWritten,
    PutObject,
    Reply,
)
from s3plan.schemas.requests.uploads import (
    SUMS_OF_SUMS,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
    UploadPart,
)
from s3plan.storage.conditions.trial_remains import TrialRemains
from s3plan.storage.digests import new_digest
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan, to be removed"
_REFUSED = frozenset(
    {FailureKind.INVALID, FailureKind.UNSUPPORTED, FailureKind.VERIFICATION, FailureKind.MALFORMED_XML}
)


class Writing(Enum):
    """How objects come to a store that is asked to keep a checksum with them."""

    PUT = "put"  # sent with it
    COPY = "copied"  # by the store, which makes it
    PARTS = "made of parts"


class ChecksumTrial(NamedTuple):
    """Whether a store keeps a checksum, and whether what showed it is gone for certain.

    `refusal` is what it said to the asking, where it was that; `unknown` is why it could not be found out. `keeps` is
    False with either.
    """

    keeps: bool
    is_clean: bool
    refusal: Failure | None = None
    unknown: Failure | None = None


def try_checksum(
    engine: Engine,
    bucket: str,
    key: str,
    *,
    algorithm: str,
    writing: Writing,
    owner: str | None = None,
    patience: Patience | None = None,
) -> ChecksumTrial:
    """Find out whether the store states the right checksum of an object of ours that was written so.

    What is copied was put without one before. Everything is at keys that begin with `key`, and is removed: five
    requests, where nothing is tried again. Raises what the hooks of `patience` do.
    """
    trial = _Trial(engine, bucket, key, algorithm=algorithm, owner=owner, patience=patience or Patience())
    try:
        failure = trial.write(writing)
        is_refused = failure is not None and failure.kind in _REFUSED and trial.has_asked
        found = trial.look() if failure is None else failure
    finally:
        trial.remains.remove()
    is_clean = trial.remains.is_clean
    if isinstance(found, ObjectFound):
        return ChecksumTrial(found.stated.get(algorithm) == _sum_of_object(algorithm, writing), is_clean)
    assert isinstance(found, Failure)  # noqa: S101  HeadObject answers nothing else
    return ChecksumTrial(
        keeps=False,
        is_clean=is_clean,
        refusal=found if is_refused else None,
        unknown=None if is_refused else found,
    )


class _Trial:
    """The requests of one trial."""

    def __init__(
        self, engine: Engine, bucket: str, key: str, *, algorithm: str, owner: str | None, patience: Patience
    ) -> None:
        self.remains = TrialRemains(engine, bucket, key, owner=owner, patience=patience)
        self.has_asked = True  # what failed last was asked for the checksum
        self._engine = engine
        self._bucket = bucket
        self._key = key
        self._algorithm = algorithm
        self._owner = owner
        self._patience = patience
        self._last = key  # of the object that shows it

    def write(self, writing: Writing) -> Failure | None:
        """Make the object; return why there is none."""
        match writing:
            case Writing.PUT:
                return self._put(Digests(checksum=(self._algorithm, _sum_of_bytes(self._algorithm))))
            case Writing.COPY:
                return self._copy()
            case Writing.PARTS:
                return self._join()

    def look(self) -> Reply:
        return self._patience.call(self._engine, HeadObject(self._bucket, self._last, owner=self._owner))

    def _put(self, digests: Digests) -> Failure | None:
        return self._sent(PutObject(self._bucket, self._key, _BODY, owner=self._owner, digests=digests))

    def _copy(self) -> Failure | None:
        self.has_asked = False
        failure = self._put(Digests())
        if failure is not None:
            return failure
        self.has_asked = True
        self._last = f"{self._key}-copy"
        return self._sent(
            CopyObject(
                self._bucket,
                self._last,
                self._bucket,
                self._key,
                owner=self._owner,
                source_owner=self._owner,
                checksum=self._algorithm,
            )
        )

    def _join(self) -> Failure | None:
        """Make the object of one part."""
        opened = self.remains.open_upload(
            CreateMultipartUpload(self._bucket, self._key, NO_ATTRIBUTES, owner=self._owner, checksum=self._algorithm)
        )
        if isinstance(opened, Failure):
            return opened
        assert isinstance(opened, UploadOpened)  # noqa: S101
        of_part = _sum_of_bytes(self._algorithm)
        digests = Digests(checksum=(self._algorithm, of_part))
        part = self._patience.call(
            self._engine, UploadPart(self._bucket, self._key, opened.upload_id, 1, _BODY, self._owner, digests)
        )
        if isinstance(part, Failure):
            return part
        assert isinstance(part, ObjectWritten)  # noqa: S101
        failure = self._sent(
            CompleteMultipartUpload(
                self._bucket,
                self._key,
                opened.upload_id,
                [(1, part.etag or "")],
                owner=self._owner,
                checksum=self._algorithm,
                part_sums={1: of_part} if self._algorithm in SUMS_OF_SUMS else {},
            )
        )
        if failure is None:
            self.remains.upload_id = None  # it has become the object
        return failure

    def _sent(self, request: PutObject | CopyObject | CompleteMultipartUpload) -> Failure | None:
        self.remains.made.append(request.key)
        reply = self._patience.call(self._engine, request)
        self.remains.note_written(reply)
        if not isinstance(reply, Failure):
            return None
        if not reply.kind.is_unclear:
            self.remains.made.remove(request.key)
        return reply


def _sum_of_bytes(algorithm: str) -> str:
    return _sum(algorithm, _BODY)


def _sum_of_object(algorithm: str, writing: Writing) -> str:
    """Return what S3 states of the object: by SUMS_OF_SUMS, of one made of parts, the sum of its one part's."""
    of_bytes = _sum(algorithm, _BODY)
    if writing is not Writing.PARTS or algorithm not in SUMS_OF_SUMS:
        return of_bytes
    return f"{_sum(algorithm, b64decode(of_bytes))}-1"


def _sum(algorithm: str, content: bytes) -> str:
    digest = new_digest(algorithm)
    digest.update(memoryview(content))
    return digest.text()
