"""An engine whose Nth request goes wrong in a chosen way; counts what was asked for and what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import CopyObject, ObjectWritten, Reply, Request
from s3plan.schemas.requests.uploads import CompleteMultipartUpload


class Fault(StrEnum):
    """How one request goes wrong."""

    LOST = "reply lost"  # executed, and nobody is told
    INTERNAL = "500"  # not executed
    BAD_REPLY = "bad reply"  # executed, answered with garbage
    SLOW_DOWN = "503"
    UNREACHABLE = "unreachable"
    CONFLICT = "409"
    DENIED = "AccessDenied"
    EXPIRED = "expired credentials"
    UNSUPPORTED = "501"
    KILLED = "killed before"  # the process dies before the request is sent
    KILLED_AFTER = "killed after"  # ... or before the reply is there


class ProcessKilled(BaseException):
    """Stands for SIGKILL: nothing that comes after it may be believed to have happened."""


_KINDS = {
    Fault.LOST: (FailureKind.TRANSIENT, "ReadTimeout", None),
    Fault.INTERNAL: (FailureKind.TRANSIENT, "InternalError", 500),
    Fault.BAD_REPLY: (FailureKind.BAD_REPLY, "BadReply", 200),
    Fault.SLOW_DOWN: (FailureKind.THROTTLED, "SlowDown", 503),
    Fault.UNREACHABLE: (FailureKind.UNREACHABLE, "ConnectError", None),
    Fault.CONFLICT: (FailureKind.CONFLICT, "ConditionalRequestConflict", 409),
    Fault.DENIED: (FailureKind.DENIED, "AccessDenied", 403),
    Fault.EXPIRED: (FailureKind.CREDENTIALS_EXPIRED, "ExpiredToken", 400),
    Fault.UNSUPPORTED: (FailureKind.UNSUPPORTED, "NotImplemented", 501),
}
_NAMES = {"ListObjects": "ListObjectsV2", "GetObjectTags": "GetObjectTagging"}
_EXECUTED = frozenset({Fault.LOST, Fault.BAD_REPLY, Fault.KILLED_AFTER})
FAULTS_THAT_PASS = tuple(fault for fault in Fault if fault not in {Fault.KILLED, Fault.KILLED_AFTER, Fault.UNSUPPORTED})


@dataclass(slots=True)
class Failing:
    """A fault for the `number`th request of one operation (None: of any), and as many after it as `times` says."""

    fault: Fault
    number: int = 1
    operation: type | None = None
    times: int = 1
    seen: int = 0

    def hits(self, request: Request) -> bool:
        if self.operation is not None and not isinstance(request, self.operation):
            return False
        self.seen += 1
        return self.number <= self.seen < self.number + self.times


class FaultyEngine:
    """See ports.Engine. `on_request` is called with each request before it is executed, to change what it will find."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._failing: list[Failing] = []
        self.clock_offset_ms = 0
        self.requests: list[Request] = []
        self.writes: Counter[str] = Counter()  # by key: how often an object came to be
        self.on_request: Callable[[Request], None] = lambda _: None
        self.answer: Callable[[Request, Reply], Reply] = lambda _, reply: reply

    def fail(self, fault: Fault, *, number: int = 1, operation: type | None = None, times: int = 1) -> None:
        self._failing.append(Failing(fault, number, operation, times))

    def mend(self) -> None:
        self._failing.clear()

    def asked(self, operation: type) -> int:
        """How many requests of one operation there were."""
        return sum(isinstance(request, operation) for request in self.requests)

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def call(self, request: Request) -> Reply:
        self.requests.append(request)
        self.on_request(request)
        fault = next((failing.fault for failing in self._failing if failing.hits(request)), None)
        reply: Reply | None = None
        if fault is None or fault in _EXECUTED:
            reply = self._engine.call(request)
            if isinstance(request, CopyObject | CompleteMultipartUpload) and isinstance(reply, ObjectWritten):
                self.writes[request.key] += 1
        if fault in {Fault.KILLED, Fault.KILLED_AFTER}:
            raise ProcessKilled
        if fault is not None:
            kind, code, status = _KINDS[fault]
            name = type(request).__name__
            reply = Failure(kind, _NAMES.get(name, name), code, "", status)
        assert reply is not None
        return self.answer(request, reply)

    def close(self) -> None:
        self._engine.close()
