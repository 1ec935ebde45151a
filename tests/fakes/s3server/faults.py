"""Faults on request: which requests are hit, and by what.

Request number N of all, of an operation or of a key is `after=N-1` with those filters. What a kind does is in
spoiling.py, for pages in listing.py, for batch deletes in batch_faults.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum

from fakes.s3server.errors import is_known


class FaultKind(StrEnum):
    """By what happens to the operation: see the comments; `after_commit` counts for the first two groups only."""

    # No answer. The operation runs only with `after_commit`; that of `reply-lost` always.
    REPLY_LOST = "reply-lost"  # the connection is closed
    RESET = "reset"
    STALL = "stall"  # the connection stays open, silent

    # Another answer. The operation runs only with `after_commit`.
    SLOW_DOWN = "slow-down"
    INTERNAL_ERROR = "internal-error"
    ACCESS_DENIED = "access-denied"
    EXPIRED_TOKEN = "expired-token"
    CONFLICT = "conflict"
    ERROR = "error"  # the one that `code` names, with the status that S3 gives it
    ERROR_IN_200 = "error-in-200"
    GARBAGE = "garbage"  # 200 and what is no XML
    OTHER_XML = "other-xml"  # 200 and XML of something else
    UNKNOWN_ENCODING = "unknown-encoding"  # 200 and XML that nobody can decode
    EMPTY = "empty"  # 200 and nothing

    # The operation runs, and its answer suffers on the way.
    DELAY = "delay"
    RESET_MID_BODY = "reset-mid-body"  # half of it, then a reset
    CUT_BODY = "cut-body"  # half of it, then the end of the connection
    LONG_BODY = "long-body"  # more of it than its Content-Length says
    FLIPPED_BIT = "flipped-bit"  # one bit of the body, chosen by `seed`
    TRICKLE = "trickle"  # one byte every `delay_s`

    # A batch delete runs, but not for all keys, or not for all that it says; for the others the kinds do nothing.
    KEYS_REFUSED = "keys-refused"  # some keys are answered with the error `code`; deleted only with `after_commit`
    KEYS_UNTOLD = "keys-untold"  # some keys are left out of the answer; deleted only with `after_commit`

    # A page of a listing; for other operations these do nothing.
    LIST_UNSORTED = "list-unsorted"
    LIST_REPEATED_KEY = "list-repeated-key"
    LIST_TWO_ETAGS = "list-two-etags"
    LIST_OVERLAP = "list-overlap"
    LIST_LOOPING_TOKEN = "list-looping-token"
    LIST_NO_TOKEN = "list-no-token"
    LIST_EMPTY_PAGE = "list-empty-page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule.

    operation, bucket, key, prefix: what it hits; None is anything. A listing's key is its prefix parameter.
    spares: what is in the keys that it does not hit.
    times: how many requests, None is forever. after: how many matching ones pass first (page N: `after=N-1`).
    share: the probability for a matching one, drawn from `seed`. lasts_s: a storm, so long from its first request on.
    after_commit: the operation runs, only the answer is the fault's. delay_s: waited before the rest.
    code: S3's word for an error. region: where a redirect points. keys: those of a batch delete that suffer; none
    named: every second one, the first among them.
    """

    kind: FaultKind
    operation: str | None = None
    bucket: str | None = None
    key: str | None = None
    prefix: str | None = None
    spares: str | None = None
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    seed: int = 0
    lasts_s: float | None = None
    after_commit: bool = False
    delay_s: float = 0.0
    code: str = "InternalError"
    region: str = "eu-central-1"
    keys: Sequence[str] = ()

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Fault:
        """A rule from JSON; ValueError names what it does not know."""
        if unknown := sorted(set(values) - {item.name for item in fields(cls)}):
            raise ValueError(f"no such field of a fault: {', '.join(unknown)}")
        if not is_known(code := str(values.get("code", "InternalError"))):
            raise ValueError(f"no such error: {code}")
        return cls(**{**values, "kind": FaultKind(str(values.get("kind")))})  # type: ignore[arg-type]  # as in Settings

    def hits(self, *, operation: str, bucket: str, key: str) -> bool:
        return (
            self.operation in {None, operation}
            and self.bucket in {None, bucket}
            and self.key in {None, key}
            and (self.prefix is None or key.startswith(self.prefix))
            and (self.spares is None or self.spares not in key)
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    random: random.Random
    seen: int = 0
    fired: int = 0
    since_s: float | None = None

    def fires(self, now_s: float) -> bool:
        self.seen += 1
        fault = self.fault
        if self.seen <= fault.after or (fault.times is not None and self.fired >= fault.times):
            return False
        if self.since_s is None:
            self.since_s = now_s
        if fault.lasts_s is not None and now_s - self.since_s > fault.lasts_s:
            return False
        if fault.share < 1 and self.random.random() >= fault.share:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class FaultBook:
    """The rules in force. The first that fires takes the request, later ones do not see it."""

    clock: Callable[[], float] = time.monotonic
    _armed: list[_Armed] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        self._armed += [_Armed(fault, random.Random(fault.seed)) for fault in faults]

    def clear(self) -> None:
        self._armed.clear()

    def take(self, *, operation: str, bucket: str, key: str) -> Fault | None:
        now_s = self.clock()
        for armed in self._armed:
            if armed.fault.hits(operation=operation, bucket=bucket, key=key) and armed.fires(now_s):
                return armed.fault
        return None

    def report(self) -> list[dict[str, object]]:
        return [{**asdict(armed.fault), "seen": armed.seen, "fired": armed.fired} for armed in self._armed]
