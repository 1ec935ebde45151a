"""Counts what has ended and tells it, at most four times a second."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.events import Advanced, OnEvent
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action

_EVERY_S = 0.25
_RATE_OVER_S = 5.0


class ProgressReporter:
    """Totals of the whole plan, all runs together; rates over the last five seconds."""

    def __init__(
        self,
        *,
        actions: int,
        size_bytes: int,
        settled: Counter[OutcomeKind],
        settled_bytes: int,
        control: RunControl,
        on_event: OnEvent,
        clock: Callable[[], float],
    ) -> None:
        self._actions = actions
        self._size_bytes = size_bytes
        self._counts = settled
        self._settled_bytes = settled_bytes
        self._control = control
        self._on_event = on_event
        self._clock = clock
        self._began_s = clock()
        self._told_s = self._began_s - _EVERY_S
        self._samples: deque[tuple[float, int, int]] = deque([(self._began_s, self._settled(), settled_bytes)])

    def note_outcome(self, action: Action, kind: OutcomeKind, *, before: OutcomeKind | None) -> None:
        """Count one outcome in place of the one before."""
        if before is not None:
            self._counts[before] -= 1
        self._counts[kind] += 1
        if kind.is_success and action.kind.is_write:
            self._settled_bytes += action.size_bytes

    def note_withheld(self, actions: int) -> None:
        """Count actions that are skipped together."""
        self._counts[OutcomeKind.SKIPPED] += actions

    def tick(self, *, retrying: int, phase: str, is_held: bool = False, is_last: bool = False) -> None:
        """Tell where the run stands, if a quarter of a second has passed since the last time.

        What a run does once it is held back no more has nothing to do with what it did before: rates begin anew.
        """
        now_s = self._clock()
        if now_s - self._told_s < _EVERY_S and not is_last:
            return
        self._told_s = now_s
        settled = self._settled()
        if is_held:
            self._samples.clear()
        self._samples.append((now_s, settled, self._settled_bytes))
        while now_s - self._samples[0][0] > _RATE_OVER_S and len(self._samples) > 2:
            self._samples.popleft()
        then_s, then_settled, then_bytes = self._samples[0]
        elapsed_s = max(now_s - then_s, 1e-3)
        per_s = (settled - then_settled) / elapsed_s
        left = self._actions - settled
        self._on_event(
            Advanced(
                actions=self._actions,
                settled=settled,
                bytes=self._size_bytes,
                settled_bytes=self._settled_bytes,
                counts={kind.value: count for kind, count in self._counts.items() if count},
                actions_per_s=per_s,
                bytes_per_s=(self._settled_bytes - then_bytes) / elapsed_s,
                eta_s=left / per_s if per_s > 0 else None,
                phase=phase,
                retrying=retrying,
                throttled=self._control.is_throttled,
                elapsed_s=now_s - self._began_s,
                held=is_held,
            )
        )

    def _settled(self) -> int:
        return sum(count for kind, count in self._counts.items() if kind is not OutcomeKind.UNKNOWN)
