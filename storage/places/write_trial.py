"""Tries what may be written and deleted at a prefix of a bucket, by objects of its own that are removed again.

Their keys are those of probes, which listings of jobs leave out.
"""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.connections.trials import Answer, Trial
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.permissions.table import When, actions_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import (
    Acknowledged,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    GetObject,
    GetObjectTags,
    HeadObject,
    KeysDeleted,
    ObjectFound,
    ObjectRead,
    ObjectWritten,
    PutObject,
    Reply,
    Request,
    TagsFound,
)
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    UploadOpened,
    UploadPart,
)
from s3plan.storage.conditions.probe_remains import remove_remains
from s3plan.storage.places.bucket_trial import answer_to, trial_of
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan tries this connection and removes this object again"
_TAGS = {"s3plan": "trial"}
_PUT, _DELETE = actions_of("PutObject"), actions_of("DeleteObject")
_COPY = actions_of("CopyObject", When.ALWAYS, When.CURRENT, When.COPIED_TAGS)
_LEAVES_WELL = frozenset({FailureKind.NOT_FOUND, FailureKind.NO_SUCH_UPLOAD})


class WriteTrial:
    """One trial at a location, under keys that begin with `stem`. `clean_up` must be called, whatever was raised."""

    def __init__(self, engine: Engine, location: PlanLocation, *, stem: str, patience: Patience) -> None:
        self._engine = engine
        self._location = location
        self._stem = stem
        self._patience = patience
        self._made: dict[str, None] = {}
        self._uploads: dict[str, str] = {}  # id: key
        self._has_made = False  # something, perhaps: also where a reply was lost
        self.is_writable = False
        """Whether an object was written, and deleted again: what conditions are probed with."""

    def trials(self) -> Iterator[Trial]:
        """Try one thing after another; a trial whose ground is missing is unknown."""
        put = self._send(PutObject(self._bucket, self._key("-put"), _BODY, owner=self._owner))
        yield trial_of("write objects", put, permission=_PUT)
        has_put = isinstance(put, ObjectWritten)
        yield self._read_back(has_put=has_put)
        yield from self._tags(has_put=has_put)
        yield self._copy(has_put=has_put)
        yield from self._multipart()
        yield from self._delete(has_put=has_put)

    def clean_up(self) -> bool:
        """Remove what was made, as far as the store lets us; return whether nothing is left. Never raises."""
        if not self._has_made:
            return True
        is_clean = True
        for upload_id, key in self._uploads.items():
            is_clean &= self._removes(AbortMultipartUpload(self._bucket, key, upload_id, owner=self._owner))
        for key in self._made:
            is_clean &= self._removes(DeleteObject(self._bucket, key, owner=self._owner))
        finds_none = remove_remains(self._engine, self._bucket, self._stem, owner=self._owner, patience=self._patience)
        return finds_none and is_clean

    def _removes(self, request: Request) -> bool:
        reply = self._patience.call(self._engine, request)
        return not isinstance(reply, Failure) or reply.kind in _LEAVES_WELL

    def _read_back(self, *, has_put: bool) -> Trial:
        name = "read what was written"
        if not has_put:
            return _groundless(name, "no object could be written")
        reply = self._ask(GetObject(self._bucket, self._key("-put"), owner=self._owner))
        if isinstance(reply, ObjectRead) and reply.body != _BODY:
            return Trial(name, Answer.NO, None, "the store gave other bytes than it was given")
        return trial_of(name, reply, permission=actions_of("GetObject"))

    def _tags(self, *, has_put: bool) -> Iterator[Trial]:
        written, read = "write tags", "read the tags again"
        if not has_put:
            yield _groundless(written, "no object could be written")
            yield _groundless(read, "no object could be written")
            return
        key = self._key("-tags")
        attributes = ObjectAttributes(tags=_TAGS)
        put = self._send(PutObject(self._bucket, key, _BODY, attributes=attributes, owner=self._owner))
        tagged = key if isinstance(put, ObjectWritten) else self._key("-put")
        found = self._ask(GetObjectTags(self._bucket, tagged, owner=self._owner))
        is_lost = isinstance(put, ObjectWritten) and isinstance(found, TagsFound) and dict(found.tags) != _TAGS
        if is_lost:
            yield Trial(written, Answer.NO, None, "the store takes them and does not keep them", is_feature=True)
        else:
            trial = trial_of(written, put, permission=actions_of("PutObject", When.TAGS))
            is_other = isinstance(put, Failure) and put.kind is FailureKind.INVALID
            yield Trial(written, Answer.NO, None, trial.said, is_feature=True) if is_other else trial
        yield trial_of(read, found, permission=actions_of("GetObjectTagging"))

    def _copy(self, *, has_put: bool) -> Trial:
        name = "copy objects"
        if not has_put:
            return _groundless(name, "no object could be written")
        request = CopyObject(
            self._bucket,
            self._key("-copy"),
            self._bucket,
            self._key("-put"),
            owner=self._owner,
            source_owner=self._owner,
        )
        return trial_of(name, self._send(request), permission=_COPY)

    def _multipart(self) -> Iterator[Trial]:
        whole, aborted = "write in parts", "abort uploads"
        key = self._key("-parts")
        opened = self._open(key)
        if not isinstance(opened, UploadOpened):
            yield trial_of(whole, opened, permission=_PUT)
            for name in ("list open uploads", "list parts", aborted):
                yield _groundless(name, "no upload could be opened")
            return
        part = self._ask(UploadPart(self._bucket, key, opened.upload_id, 1, _BODY, owner=self._owner))
        uploads = self._ask(ListMultipartUploads(self._bucket, self._stem, owner=self._owner))
        parts = self._ask(ListParts(self._bucket, key, opened.upload_id, owner=self._owner))
        etag = part.etag if isinstance(part, ObjectWritten) else None
        if etag is None:
            yield (
                trial_of(whole, part, permission=_PUT)
                if isinstance(part, Failure)
                else _groundless(whole, "the store said no ETag of a part")
            )
        else:
            done = self._send(
                CompleteMultipartUpload(self._bucket, key, opened.upload_id, [(1, etag)], owner=self._owner)
            )
            if isinstance(done, Failure) and self._is_there(key):
                done = Acknowledged()  # its reply was lost, and the upload is gone
            if not isinstance(done, Failure):
                self._made[key] = None
                self._uploads.pop(opened.upload_id, None)
            yield trial_of(whole, done, permission=_PUT)
        yield trial_of("list open uploads", uploads, permission=actions_of("ListMultipartUploads"))
        yield trial_of("list parts", parts, permission=actions_of("ListParts"))
        yield self._abort(aborted)

    def _abort(self, name: str) -> Trial:
        key = self._key("-abort")
        opened = self._open(key)
        if not isinstance(opened, UploadOpened):
            return _groundless(name, "no second upload could be opened")
        reply = self._ask(AbortMultipartUpload(self._bucket, key, opened.upload_id, owner=self._owner))
        trial = trial_of(
            name,
            reply,
            permission=actions_of("AbortMultipartUpload"),
            passes=(FailureKind.NO_SUCH_UPLOAD,),  # of one that was just opened: an answer before was lost
        )
        if trial.answer is Answer.YES:
            del self._uploads[opened.upload_id]
        return trial

    def _delete(self, *, has_put: bool) -> Iterator[Trial]:
        single, many = "delete objects", "delete many at once"
        if not has_put:
            yield _groundless(single, "no object could be written")
            yield _groundless(many, "no object could be written")
            return
        keys = [key for key in self._made if key != self._key("-put")] or [self._key("-put")]
        reply = self._ask(DeleteObjects(self._bucket, [(key, None) for key in keys], owner=self._owner))
        refused = next(iter(reply.failures.values()), None) if isinstance(reply, KeysDeleted) else None
        batch = trial_of(many, reply if refused is None else refused, permission=_DELETE)
        if isinstance(reply, KeysDeleted):
            for key in reply.deleted:
                self._made.pop(key, None)
        put = self._key("-put")
        deleted = self._ask(DeleteObject(self._bucket, put, owner=self._owner))
        trial = trial_of(single, deleted, permission=_DELETE)
        if trial.answer is Answer.YES and self._is_there(put):
            trial = Trial(single, Answer.UNKNOWN, None, "the store says that it is deleted, and shows it still")
        if trial.answer is Answer.YES:
            self._made.pop(put, None)
        self.is_writable = trial.answer is Answer.YES
        yield trial
        yield batch

    @property
    def _bucket(self) -> str:
        return self._location.bucket

    @property
    def _owner(self) -> str | None:
        return self._location.owner

    def _key(self, name: str) -> str:
        return self._stem + name

    def _open(self, key: str) -> Reply:
        reply = self._ask_to_make(CreateMultipartUpload(self._bucket, key, ObjectAttributes(), owner=self._owner))
        if isinstance(reply, UploadOpened):
            self._uploads[reply.upload_id] = key
        return reply

    def _send(self, request: PutObject | CopyObject | CompleteMultipartUpload) -> Reply:
        """Ask for an object to be made; it is noted before, as its reply may be lost."""
        self._made[request.key] = None
        reply = self._ask_to_make(request)
        if isinstance(reply, Failure) and not reply.kind.is_unclear and not reply.kind.is_retryable:
            self._made.pop(request.key, None)
        return reply

    def _ask_to_make(self, request: Request) -> Reply:
        had_made, self._has_made = self._has_made, True
        reply = self._ask(request)
        if isinstance(reply, Failure) and not reply.kind.is_unclear and not reply.kind.is_retryable:
            self._has_made = had_made
        return reply

    def _is_there(self, key: str) -> bool:
        return isinstance(self._ask(HeadObject(self._bucket, key, owner=self._owner)), ObjectFound)

    def _ask(self, request: Request) -> Reply:
        return answer_to(request, self._engine, bucket=self._bucket, patience=self._patience)


def _groundless(name: str, why: str) -> Trial:
    return Trial(name, Answer.UNKNOWN, None, why)
