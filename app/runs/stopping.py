"""A run that is asked to stop before its first action, while it finds out what the store does."""

from __future__ import annotations

import time
from collections.abc import Callable

from s3plan.schemas.run_states import StopLevel, StopReason, Wish
from s3plan.storage.s3.patience import Patience

_LOOK_EVERY_S = 0.2


class PreparationStopped(Exception):
    """The run was asked to stop; nothing of its plan was begun."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


class StopWatch:
    """Looks at what is asked of the run before each request of its preparation; what a probe made is still removed.

    Unless it is to stop at once: then the next probe removes it.
    """

    def __init__(self, stop_level: Callable[[], StopLevel], wish: Callable[[], Wish]) -> None:
        self._stop_level = stop_level
        self._wish = wish

    def patience(self) -> Patience:
        """Return the patience of a preparation; it raises PreparationStopped."""
        return Patience(sleep=self._sleep, before_each=self._check, before_removal=self._check_removal)

    def level(self) -> StopLevel:
        """Return what the person at the terminal asks for."""
        return self._stop_level()

    def asked_for(self) -> StopReason | None:
        """Return why the run is to end, None if it is not."""
        if self._stop_level() is not StopLevel.NONE:
            return StopReason.SIGNAL
        return StopReason.CANCEL if self._wish() is Wish.CANCEL else None

    def _check(self) -> None:
        reason = self.asked_for()
        if reason is not None:
            raise PreparationStopped(reason)

    def _check_removal(self) -> None:
        if self._stop_level() is StopLevel.ABANDON:
            raise PreparationStopped(StopReason.SIGNAL)

    def _sleep(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0 and self.asked_for() is None:
            time.sleep(min(left_s, _LOOK_EVERY_S))
