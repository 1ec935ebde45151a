"""When an action that ended badly is tried again: full-jitter backoff, a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.header import RetryRecord

# A throttled request was not executed and costs nothing: it is given more tries than one that may be broken.
_THROTTLED_ATTEMPTS_FACTOR = 10


def may_pass(failure: FailureKind) -> bool:
    """Return whether an action that ended so may succeed if tried again; it is looked at first where that is needed."""
    return failure.is_retryable or failure.is_unclear


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Try again after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all; a bound grows from `initial_s`, `multiplier` times as long each time, up to `max_s`.

    With full jitter each delay is drawn evenly between 0 and the bound
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), without it is the bound. `random`
    draws from [0, 1).
    """

    attempts: int
    random: Callable[[], float]
    initial_s: float = 0.2
    max_s: float = 20.0
    multiplier: int = 2
    has_jitter: bool = True

    def decide(self, outcome: Outcome, *, attempts: int) -> RetryDecision | None:
        """Return when to try again after `attempts` tries, or None if this is the end of it."""
        if outcome.kind is not OutcomeKind.UNKNOWN or outcome.failure is None or not may_pass(outcome.failure):
            return None
        factor = _THROTTLED_ATTEMPTS_FACTOR if outcome.failure is FailureKind.THROTTLED else 1
        if attempts > (self.attempts - 1) * factor:
            return None
        bound_s = min(self.max_s, self.initial_s * self.multiplier ** min(attempts - 1, 20))
        drawn_s = bound_s * self.random() if self.has_jitter else bound_s
        return RetryDecision(max(drawn_s, outcome.retry_after_s or 0.0))


def retry_policy(settings: RetryRecord, *, random: Callable[[], float]) -> RetryPolicy:
    """Return the policy that a plan's settings ask for."""
    return RetryPolicy(
        attempts=settings.attempts,
        random=random,
        initial_s=settings.initial_ms / 1000,
        max_s=settings.max_ms / 1000,
        multiplier=settings.multiplier,
        has_jitter=settings.jitter == "full",
    )
