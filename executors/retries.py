"""When an action that ended badly is tried again: full-jitter backoff, a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind

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
    """`retries` more attempts after the first; delays grow from `initial_s`, doubled each time, up to `max_s`.

    Full jitter: each delay is drawn evenly between 0 and the current bound
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `random` draws from [0, 1).
    """

    retries: int
    random: Callable[[], float]
    initial_s: float = 0.2
    max_s: float = 20.0

    def decide(self, outcome: Outcome, *, attempts: int) -> RetryDecision | None:
        """Return when to try again after `attempts` tries, or None if this is the end of it."""
        if outcome.kind is not OutcomeKind.UNKNOWN or outcome.failure is None or not may_pass(outcome.failure):
            return None
        factor = _THROTTLED_ATTEMPTS_FACTOR if outcome.failure is FailureKind.THROTTLED else 1
        if attempts > self.retries * factor:
            return None
        bound_s = min(self.max_s, self.initial_s * 2 ** min(attempts - 1, 16))
        return RetryDecision(max(bound_s * self.random(), outcome.retry_after_s or 0.0))
