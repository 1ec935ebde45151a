"""What a fault makes of an operation and of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from fakes.s3server.delivery import Delivery
from fakes.s3server.errors import S3Error
from fakes.s3server.faults import Fault, FaultKind
from fakes.s3server.messages import Dropped, Final, Later, Reply, Response, Silent, follow

GARBAGE = b"<html><head><title>Welcome</title></head><body>This is not what you were looking for.<br></body>"
OTHER_XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Welcome><Message>It works!</Message></Welcome>'
UNKNOWN_ENCODING = OTHER_XML.replace(b"UTF-8", b"UTF-0")
SURPLUS = b"HTTP/9.9 surplus"
_ELSEWHERE = "http://127.0.0.1:9/elsewhere"  # nobody listens there: whoever follows a redirect fails

ANSWERS: Mapping[FaultKind, str] = {
    FaultKind.SLOW_DOWN: "SlowDown",
    FaultKind.INTERNAL_ERROR: "InternalError",
    FaultKind.ACCESS_DENIED: "AccessDenied",
    FaultKind.EXPIRED_TOKEN: "ExpiredToken",
    FaultKind.CONFLICT: "ConditionalRequestConflict",
    FaultKind.ERROR_IN_200: "InternalError",
}
_REDIRECTS = frozenset({"PermanentRedirect", "TemporaryRedirect"})
_INSTEAD = frozenset(
    {*ANSWERS, FaultKind.ERROR, FaultKind.GARBAGE, FaultKind.OTHER_XML, FaultKind.UNKNOWN_ENCODING, FaultKind.EMPTY}
    | {FaultKind.REPLY_LOST, FaultKind.RESET, FaultKind.STALL}
)


class Refuse(Protocol):
    """Words an error for the request in hand; `status` instead of the one that belongs to its code."""

    def __call__(self, error: S3Error, /, *, status: int | None = None) -> Response: ...


def spoil(fault: Fault, *, perform: Callable[[], Reply], refuse: Refuse) -> Reply:
    """Run the operation by `perform`, or do not, and answer as the fault has it."""
    pause_s = 0.0 if fault.kind is FaultKind.TRICKLE else fault.delay_s
    if fault.kind not in _INSTEAD:
        if fault.after_commit:
            return follow(perform(), lambda final: _after(pause_s, lambda: _spoilt(final, fault)))
        return _after(pause_s, lambda: follow(perform(), lambda final: _spoilt(final, fault)))
    if fault.after_commit or fault.kind is FaultKind.REPLY_LOST:
        return follow(perform(), lambda _: _after(pause_s, lambda: _instead(fault, refuse)))
    return _after(pause_s, lambda: _instead(fault, refuse))


def _instead(fault: Fault, refuse: Refuse) -> Reply:
    match fault.kind:
        case FaultKind.RESET | FaultKind.REPLY_LOST:
            return Dropped(reset=fault.kind is FaultKind.RESET)
        case FaultKind.STALL:
            return Silent()
        case FaultKind.GARBAGE:
            return Response(200, {"content-type": "text/html"}, GARBAGE)
        case FaultKind.OTHER_XML:
            return Response(200, {"content-type": "application/xml"}, OTHER_XML)
        case FaultKind.UNKNOWN_ENCODING:
            return Response(200, {"content-type": "application/xml"}, UNKNOWN_ENCODING)
        case FaultKind.EMPTY:
            return Response(200)
        case FaultKind.ERROR_IN_200:
            return refuse(S3Error(ANSWERS[fault.kind]), status=200)
    code = fault.code if fault.kind is FaultKind.ERROR else ANSWERS[fault.kind]
    answer = refuse(S3Error(code))
    if code in _REDIRECTS:
        return replace(answer, headers={**answer.headers, "x-amz-bucket-region": fault.region, "location": _ELSEWHERE})
    return answer


def _spoilt(final: Final, fault: Fault) -> Reply:
    """Let the operation's own answer suffer on its way."""
    delivery = _delivery(fault)
    return replace(final, delivery=delivery) if isinstance(final, Response) and delivery is not None else final


def _delivery(fault: Fault) -> Delivery | None:
    match fault.kind:
        case FaultKind.RESET_MID_BODY:
            return Delivery(cut=True, reset=True)
        case FaultKind.CUT_BODY:
            return Delivery(cut=True)
        case FaultKind.LONG_BODY:
            return Delivery(surplus=SURPLUS)
        case FaultKind.TRICKLE:
            return Delivery(pause_s=fault.delay_s or 1.0)
        case FaultKind.FLIPPED_BIT:
            return Delivery(flip_seed=fault.seed)
        case _:
            return None


def _after(pause_s: float, run: Callable[[], Reply]) -> Reply:
    return Later(pause_s, run) if pause_s else run()
