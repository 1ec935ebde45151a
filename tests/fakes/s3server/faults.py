"""Faults on request: which requests are hit, and by what.

A rule with a listing kind changes a page; every other kind decides whether the operation runs and what is answered.
New kinds need a member of FaultKind and an entry in one of the tables: `ANSWERS` here, `PAGES` in listing.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum


class FaultKind(StrEnum):
    """`reply-lost` runs the operation; the others run it only with `after_commit`. `delay` and `list-*` always do."""

    REPLY_LOST = "reply-lost"
    RESET = "reset"
    DELAY = "delay"
    SLOW_DOWN = "slow-down"
    INTERNAL_ERROR = "internal-error"
    ACCESS_DENIED = "access-denied"
    EXPIRED_TOKEN = "expired-token"
    CONFLICT = "conflict"
    ERROR_IN_200 = "error-in-200"
    LIST_UNSORTED = "list-unsorted"
    LIST_REPEATED_KEY = "list-repeated-key"
    LIST_LOOPING_TOKEN = "list-looping-token"
    LIST_NO_TOKEN = "list-no-token"
    LIST_EMPTY_PAGE = "list-empty-page"


ANSWERS: Mapping[FaultKind, str] = {
    FaultKind.SLOW_DOWN: "SlowDown",
    FaultKind.INTERNAL_ERROR: "InternalError",
    FaultKind.ACCESS_DENIED: "AccessDenied",
    FaultKind.EXPIRED_TOKEN: "ExpiredToken",
    FaultKind.CONFLICT: "ConditionalRequestConflict",
    FaultKind.ERROR_IN_200: "InternalError",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule.

    operation, bucket, key, prefix: what it hits; None is anything. A listing's key is its prefix parameter.
    times: how many requests, None is for ever. after: how many matching ones pass first (page N: `after=N-1`).
    share: the probability for a matching one, drawn from `seed`.
    after_commit: the operation runs, only the answer is the fault's. delay_s: waited before the rest.
    """

    kind: FaultKind
    operation: str | None = None
    bucket: str | None = None
    key: str | None = None
    prefix: str | None = None
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    seed: int = 0
    after_commit: bool = False
    delay_s: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Fault:
        """A rule from JSON; ValueError names what it does not know."""
        if unknown := sorted(set(values) - {item.name for item in fields(cls)}):
            raise ValueError(f"no such field of a fault: {', '.join(unknown)}")
        return cls(**{**values, "kind": FaultKind(str(values.get("kind")))})  # type: ignore[arg-type]  # as in Settings

    def hits(self, *, operation: str, bucket: str, key: str) -> bool:
        return (
            self.operation in {None, operation}
            and self.bucket in {None, bucket}
            and self.key in {None, key}
            and (self.prefix is None or key.startswith(self.prefix))
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    random: random.Random
    seen: int = 0
    fired: int = 0

    def fires(self) -> bool:
        self.seen += 1
        fault = self.fault
        if self.seen <= fault.after or (fault.times is not None and self.fired >= fault.times):
            return False
        if fault.share < 1 and self.random.random() >= fault.share:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class FaultBook:
    """The rules in force. The first that fires takes the request, later ones do not see it."""

    _armed: list[_Armed] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        self._armed += [_Armed(fault, random.Random(fault.seed)) for fault in faults]

    def clear(self) -> None:
        self._armed.clear()

    def take(self, *, operation: str, bucket: str, key: str) -> Fault | None:
        for armed in self._armed:
            if armed.fault.hits(operation=operation, bucket=bucket, key=key) and armed.fires():
                return armed.fault
        return None

    def report(self) -> list[dict[str, object]]:
        return [{**asdict(armed.fault), "seen": armed.seen, "fired": armed.fired} for armed in self._armed]
