"""When something is tried again, and how long after."""

from __future__ import annotations

import random

import pytest
from s3plan.executors.run.retries import RetryPolicy
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind

LONGEST = RetryPolicy(attempts=9, random=lambda: 0.999999)


def unknown(kind: FailureKind | None, *, retry_after_s: float | None = None) -> Outcome:
    return Outcome(0, OutcomeKind.UNKNOWN, "", failure=kind, retry_after_s=retry_after_s)


def delay_s(policy: RetryPolicy, outcome: Outcome, *, attempts: int) -> float:
    decision = policy.decide(outcome, attempts=attempts)
    assert decision is not None
    return decision.delay_s


def test_bounds_double_up_to_twenty_seconds() -> None:
    delays = [delay_s(LONGEST, unknown(FailureKind.TRANSIENT), attempts=number) for number in range(1, 9)]
    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0], rel=1e-4)


def test_delays_are_drawn_evenly_between_nothing_and_the_bound() -> None:
    policy = RetryPolicy(attempts=9, random=random.Random(1).random)
    delays = [delay_s(policy, unknown(FailureKind.TRANSIENT), attempts=3) for _ in range(2000)]
    assert min(delays) < 0.01
    assert max(delays) > 0.79
    assert sum(delays) / len(delays) == pytest.approx(0.4, abs=0.02)


def test_without_jitter_each_delay_is_the_bound_which_grows_as_the_manifest_says() -> None:
    policy = RetryPolicy(attempts=6, random=lambda: 0.0, initial_s=1, max_s=30, multiplier=3, has_jitter=False)
    outcome = unknown(FailureKind.TRANSIENT)
    assert [delay_s(policy, outcome, attempts=number) for number in range(1, 6)] == [1, 3, 9, 27, 30]


def test_what_the_store_asks_for_is_the_least() -> None:
    assert delay_s(LONGEST, unknown(FailureKind.THROTTLED, retry_after_s=7.0), attempts=1) == 7.0
    assert delay_s(LONGEST, unknown(FailureKind.THROTTLED, retry_after_s=0.01), attempts=1) > 0.1


def test_a_huge_number_of_attempts_does_not_overflow() -> None:
    patient = RetryPolicy(attempts=10**9, random=lambda: 0.5)
    assert delay_s(patient, unknown(FailureKind.THROTTLED), attempts=10**6) == 10


@pytest.mark.parametrize("kind", list(FailureKind))
def test_it_ends_after_so_many_retries(kind: FailureKind) -> None:
    most = 0
    while LONGEST.decide(unknown(kind), attempts=most + 1) is not None:
        most += 1
    if kind is FailureKind.THROTTLED:
        assert most == 80, "a throttled request was not executed"
    elif kind.is_retryable or kind.is_unclear:
        assert most == 8
    else:
        assert most == 0


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.UNKNOWN])
def test_what_has_ended_is_not_tried_again(kind: OutcomeKind) -> None:
    assert LONGEST.decide(Outcome(0, kind, failure=FailureKind.TRANSIENT), attempts=1) is None


def test_an_unknown_end_without_a_failure_is_not_tried_again() -> None:
    """It was interrupted."""
    assert LONGEST.decide(unknown(None), attempts=1) is None


def test_no_retries_means_none() -> None:
    assert RetryPolicy(attempts=1, random=lambda: 0).decide(unknown(FailureKind.THROTTLED), attempts=1) is None
