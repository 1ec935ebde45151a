"""Shows a person what happens while it happens, on standard error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.cli.screens.event_lines import ENDED_BADLY, action_line, event_line, stamp
from s3plan.cli.screens.progress_frames import audit_line, listing_frame, listing_line, run_frame, run_line
from s3plan.cli.screens.terminal import Terminal, safe_line
from s3plan.schemas.events import (
    ActionEnded,
    Advanced,
    Audited,
    Event,
    Listed,
    Prepared,
    RunPaused,
    RunResumed,
    RunStarted,
    Warned,
)
from s3plan.schemas.printable import escape_unprintable

if TYPE_CHECKING:
    from rich.live import Live

_PLAIN_LEAST_S, _PLAIN_MOST_S = 5.0, 300.0
_LINES_PER_DOUBLING = 12  # a minute of lines every five seconds, then the twelfth part of the time so far
_ENDED_BADLY_SHOWN = 10


def line_pause_s(elapsed_s: float) -> float:
    """Return how long a log waits for the next line: five seconds at first, five minutes from an hour on."""
    return min(max(elapsed_s / _LINES_PER_DOUBLING, _PLAIN_LEAST_S), _PLAIN_MOST_S)


class ProgressView:
    """Draws one line anew for each event on a terminal; elsewhere a line with its time, ever fewer. A context manager.

    What must be known (warnings, actions that ended badly) is printed above that line; of the latter the first ten,
    with `verbose` every action as it ends.
    """

    def __init__(
        self,
        terminal: Terminal,
        *,
        quiet: bool = False,
        verbose: bool = False,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._terminal = terminal
        self._quiet = quiet
        self._verbose = verbose
        self._clock = clock
        self._now = now
        self._live: Live | None = None
        self._began_s: float | None = None
        self._told_s = 0.0
        self._ended_badly = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last frame where it is."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __call__(self, event: Event) -> None:
        """Show an event, or nothing."""
        match event:
            case Warned():
                self.say(f"warning: {event.message}", style="yellow")
            case _ if self._quiet:
                return
            case RunStarted() if not event.resumed:
                return
            case Prepared() | RunStarted() | RunPaused() | RunResumed():
                self.say(f"{self._time()}{event_line(event)}")
            case ActionEnded():
                self._say_end(event)
            case Listed():
                self._show(lambda width: listing_frame(event, width=width), listing_line(event))
            case Audited():
                self._show(lambda width: Text(audit_line(event)[:width]), audit_line(event))
            case Advanced():
                self._show(lambda width: run_frame(event, width=width), run_line(event))
            case _:
                return

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line above the progress."""
        self._terminal.say([Text(escape_unprintable(text), style=style)])

    def _time(self) -> str:
        """Return what a line of a log begins with; on a terminal nobody asks for it."""
        return "" if self._terminal.progress_console is not None else f"{stamp(self._now())} "

    def _say_end(self, event: ActionEnded) -> None:
        style = "yellow" if event.outcome in ENDED_BADLY else ""
        if self._verbose:
            self.say(f"{self._time()}{action_line(event)}", style=style)
            return
        self._ended_badly += 1
        if self._ended_badly <= _ENDED_BADLY_SHOWN:
            self.say(action_line(event), style=style)
        if self._ended_badly == _ENDED_BADLY_SHOWN:
            self.say("more of them are not shown here; `s3plan failures` lists all")

    def _show(self, frame: Callable[[int], Text], line: str) -> None:
        console = self._terminal.progress_console
        if console is not None:
            if self._live is None:
                self._live = self._open_live()
            self._live.update(safe_line(frame(max(console.width - 1, 1))), refresh=True)
            return
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = self._told_s = now_s  # what is over within five seconds needs no line
        if now_s - self._told_s >= line_pause_s(now_s - self._began_s):
            self._told_s = now_s
            self.say(f"{self._time()}{line}")

    def _open_live(self) -> Live:
        from rich.live import Live

        live = Live(
            console=self._terminal.progress_console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        live.start()
        return live
