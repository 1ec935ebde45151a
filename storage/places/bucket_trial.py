"""Tries what may be read at a prefix of a bucket; changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from s3plan.schemas.connections.trials import Answer, Trial
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ARCHIVED_CLASSES, ObjectRow
from s3plan.schemas.permissions.table import actions_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import (
    Acknowledged,
    BucketFound,
    GetBucketEncryption,
    GetObject,
    GetObjectTags,
    HeadBucket,
    ListObjects,
    ObjectsPage,
    Reply,
    Request,
)
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_NOT_OFFERED = frozenset({FailureKind.UNSUPPORTED})
_MOST_PAGES = 10
_MOST_SECONDS = 5.0
_TIMED = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """What a listing has shown so far; `is_all`: it came to its end."""

    objects: int
    size_bytes: int
    is_all: bool


def trial_of(name: str, reply: Reply, *, permission: str | None, passes: tuple[FailureKind, ...] = ()) -> Trial:
    """Return what an answer says about what was asked; failures in `passes` are a yes, too."""
    if not isinstance(reply, Failure) or reply.kind in passes:
        return Trial(name, Answer.YES)
    if reply.kind is FailureKind.DENIED:
        return Trial(name, Answer.NO, permission, str(reply))
    if reply.kind in _NOT_OFFERED:
        return Trial(name, Answer.NO, None, str(reply), is_feature=True)
    if reply.kind in {FailureKind.NO_SUCH_BUCKET, FailureKind.WRONG_REGION}:
        return Trial(name, Answer.NO, None, str(reply))
    return Trial(name, Answer.UNKNOWN, None, str(reply))


def answer_to(request: Request, engine: Engine, *, bucket: str, patience: Patience) -> Reply:
    """Return the answer; raise CredentialsUnusable where none that these credentials get could be another."""
    reply = patience.call(engine, request)
    if isinstance(reply, Failure) and reply.kind.is_credentials:
        raise refusal_of(reply, bucket=bucket, doing="trying it", permission="", clock_offset_ms=engine.clock_offset_ms)
    return reply


class BucketTrial:
    """Asks the store of a location, each question by itself. Raises CredentialsUnusable, and no refusal."""

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        *,
        patience: Patience,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._location = location
        self._patience = patience
        self._clock_s = clock_s
        self._rows: list[ObjectRow] = []

    def latency_ms(self) -> float | None:
        """Return the median time of a few answers to the smallest question; None if there was none."""
        times: list[float] = []
        for _ in range(_TIMED):
            began_s = self._clock_s()
            reply = self._engine.call(HeadBucket(self._location.bucket))
            if not isinstance(reply, Failure) or reply.status is not None:
                times.append((self._clock_s() - began_s) * 1000)
        return median(times) if times else None

    def is_owned_by(self, account: str) -> bool | None:
        """Return whether the bucket is that account's; None where the store does not say."""
        with_owner = self._ask(HeadBucket(self._location.bucket, owner=account))
        if isinstance(with_owner, BucketFound):
            return True
        without = self._ask(HeadBucket(self._location.bucket))
        is_denied = isinstance(with_owner, Failure) and with_owner.kind is FailureKind.DENIED
        return False if is_denied and isinstance(without, BucketFound) else None

    def list_objects(self) -> Trial:
        """List one page."""
        page = self._ask(self._page_request(None))
        if isinstance(page, ObjectsPage):
            self._rows = list(page.rows)
        return trial_of("list objects", page, permission=actions_of("ListObjectsV2"))

    def read_object(self) -> Trial:
        """Read the first byte of the first object that is not archived."""
        name = "read objects"
        row = next((row for row in self._rows if row.storage_class not in ARCHIVED_CLASSES and _is_text(row.key)), None)
        if row is None:
            return Trial(name, Answer.UNKNOWN, None, "there is no object here that could be read")
        byte = 0 if row.size_bytes else None  # of an empty object no byte can be asked for
        reply = self._ask(
            GetObject(
                self._location.bucket,
                row.key.decode(),
                first_byte=byte,
                last_byte=byte,
                owner=self._location.owner,
            )
        )
        return trial_of(name, reply, permission=actions_of("GetObject"), passes=(FailureKind.ARCHIVED,))

    def read_tags(self) -> Trial:
        """Ask for the tags of the first object."""
        name = "read tags"
        key = next((row.key for row in self._rows if _is_text(row.key)), None)
        if key is None:
            return Trial(name, Answer.UNKNOWN, None, "there is no object here that could have some")
        reply = self._ask(GetObjectTags(self._location.bucket, key.decode(), owner=self._location.owner))
        return trial_of(name, reply, permission=actions_of("GetObjectTagging"))

    def read_encryption(self) -> Trial:
        """Ask for what new objects are encrypted by; a bucket without a default has answered, too."""
        reply = self._ask(GetBucketEncryption(self._location.bucket, owner=self._location.owner))
        has_none = isinstance(reply, Failure) and reply.status == 404 and reply.kind is not FailureKind.NO_SUCH_BUCKET
        return trial_of(
            "read the default encryption",
            Acknowledged() if has_none else reply,
            permission=actions_of("GetBucketEncryption"),
        )

    def count(self) -> Counted | None:
        """Count the first pages, as many as come within a few seconds; None if nothing can be listed."""
        objects = size_bytes = 0
        token: str | None = None
        until_s = self._clock_s() + _MOST_SECONDS
        for number in range(_MOST_PAGES):
            page = self._ask(self._page_request(token))
            if not isinstance(page, ObjectsPage):
                return Counted(objects, size_bytes, is_all=False) if number else None
            objects += len(page.rows)
            size_bytes += sum(row.size_bytes for row in page.rows)
            token = page.next_token
            if token is None:
                return Counted(objects, size_bytes, is_all=not page.truncated)
            if self._clock_s() >= until_s:
                break
        return Counted(objects, size_bytes, is_all=False)

    def _page_request(self, token: str | None) -> ListObjects:
        location = self._location
        return ListObjects(location.bucket, prefix=location.prefix, token=token, owner=location.owner)

    def _ask(self, request: Request) -> Reply:
        return answer_to(request, self._engine, bucket=self._location.bucket, patience=self._patience)


def _is_text(key: bytes) -> bool:
    """Whether a request can name a key."""
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
