"""What goes wrong with one request of a campaign, where that makes sense, and how a run may end that met it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from fakes.s3server import Fault, FaultKind

WRITES = frozenset({"CopyObject", "UploadPartCopy", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects"})
_DELETES = frozenset({"DeleteObject", "AbortMultipartUpload"})
_HEADS = frozenset({"HeadObject", "HeadBucket"})
_CONDITIONAL = frozenset({"CopyObject", "CompleteMultipartUpload", "DeleteObject"})
_DONE = frozenset({0})
_CREDENTIALS = frozenset({10})
# A bucket that may not be looked at is listed and written to all the same, and then nothing is wrong.
_REFUSED = frozenset({0, 1, 3})


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """`rule` is a fault for one request; `only` and `never` name operations; `ends` are the exit codes that may be."""

    name: str
    rule: Fault
    ends: frozenset[int] = _DONE
    only: Collection[str] = ()
    never: Collection[str] = ()
    spoils_content: bool = False  # what the client reads is wrong and cannot be known to be

    def at(self, number: int, operations: Sequence[str]) -> Fault:
        """The fault for request number N, from 1, of those that a run without faults sent.

        It hits the same operation for as many times as that one had been asked by then: what is asked at once comes
        in any order.
        """
        operation = operations[number - 1]
        return replace(self.rule, operation=operation, after=operations[: number - 1].count(operation))

    def makes_sense_for(self, operation: str) -> bool:
        return operation not in self.never and (not self.only or operation in self.only)


def _both(name: str, kind: FaultKind, **more: object) -> list[Disturbance]:
    """The same before the operation, which then does not run, and after it."""
    rules = {f"{name} before": False, f"{name} after": True}
    return [
        Disturbance(name=said, rule=Fault(kind=kind, after_commit=after), **more)  # type: ignore[arg-type]
        for said, after in rules.items()
    ]


def _error(code: str, *, after_commit: bool = False) -> Fault:
    return Fault(kind=FaultKind.ERROR, code=code, after_commit=after_commit)


PASSING: Sequence[Disturbance] = (
    *_both("slow down", FaultKind.SLOW_DOWN),
    *_both("500", FaultKind.INTERNAL_ERROR),
    *_both("error in 200", FaultKind.ERROR_IN_200, never=_HEADS),
    *_both("garbage", FaultKind.GARBAGE),
    *_both("other xml", FaultKind.OTHER_XML),
    *_both("unknown encoding", FaultKind.UNKNOWN_ENCODING),
    *_both("empty", FaultKind.EMPTY, never=_DELETES),  # which says that it is deleted
    *_both("reset", FaultKind.RESET),
    *_both("stall", FaultKind.STALL),
    *_both("409", FaultKind.CONFLICT, only=WRITES),
    Disturbance(name="reply lost", rule=Fault(kind=FaultKind.REPLY_LOST)),
    Disturbance(name="reset mid-body", rule=Fault(kind=FaultKind.RESET_MID_BODY)),
    Disturbance(name="body cut", rule=Fault(kind=FaultKind.CUT_BODY)),
    Disturbance(name="body too long", rule=Fault(kind=FaultKind.LONG_BODY)),
    Disturbance(name="one byte at a time", rule=Fault(kind=FaultKind.TRICKLE, delay_s=0.002)),
    Disturbance(name="503 service unavailable", rule=_error("ServiceUnavailable")),
    Disturbance(name="request timeout", rule=_error("RequestTimeout"), never=_HEADS),
    Disturbance(name="bad digest", rule=_error("BadDigest"), only={"DeleteObjects", "PutObject"}),
    Disturbance(name="409 operation aborted", rule=_error("OperationAborted"), only=WRITES),
    Disturbance(
        name="no such upload after a complete",
        rule=_error("NoSuchUpload", after_commit=True),
        only={"CompleteMultipartUpload"},
    ),
    Disturbance(name="412 after a write", rule=_error("PreconditionFailed", after_commit=True), only=_CONDITIONAL),
    *_both("some keys refused", FaultKind.KEYS_REFUSED, only={"DeleteObjects"}),
    *_both("some keys untold", FaultKind.KEYS_UNTOLD, only={"DeleteObjects"}),
    *(
        Disturbance(name=f"bit {seed} flipped", rule=Fault(kind=FaultKind.FLIPPED_BIT, seed=seed), spoils_content=True)
        for seed in range(4)
    ),
)
"""Each of them passes: a run that meets one must end as if nothing had been."""

STOPPING: Sequence[Disturbance] = (
    Disturbance(name="expired token", rule=Fault(kind=FaultKind.EXPIRED_TOKEN), ends=_CREDENTIALS, never=_HEADS),
    Disturbance(
        name="expired token from there on",
        rule=Fault(kind=FaultKind.EXPIRED_TOKEN, times=None),
        ends=_CREDENTIALS,
        never=_HEADS,
    ),
    Disturbance(name="clock skewed", rule=_error("RequestTimeTooSkewed"), ends=_CREDENTIALS, never=_HEADS),
    Disturbance(name="signature refused", rule=_error("SignatureDoesNotMatch"), ends=_CREDENTIALS, never=_HEADS),
    Disturbance(name="301", rule=_error("PermanentRedirect"), ends=_REFUSED),
    Disturbance(name="307", rule=_error("TemporaryRedirect"), ends=_REFUSED),
    # Without that permission a plan compares without ETags.
    Disturbance(name="denied", rule=Fault(kind=FaultKind.ACCESS_DENIED), ends=_REFUSED, never={"GetBucketEncryption"}),
    Disturbance(
        name="expired token, told of a HEAD",  # which has no body to say why
        rule=Fault(kind=FaultKind.EXPIRED_TOKEN),
        ends=frozenset({0, 1, 3, 10}),
        only=_HEADS,
    ),
)
"""A run cannot pass them: it says so by its exit code, and the next one goes on."""

IN_LISTINGS: Sequence[Disturbance] = tuple(
    Disturbance(name=kind.value, rule=Fault(kind=kind), only={"ListObjectsV2"})
    for kind in (
        FaultKind.LIST_UNSORTED,
        FaultKind.LIST_REPEATED_KEY,
        FaultKind.LIST_TWO_ETAGS,
        FaultKind.LIST_OVERLAP,
        FaultKind.LIST_LOOPING_TOKEN,
        FaultKind.LIST_NO_TOKEN,
        FaultKind.LIST_EMPTY_PAGE,
    )
)

EVERYTHING = (*PASSING, *STOPPING)


def numbers_for(disturbance: Disturbance, operations: Sequence[str], *, turn: int, most: int | None) -> list[int]:
    """The requests, from 1, to try it on: all that make sense, or `most` of different kinds, others each turn."""
    sensible = [number for number, name in enumerate(operations, start=1) if disturbance.makes_sense_for(name)]
    if most is None:
        return sensible
    by_kind: dict[str, list[int]] = {}
    for number in sensible:
        by_kind.setdefault(operations[number - 1], []).append(number)
    kinds = sorted(by_kind)
    chosen = {kinds[(turn + step * max(1, len(kinds) // most)) % len(kinds)] for step in range(most)} if kinds else ()
    return sorted(by_kind[kind][turn % len(by_kind[kind])] for kind in chosen)
