"""What a trial may have made at a store, and its removal."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import DeleteObject, ObjectWritten, Reply, Request
from s3plan.schemas.requests.uploads import AbortMultipartUpload, CreateMultipartUpload, UploadOpened
from s3plan.storage.conditions.probe_remains import remove_remains, remove_versions
from s3plan.storage.s3.patience import Patience

_GONE = frozenset({FailureKind.NOT_FOUND, FailureKind.NO_SUCH_UPLOAD})


class TrialRemains:
    """Objects at keys that begin with `key`, and one upload, as far as it is known that they are there.

    `made` are the keys of objects to be removed, `upload_id` is the upload's while it is open. Once `remove` has been
    called, `is_clean` says whether everything is gone for certain, and `left` has the failures of what was refused.
    """

    def __init__(self, engine: Engine, bucket: str, key: str, *, owner: str | None, patience: Patience) -> None:
        self.made: list[str] = []
        self.upload_id: str | None = None
        self.is_clean = True
        self.left: list[Failure] = []
        self._engine = engine
        self._bucket = bucket
        self._key = key
        self._owner = owner
        self._patience = patience
        self._has_versions = False
        self._has_lost = False  # an upload whose id, or an object whose version, was never told

    def open_upload(self, create: CreateMultipartUpload) -> Reply:
        """Open the upload. A refusal may have opened one, too, each time that it was asked for."""
        reply = self._patience.call_once(self._engine, create, on_retry=self._note_lost_upload)
        if isinstance(reply, Failure):
            self._note_lost_upload(reply)
        elif isinstance(reply, UploadOpened):
            self.upload_id = reply.upload_id
        return reply

    def note_written(self, reply: Reply) -> None:
        """Take note of how the write of an object ended."""
        if isinstance(reply, Failure):
            self._has_lost |= reply.kind.is_unclear
        else:
            self._has_versions |= isinstance(reply, ObjectWritten) and reply.version is not None

    def remove(self) -> None:
        """Remove what may be there, as far as the store lets us; raises only what `before_removal` does."""
        patience, owner = self._patience.for_removal(), self._owner
        removals: list[Request] = [DeleteObject(self._bucket, made, owner=owner) for made in self.made]
        if self.upload_id is not None:
            removals.insert(0, AbortMultipartUpload(self._bucket, self._key, self.upload_id, owner=owner))
        for removal in removals:
            reply = patience.call(self._engine, removal)
            if isinstance(reply, Failure) and reply.kind not in _GONE:
                self.left.append(reply)
                self.is_clean = False
        if self._has_lost:
            self.is_clean &= remove_remains(self._engine, self._bucket, self._key, owner=owner, patience=patience)
        elif self._has_versions:
            remove_versions(self._engine, self._bucket, self._key, owner=owner, patience=patience)

    def _note_lost_upload(self, failure: Failure) -> None:
        self._has_lost |= failure.may_have_opened
