"""Asks once more where the first answer says too little, or may be about a header that the store does not know.

An engine sends each request once; so does this one, but for four cases in which nothing can have been executed:

- HEAD answered by a bare 400: expired credentials and a wrong region look like that, since an answer to HEAD has no
  body. A listing of that one key is asked for instead, and its refusal is the reason.
- HEAD, GET or a copy answered by 400 or 501, at a store of which is not known, and was not seen yet, that it takes the
  header of ours that it can do without: checksums with HEAD and GET, no annotations with a copy. Sent again without it.
  If that helps, it is left out from then on; once the store has taken it, such an answer is no more than what it says.
  Of a store that the table of stores has without it, nobody is asked: it is left out at once.
- HEAD with checksums answered by 403: of objects that are encrypted with KMS they need a right of their own
  (`kms:Decrypt`). Sent again without; if that helps, the object is there. The next one is asked with them again.

What keeps a promise is never left out: conditions, expected owners, who pays.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from enum import Enum, auto

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import (
    BucketFound,
    CopyObject,
    GetObject,
    HeadBucket,
    HeadObject,
    ListObjects,
    ObjectsPage,
    Reply,
    Request,
)
from s3plan.schemas.stores.quirks import StoreQuirks, Support

_REFUSED_HEADER = frozenset({400, 501})
_DENIED = 403
_Conversation = Generator[Request, Reply, Reply]


class _Header(Enum):
    """What we send that a store need not know."""

    CHECKSUMS = auto()
    ANNOTATIONS = auto()


class _Habit(Enum):
    """What is known of a store and a header."""

    UNKNOWN = auto()
    TAKEN = auto()
    LEFT_OUT = auto()


# What is a conversation only for the sake of a header.
_ONLY_FOR: Mapping[_Header, type[Request]] = {_Header.CHECKSUMS: GetObject, _Header.ANNOTATIONS: CopyObject}
_HABITS = {Support.YES: _Habit.TAKEN, Support.NO: _Habit.LEFT_OUT, Support.UNKNOWN: _Habit.UNKNOWN}


class TolerantEngine:
    """See the module, and ports.Engine. `quirks` is the row of the store in the table of stores."""

    def __init__(self, engine: Engine, quirks: StoreQuirks) -> None:
        self._engine = engine
        self._habits = {
            _Header.CHECKSUMS: _HABITS[quirks.states_checksums],
            _Header.ANNOTATIONS: _HABITS[quirks.has_annotations],
        }
        self._talks: set[type[Request]] = {HeadObject, HeadBucket}
        self._talks |= {_ONLY_FOR[header] for header, habit in self._habits.items() if habit is not _Habit.TAKEN}

    @property
    def clock_offset_ms(self) -> int:
        """That of the engine within."""
        return self._engine.clock_offset_ms

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        """Send; `on_reply` is called exactly once, on any thread."""
        if type(request) not in self._talks:  # nearly all: this is the hot path
            self._engine.submit(request, on_reply)
            return
        _Talk(self._engine, self._conversation(request), on_reply).begin()

    def call(self, request: Request) -> Reply:
        """Send and wait for the reply."""
        if type(request) not in self._talks:
            return self._engine.call(request)
        conversation = self._conversation(request)
        request = next(conversation)
        while True:
            try:
                request = conversation.send(self._engine.call(request))
            except StopIteration as end:
                reply: Reply = end.value
                return reply

    def close(self) -> None:
        """Close the engine within."""
        self._engine.close()

    def _conversation(self, request: Request) -> _Conversation:
        """Return what to send and to make of the replies."""
        match request:
            case CopyObject():
                return self._copy(request)
            case HeadObject():
                return self._head(request)
            case GetObject():
                return self._get(request)
            case HeadBucket():
                return _head_bucket(request)
        raise TypeError(f"{type(request).__name__} is sent as it is")

    def _with_or_without(self, header: _Header, request: Request, without: Request) -> _Conversation:
        """Send a header as long as the store was not seen to refuse it; what goes without it shows nothing of that."""
        if self._habits[header] is _Habit.LEFT_OUT or request == without:
            return (yield without)
        reply = yield request
        if self._habits[header] is _Habit.TAKEN:
            return reply
        if not _may_be_about_a_header(reply):
            if not isinstance(reply, Failure):
                self._habits[header] = _Habit.TAKEN
                self._talks.discard(_ONLY_FOR[header])
            return reply
        second = yield without
        if _may_be_about_a_header(second):
            return reply
        self._habits[header] = _Habit.LEFT_OUT
        return second

    def _copy(self, request: CopyObject) -> _Conversation:
        return self._with_or_without(_Header.ANNOTATIONS, request, replace(request, leaves_annotations=False))

    def _get(self, request: GetObject) -> _Conversation:
        return self._with_or_without(_Header.CHECKSUMS, request, replace(request, with_checksums=False))

    def _head(self, request: HeadObject) -> _Conversation:
        without = replace(request, with_checksums=False)
        reply = yield from self._with_or_without(_Header.CHECKSUMS, request, without)
        is_denied = isinstance(reply, Failure) and reply.status == _DENIED and reply.kind is FailureKind.DENIED
        if is_denied and request.with_checksums and self._habits[_Header.CHECKSUMS] is not _Habit.LEFT_OUT:
            reply = yield without
        if not _says_nothing(reply):
            return reply
        listed = yield ListObjects(request.bucket, prefix=request.key, max_keys=1, owner=request.owner)
        return _reason_of(listed, reply)


class _Talk:
    """One conversation under way.

    Not a function that hands itself on: that would be a cycle, which keeps the room that an answer is poured into until
    the collector comes, and where all wait for room it never does.
    """

    __slots__ = ("_conversation", "_engine", "_on_reply")

    def __init__(self, engine: Engine, conversation: _Conversation, on_reply: Callable[[Reply], None]) -> None:
        self._engine = engine
        self._conversation = conversation
        self._on_reply = on_reply

    def begin(self) -> None:
        """Send what comes first."""
        self._engine.submit(next(self._conversation), self._go_on)

    def _go_on(self, reply: Reply) -> None:
        try:
            further = self._conversation.send(reply)
        except StopIteration as end:
            self._on_reply(end.value)
            return
        try:
            self._engine.submit(further, self._go_on)
        except Exception:  # noqa: BLE001  closed, or stopped by its guard: the first answer is all there will be
            self._on_reply(reply)


def _head_bucket(request: HeadBucket) -> _Conversation:
    reply = yield request
    if not _says_nothing(reply):
        return reply
    listed = yield ListObjects(request.bucket, max_keys=1, owner=request.owner)
    return BucketFound(None) if isinstance(listed, ObjectsPage) else _reason_of(listed, reply)


def _may_be_about_a_header(reply: Reply) -> bool:
    if not isinstance(reply, Failure) or reply.status not in _REFUSED_HEADER:
        return False
    return reply.kind in (FailureKind.INVALID, FailureKind.UNSUPPORTED)


def _says_nothing(reply: Reply) -> bool:
    return isinstance(reply, Failure) and reply.kind is FailureKind.INVALID and reply.status == 400


def _reason_of(listed: Reply, reply: Reply) -> Reply:
    """Return why HEAD was refused, if the listing was refused for something that would be the reason."""
    if not isinstance(listed, Failure) or not isinstance(reply, Failure):
        return reply
    is_reason = listed.kind.is_credentials or listed.kind in (FailureKind.WRONG_REGION, FailureKind.UNREACHABLE)
    return replace(listed, operation=reply.operation) if is_reason else reply
