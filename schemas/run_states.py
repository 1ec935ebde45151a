"""What a run can be asked for from outside, the states that it goes through, and how it ends; drawn in docs/runs.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from s3plan.schemas.outcomes import OutcomeKind


class StopLevel(StrEnum):
    """How soon a run is to stop."""

    NONE = "none"
    DRAIN = "drain"  # finish what is under way, checkpoint
    ABANDON = "abandon"  # stop now


class Wish(StrEnum):
    """What was asked of a running apply by another process."""

    GO_ON = "go-on"
    PAUSE = "pause"
    CANCEL = "cancel"


class RunState(StrEnum):
    """Where a plan, or one run of it, stands."""

    PENDING = "pending"  # never applied
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  # every action is done, already-done or skipped on purpose
    PARTIAL = "partial"  # every action has ended, some as failed, stale or withheld
    FAILED = "failed"  # the run gave up before its plan was through
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # by a signal, a limit, or the end of the process


class StopReason(StrEnum):
    """Why a run ended before its plan was through."""

    SIGNAL = "signal"
    CANCEL = "cancel"
    ACTION_LIMIT = "action-limit"
    TIME_LIMIT = "time-limit"
    FAILURE_LIMIT = "failure-limit"
    CREDENTIALS = "credentials"
    DENIED = "denied"  # the store refuses everything: configuration, not data
    OUTAGE = "outage"  # the store does not answer


_STATES = {
    StopReason.SIGNAL: RunState.INTERRUPTED,
    StopReason.CANCEL: RunState.CANCELLED,
    StopReason.ACTION_LIMIT: RunState.INTERRUPTED,
    StopReason.TIME_LIMIT: RunState.INTERRUPTED,
    StopReason.FAILURE_LIMIT: RunState.FAILED,
    StopReason.CREDENTIALS: RunState.FAILED,
    StopReason.DENIED: RunState.FAILED,
    StopReason.OUTAGE: RunState.FAILED,
}


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When to stop early: after so many failed actions, so many actions begun, so many seconds since its start."""

    max_failures: int | None = None
    actions: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What a run came to. `stop_reason` is None if every action has ended."""

    state: RunState
    stop_reason: StopReason | None
    counts: Mapping[OutcomeKind, int]  # of the whole plan, all runs together
    remaining: int  # actions without an outcome, or to be tried again
    messages: tuple[str, ...]
    evidence: Mapping[str, int]  # on what the already-done ones rest, how many on each
    verified: Mapping[str, int]  # by what writes are proved, how many by each, and how many are not
    unverified: int  # failed by their verification


def run_end(
    counts: Mapping[OutcomeKind, int],
    *,
    actions: int,
    conflicts: int,
    stop_reason: StopReason | None,
    messages: tuple[str, ...],
    evidence: Mapping[str, int],
    verified: Mapping[str, int],
    unverified: int,
) -> RunEnd:
    """Return the end of a run of a plan with so many actions to perform; a stop after the last of them is none."""
    ended = {kind: number for kind, number in counts.items() if kind is not OutcomeKind.UNKNOWN}
    remaining = actions - sum(ended.values())
    gave_up = stop_reason is not None and _STATES[stop_reason] is RunState.FAILED
    if stop_reason is not None and (remaining or gave_up):
        return RunEnd(_STATES[stop_reason], stop_reason, counts, remaining, messages, evidence, verified, unverified)
    bad = sum(ended.get(kind, 0) for kind in (OutcomeKind.FAILED, OutcomeKind.STALE, OutcomeKind.SKIPPED))
    is_clean = not (remaining or bad or conflicts)
    return RunEnd(
        RunState.COMPLETED if is_clean else RunState.PARTIAL,
        None,
        counts,
        remaining,
        messages,
        evidence,
        verified,
        unverified,
    )
