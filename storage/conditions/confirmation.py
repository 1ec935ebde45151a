"""Asks a store once more whether it refuses wrong conditions, before those that it is said to hold are relied on.

What is believed comes from a table, or from a probe some hours ago, and the store behind a URL may have changed since.
So one request of each kind that a plan rests on is sent with a condition that cannot hold. A copy that is refused, as
it should be, leaves nothing behind: its source is an object of the plan, which is only read, and it goes to a key of
our own, where nothing is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum
from typing import Unpack

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import (
    CopyObject,
    DeleteObject,
    DeleteObjects,
    HeadObject,
    KeysDeleted,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
)
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadOpened,
    UploadPartCopy,
)
from s3plan.storage.conditions.probe import WRONG_ETAG
from s3plan.storage.conditions.probe_remains import remove_remains, remove_versions
from s3plan.storage.conditions.probe_requests import is_open, is_refusal
from s3plan.storage.conditions.trial_copies import CopyConditions, Sample
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_C = Condition
_PAIRS = ((_C.COPY_ABSENT, _C.COPY_MATCH), (_C.COMPLETE_ABSENT, _C.COMPLETE_MATCH), (_C.PUT_ABSENT, _C.PUT_MATCH))
_OF_UPLOADS = frozenset({_C.PART_SOURCE_MATCH, _C.COMPLETE_ABSENT, _C.COMPLETE_MATCH})


class TrialResult(Enum):
    """What the store did with wrong conditions."""

    REFUSED = "refused"  # as it should
    TAKEN = "taken"  # one of them at least
    UNTOLD = "untold"  # it answered something else: say, that the object to be copied is gone


def confirm(
    engine: Engine,
    bucket: str,
    stem: str,
    believed: Collection[Condition],
    *,
    sample: Sample | None,
    owner: str | None = None,
    patience: Patience | None = None,
) -> tuple[TrialResult, str]:
    """Return what the store does with the conditions in `believed`, and what it said if that is UNTOLD.

    `stem` is what the keys begin with, from new_probe_stem. Of the destination's two, If-Match stands for both where it
    is among them: tried on a key where nothing is, it needs no object. Conditions of copies and uploads need `sample`,
    those of uploads one that is not empty. Nothing is left behind. Raises StoreRefused, CredentialsUnusable.
    """
    session = _Session(engine, bucket, stem, owner, patience or Patience())
    try:
        for finding in _checks(session, frozenset(believed), sample):
            if finding is not TrialResult.REFUSED:
                return finding, session.last_words
        return TrialResult.REFUSED, ""
    finally:
        session.clean_up()


def may_leave_behind(believed: Collection[Condition]) -> bool:
    """Whether confirming these needs an object or an upload of our own, even if all are refused.

    It stays if the process is killed: remove_remains removes it then, by the stem.
    """
    return bool({_C.DELETE_MATCH, _C.BATCH_DELETE_MATCH, *_OF_UPLOADS} & set(believed)) or any(
        absent in believed and match not in believed for absent, match in _PAIRS
    )


def _checks(session: _Session, believed: frozenset[Condition], sample: Sample | None) -> Iterator[TrialResult]:
    if sample is not None:
        yield from _copies(session, believed, sample)
        if believed & _OF_UPLOADS:
            yield from _uploads(session, believed, sample)
    yield from _puts(session, believed)
    key = session.key("-own")
    if _C.BATCH_DELETE_MATCH in believed:
        session.make_own()
        reply = session.ask(DeleteObjects(session.bucket, [(key, WRONG_ETAG)], owner=session.owner))
        yield session.judge(reply.failures.get(key) if isinstance(reply, KeysDeleted) else reply)
    elif _C.DELETE_MATCH in believed:
        session.make_own()
        yield session.judge(session.ask(DeleteObject(session.bucket, key, if_match=WRONG_ETAG, owner=session.owner)))


def _copies(session: _Session, believed: frozenset[Condition], sample: Sample) -> Iterator[TrialResult]:
    if _C.COPY_SOURCE_MATCH in believed:
        yield session.judge(session.ask(session.copy(sample, "-copy", source_if_match=WRONG_ETAG)))
    if _C.COPY_MATCH in believed:
        # The sample is there, so what is not found is the object that If-Match expects.
        knows_sample = _C.COPY_SOURCE_MATCH in believed
        reply = session.ask(session.copy(sample, "-copy", if_match=WRONG_ETAG))
        yield session.judge(reply, missing_is_refusal=knows_sample)
    elif _C.COPY_ABSENT in believed:
        session.make_own()
        yield session.judge(session.ask(session.copy(sample, "-own", if_absent=True)))


def _puts(session: _Session, believed: frozenset[Condition]) -> Iterator[TrialResult]:
    body = b"s3plan, to be removed"
    if _C.PUT_MATCH in believed:
        request = PutObject(session.bucket, session.key("-put"), body, if_match=WRONG_ETAG, owner=session.owner)
        yield session.judge(session.ask(request), missing_is_refusal=True)
    elif _C.PUT_ABSENT in believed:
        session.make_own()
        request = PutObject(session.bucket, session.key("-own"), body, if_absent=True, owner=session.owner)
        yield session.judge(session.ask(request))


def _uploads(session: _Session, believed: frozenset[Condition], sample: Sample) -> Iterator[TrialResult]:
    """Parts of one byte, so that nothing is moved."""
    needs_own = _C.COMPLETE_ABSENT in believed and _C.COMPLETE_MATCH not in believed
    if needs_own:
        session.make_own()
    name = "-own" if needs_own else "-upload"
    upload_id = session.open_upload(sample, name)
    if upload_id is None:
        yield TrialResult.UNTOLD
        return
    if _C.PART_SOURCE_MATCH in believed:
        yield session.judge(session.ask(session.part(sample, name, upload_id, source_if_match=WRONG_ETAG)))
    if believed & {_C.COMPLETE_ABSENT, _C.COMPLETE_MATCH}:
        part = session.ask(session.part(sample, name, upload_id))
        if not isinstance(part, ObjectWritten) or part.etag is None:
            yield TrialResult.UNTOLD
            return
        complete = CompleteMultipartUpload(
            session.bucket,
            session.key(name),
            upload_id,
            [(1, part.etag)],
            if_absent=needs_own,
            if_match=None if needs_own else WRONG_ETAG,
            owner=session.owner,
            customer_key=sample.written_key,
        )
        yield session.judge(session.ask(complete), missing_is_refusal=True)


class _Session:
    """The requests of one confirmation, and what has to be removed after them."""

    def __init__(self, engine: Engine, bucket: str, stem: str, owner: str | None, patience: Patience) -> None:
        self.bucket = bucket
        self.owner = owner
        self.last_words = ""
        self._engine = engine
        self._stem = stem
        self._patience = patience
        self._made: set[str] = set()
        self._has_own = False
        self._has_versions = False
        self._uploads: list[tuple[str, str]] = []
        self._has_lost_uploads = False  # one may be open whose id is not known

    def key(self, name: str) -> str:
        return self._stem + name

    def make_own(self) -> None:
        """Put an object of our own at `-own`, once."""
        if self._has_own:
            return
        request = PutObject(self.bucket, self.key("-own"), b"s3plan, to be removed", owner=self.owner)
        self._made.add(request.key)
        reply = self._patience.call(self._engine, request)
        if isinstance(reply, Failure):
            raise self._refusal(reply)
        self._note_version(reply)
        self._has_own = True

    def copy(self, sample: Sample, name: str, **conditions: Unpack[CopyConditions]) -> CopyObject:
        return sample.copy_to(self.bucket, self.key(name), owner=self.owner, **conditions)

    def open_upload(self, sample: Sample, name: str) -> str | None:
        request = CreateMultipartUpload(
            self.bucket,
            self.key(name),
            ObjectAttributes(),
            encryption=sample.encryption,
            owner=self.owner,
            acl=sample.acl,
            customer_key=sample.written_key,
        )
        reply = self._patience.call_once(self._engine, request, on_retry=self._note_lost_upload)
        if isinstance(reply, Failure):
            self._note_lost_upload(reply)
        if isinstance(reply, Failure) and (reply.kind.is_unclear or reply.kind is FailureKind.CONFLICT):
            self._has_lost_uploads = True
            reply = self._patience.call(self._engine, request)
        reply = self._noted(request, reply)
        if not isinstance(reply, UploadOpened):
            self.judge(reply)
            return None
        self._uploads.append((request.key, reply.upload_id))
        return reply.upload_id

    def part(self, sample: Sample, name: str, upload_id: str, *, source_if_match: str | None = None) -> UploadPartCopy:
        """Return the request for a part of one byte."""
        return sample.part_to(
            self.bucket, self.key(name), upload_id, owner=self.owner, last_byte=0, source_if_match=source_if_match
        )

    def ask(self, request: Request) -> Reply:
        """Send until it is answered; raise for what is no answer, and for credentials that do not work."""
        return self._noted(request, self._patience.call(self._engine, request))

    def _noted(self, request: Request, reply: Reply) -> Reply:
        """Write down what a reply says of the objects there are; raise for what is no answer."""
        if isinstance(request, CopyObject | CompleteMultipartUpload | PutObject):
            may_be_there = not isinstance(reply, Failure) or reply.kind.is_unclear
            if may_be_there:
                self._made.add(request.key)
            self._note_version(reply)
        if is_open(reply) or (isinstance(reply, Failure) and reply.kind.is_credentials):
            raise self._refusal(reply)
        return reply

    def judge(self, reply: Reply | None, *, missing_is_refusal: bool = False) -> TrialResult:
        """Say what an answer to a wrong condition means; None: a batch delete said nothing against it."""
        if not isinstance(reply, Failure):
            return TrialResult.TAKEN
        if is_refusal(reply) or (missing_is_refusal and reply.kind is FailureKind.NOT_FOUND):
            return TrialResult.REFUSED
        self.last_words = str(reply)
        return TrialResult.UNTOLD

    def clean_up(self) -> None:
        """Remove what was made; raise StoreRefused if the store does not let us."""
        patience = self._patience.for_removal()
        for key, upload_id in self._uploads:
            abort = AbortMultipartUpload(self.bucket, key, upload_id, owner=self.owner)
            self._has_lost_uploads |= isinstance(patience.call(self._engine, abort), Failure)
        for key in sorted(self._made):
            reply = patience.call(self._engine, DeleteObject(self.bucket, key, owner=self.owner))
            if isinstance(reply, Failure) and not self._is_gone(key, reply):
                raise self._refusal(reply)
        if self._has_lost_uploads:
            remove_remains(self._engine, self.bucket, self._stem, owner=self.owner, patience=patience)
        elif self._has_versions:
            remove_versions(self._engine, self.bucket, self._stem, owner=self.owner, patience=patience)

    def _note_lost_upload(self, failure: Failure) -> None:
        self._has_lost_uploads |= failure.may_have_opened

    def _note_version(self, reply: Reply) -> None:
        self._has_versions |= isinstance(reply, ObjectWritten) and reply.version is not None

    def _is_gone(self, key: str, failure: Failure) -> bool:
        """Whether the object is gone, whatever its delete was answered."""
        if failure.kind is FailureKind.NOT_FOUND:
            return True
        found = self._patience.call(self._engine, HeadObject(self.bucket, key, owner=self.owner))
        return isinstance(found, Failure) and found.kind is FailureKind.NOT_FOUND

    def _refusal(self, failure: Failure) -> S3PlanError:
        return refusal_of(
            failure,
            bucket=self.bucket,
            doing="seeing whether the store still refuses wrong conditions",
            clock_offset_ms=self._engine.clock_offset_ms,
        )
