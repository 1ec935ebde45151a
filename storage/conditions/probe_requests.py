"""What a probe sends: objects and uploads of its own, told apart from everybody else's by their keys, and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from string import ascii_lowercase
from typing import TypeGuard, TypeVar, Unpack

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import (
    CopyObject,
    DeleteObject,
    DeleteObjects,
    HeadObject,
    KeysDeleted,
    ObjectFound,
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
from s3plan.storage.conditions.probe_remains import remove_remains, remove_versions
from s3plan.storage.conditions.trial_copies import CopyConditions, Sample
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_REFUSALS = frozenset({FailureKind.PRECONDITION, FailureKind.CONFLICT})
# What a store may say to a condition that it does not know, or to a request of a kind that it does not offer.
_IGNORANCE = frozenset(
    {
        FailureKind.UNSUPPORTED,
        FailureKind.INVALID,
        FailureKind.INVALID_PART,
        FailureKind.MALFORMED_XML,
        FailureKind.NOT_FOUND,
        FailureKind.NO_SUCH_UPLOAD,
    }
)

_NO_ETAG = "none"  # a text that is no object's
_CONFLICTS = 3  # in a row, of one request that has nobody to conflict with


class UnclearAnswer(Exception):
    """The store may or may not have executed a request, so nothing can be told from what follows."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


_Replies = SimpleQueue[tuple[Request, Reply]]
_Found = TypeVar("_Found")
# Made again whenever a step finds them gone; their contents differ, so that their ETags do.
_BODIES = {"-source": b"s3plan probe, to be removed: one", "-other": b"s3plan probe, to be removed: two"}


def _hand_over(replies: _Replies, request: Request, reply: Reply) -> None:
    replies.put((request, reply))


def is_refusal(reply: Reply | None) -> bool:
    """Whether a reply says that a condition did not hold."""
    return isinstance(reply, Failure) and reply.kind in _REFUSALS


def is_open(reply: Reply) -> TypeGuard[Failure]:
    """Whether a reply says nothing of conditions: not executed, or perhaps."""
    if not isinstance(reply, Failure) or reply.kind in _REFUSALS:
        return False
    return reply.kind.is_unclear or reply.kind.is_retryable


class Probe:
    """The requests of one probe, and what they have made. Keys are named by their suffix: `-source`."""

    def __init__(self, engine: Engine, bucket: str, prefix: str, *, owner: str | None, patience: Patience) -> None:
        self.bucket = bucket
        self.owner = owner
        self._engine = engine
        self._stem = new_probe_stem(prefix)
        self._patience = patience
        self._made: dict[str, str | None] = {}  # key: ETag, where it is known
        self._uploads: dict[str, str] = {}  # id: key
        self._names = 0
        self._has_versions = False
        self._has_lost_uploads = False  # one may be open whose id is not known
        self._left: Failure | None = None  # why an object could not be removed

    @property
    def stem(self) -> str:
        """What every key of this probe begins with; no other probe's does."""
        return self._stem

    def key(self, name: str) -> str:
        """Return the whole key."""
        return self._stem + name

    def etag(self, name: str) -> str | None:
        """Return the ETag that the last write of this key gave, if it gave one."""
        return self._made.get(self.key(name))

    def begin(self) -> None:
        """See that what is made can be removed again, before anything is made."""
        self.take(DeleteObject(self.bucket, self.key("-source"), owner=self.owner))

    def fresh_name(self, name: str) -> str:
        """Return the name with letters behind it that make it one of a key that was never there."""
        number, letters = self._names, ""
        self._names += 1
        while number >= 0:
            number, letter = divmod(number, len(ascii_lowercase))
            number, letters = number - 1, ascii_lowercase[letter] + letters
        return name + letters

    def settle(self, step: Callable[[], _Found]) -> _Found:
        """Return what a step finds; begun again, after a pause, as long as answers leave open what the store did.

        Raises UnclearAnswer when patience ends, and whatever else the step does.
        """
        for attempt in range(self._patience.attempts - 1):
            try:
                return step()
            except UnclearAnswer as unclear:
                pause_s = self._patience.pause_s(attempt, retry_after_s=unclear.failure.retry_after_s)
                self._patience.sleep(pause_s)
        return step()

    def write(self, name: str) -> None:
        """Put `-source` or `-other`, without conditions."""
        self.take(PutObject(self.bucket, self.key(name), _BODIES[name], owner=self.owner))

    def ensure(self, name: str) -> None:
        """Make `-source`, `-other` or `-target` again if an earlier try of a step may have removed it."""
        if self.etag(name) is None and self.current_etag(name) == _NO_ETAG:
            if name in _BODIES:
                self.write(name)
            else:
                self.take(self.copy("-source", name))

    def copy(self, source: str, to: str, **conditions: Unpack[CopyConditions]) -> CopyObject:
        """Return the request to copy one of the probe's objects."""
        return self._own(source).copy_to(self.bucket, self.key(to), owner=self.owner, **conditions)

    def part(self, to: str, upload_id: str, *, source_if_match: str | None = None) -> UploadPartCopy:
        """Return the request to make `-source` the one part of an upload."""
        return self._own("-source").part_to(
            self.bucket, self.key(to), upload_id, owner=self.owner, source_if_match=source_if_match
        )

    def open_upload(self, name: str) -> str | None:
        """Return the id of a new upload for the key; None where the store has no multipart uploads."""
        request = CreateMultipartUpload(self.bucket, self.key(name), ObjectAttributes(), owner=self.owner)
        reply = self.ask(request, doing="opening an upload")
        if isinstance(reply, UploadOpened):
            self._uploads[reply.upload_id] = request.key
            return reply.upload_id
        return None

    def current_etag(self, name: str) -> str:
        """Return the ETag that the object has now; one that nothing has if there is no object."""
        known = self.etag(name)
        if known is not None:
            return known
        reply = self.ask(HeadObject(self.bucket, self.key(name), owner=self.owner), doing="looking at its object")
        return reply.etag if isinstance(reply, ObjectFound) else _NO_ETAG

    def take(self, request: Request) -> None:
        """Send a request that has no condition, so must be taken, and may be executed twice."""
        reply = self.settle(lambda: self.ask_in_peace(request, doing="making its objects"))
        if isinstance(reply, Failure):
            raise self._refusal(reply, "making its objects")

    def is_refused(self, request: Request) -> bool:
        """Whether the store refuses a request whose condition does not hold."""
        return is_refusal(self.ask(request, doing="trying a condition that does not hold"))

    def is_taken(self, request: Request) -> bool:
        """Whether the store executes a request whose condition holds."""
        return not isinstance(self.ask_in_peace(request, doing="trying a condition that holds"), Failure)

    def attempt(self, request: Request) -> str | None:
        """Return the ETag that a write gives; None if it gives none or is refused."""
        reply = self.ask_in_peace(request, doing="copying a part")
        return reply.etag if isinstance(reply, ObjectWritten) else None

    def ask(self, request: Request, *, doing: str) -> Reply:
        """Send; return the reply or a failure that is an answer to a condition.

        Raises UnclearAnswer, and what refusal_of gives for every other failure.
        """
        self._note(request)
        reply = self._patience.call_once(self._engine, request, on_retry=partial(self._note_lost_upload, request))
        return self._judged(reply, request, doing)

    def ask_in_peace(self, request: Request, *, doing: str) -> Reply:
        """Send a request that nothing speaks against; again if it met another write, which says nothing of the store.

        Raises as `ask` does.
        """
        for attempt in range(_CONFLICTS):
            reply = self.ask(request, doing=doing)
            if not (isinstance(reply, Failure) and reply.kind is FailureKind.CONFLICT):
                return reply
            self._patience.sleep(self._patience.pause_s(attempt))
        return self.ask(request, doing=doing)

    def send_at_once(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Send all before the first reply is looked at; replies in the order of their coming, unclear ones too."""
        replies: _Replies = SimpleQueue()
        self._patience.before_each()
        for request in requests:
            self._note(request)
            self._engine.submit(request, partial(_hand_over, replies, request))
        came = [replies.get() for _ in requests]
        for request, reply in came:
            self._keep(reply, request)
        return [reply if is_open(reply) else self._judged(reply, request, "racing") for request, reply in came]

    def clean_up(self) -> None:
        """Remove what was made, as far as the store lets us; raises only what `before_removal` does."""
        patience = self._patience.for_removal()
        for upload_id, key in list(self._uploads.items()):
            abort = AbortMultipartUpload(self.bucket, key, upload_id, owner=self.owner)
            self._has_lost_uploads |= isinstance(patience.call(self._engine, abort), Failure)
        keys = [(key, None) for key in self._made]
        reply = patience.call(self._engine, DeleteObjects(self.bucket, keys, owner=self.owner)) if keys else None
        deleted = reply.deleted if isinstance(reply, KeysDeleted) else frozenset()
        for key in self._made.keys() - deleted:
            single = patience.call(self._engine, DeleteObject(self.bucket, key, owner=self.owner))
            if isinstance(single, Failure) and single.kind is not FailureKind.NOT_FOUND:
                self._left = single
        if self._has_lost_uploads:
            remove_remains(self._engine, self.bucket, self._stem, owner=self.owner, patience=patience)
        elif self._has_versions:
            remove_versions(self._engine, self.bucket, self._stem, owner=self.owner, patience=patience)

    def check_clean(self) -> None:
        """Raise what refusal_of gives if `clean_up` could not remove an object."""
        if self._left is not None:
            raise self._refusal(self._left, "removing its objects")

    def _own(self, name: str) -> Sample:
        return Sample(self.bucket, self.key(name), owner=self.owner)

    def _note(self, request: Request) -> None:
        """Write down what a request may make before it is sent: its reply may be lost."""
        if isinstance(request, CopyObject | PutObject | CreateMultipartUpload):
            self._made.setdefault(request.key, None)

    def _keep(self, reply: Reply, request: Request) -> None:
        """Write down what a reply says of the objects and uploads there are; an unclear one, that it is not known."""
        is_unclear = isinstance(reply, Failure) and reply.kind.is_unclear
        if isinstance(reply, Failure):
            self._note_lost_upload(request, reply)
        if isinstance(request, CopyObject | PutObject | CompleteMultipartUpload):
            if isinstance(reply, ObjectWritten):
                self._made[request.key] = reply.etag
                self._has_versions |= reply.version is not None
            elif is_unclear:
                self._made[request.key] = None
        elif isinstance(request, DeleteObject | DeleteObjects) and is_unclear:
            keys = [request.key] if isinstance(request, DeleteObject) else [key for key, _ in request.keys]
            self._made.update((key, None) for key in keys if key in self._made)
        if isinstance(reply, ObjectWritten) and isinstance(request, CompleteMultipartUpload):
            self._uploads.pop(request.upload_id, None)

    def _note_lost_upload(self, request: Request, failure: Failure) -> None:
        self._has_lost_uploads |= isinstance(request, CreateMultipartUpload) and failure.may_have_opened

    def _judged(self, reply: Reply, request: Request, doing: str) -> Reply:
        self._keep(reply, request)
        if is_open(reply):
            raise UnclearAnswer(reply)
        if not isinstance(reply, Failure) or reply.kind in _REFUSALS or reply.kind in _IGNORANCE:
            return reply
        raise self._refusal(reply, doing)

    def _refusal(self, failure: Failure, doing: str) -> S3PlanError:
        return refusal_of(
            failure,
            bucket=self.bucket,
            doing=f"probing what the store enforces ({doing})",
            clock_offset_ms=self._engine.clock_offset_ms,
        )
