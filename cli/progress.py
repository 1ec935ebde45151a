"""Shows a person what happens while it happens, on standard error."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.text import Text
from s3plan.cli.progress_frames import listing_frame, listing_line, run_frame, run_line
from s3plan.cli.terminal import Terminal
from s3plan.cli.wording import count_text, key_text
from s3plan.schemas.events import (
    ActionEnded,
    Advanced,
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

_PLAIN_EVERY_S = 5.0
_ENDED_BADLY_SHOWN = 10


class ProgressView:
    """Draws one line anew for each event on a terminal, a line every five seconds elsewhere. A context manager.

    What must be known (warnings, actions that ended badly) is printed above that line; of the latter the first ten.
    """

    def __init__(self, terminal: Terminal, *, quiet: bool = False, clock: Callable[[], float] = monotonic) -> None:
        self._terminal = terminal
        self._quiet = quiet
        self._clock = clock
        self._live: Live | None = None
        self._told_s: float | None = None
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
            case Prepared():
                self.say(event.message)
            case RunStarted():
                self._say_start(event)
            case RunPaused():
                self.say("paused: nothing is under way; `s3plan unpause` lets it go on, Ctrl-C ends it")
            case RunResumed():
                self.say("going on")
            case ActionEnded():
                self._say_bad_end(event)
            case Listed():
                self._show(lambda width: listing_frame(event, width=width), listing_line(event))
            case Advanced():
                self._show(lambda width: run_frame(event, width=width), run_line(event))
            case _:
                return

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line above the progress."""
        self._terminal.say([Text(escape_unprintable(text), style=style)])

    def _say_start(self, event: RunStarted) -> None:
        if event.resumed:
            self.say(
                f"run {event.run}: {event.settled:,} of {count_text(event.actions, 'action')} ended in earlier runs"
            )

    def _say_bad_end(self, event: ActionEnded) -> None:
        self._ended_badly += 1
        if self._ended_badly <= _ENDED_BADLY_SHOWN:
            self.say(f"{event.outcome}: {event.kind} {key_text(event.key)}: {event.reason}", style="yellow")
        if self._ended_badly == _ENDED_BADLY_SHOWN:
            self.say("more of them are not shown here; `s3plan failures` lists all")

    def _show(self, frame: Callable[[int], Text], line: str) -> None:
        console = self._terminal.progress_console
        if console is not None:
            if self._live is None:
                self._live = self._open_live()
            self._live.update(frame(max(console.width - 1, 1)), refresh=True)
            return
        now_s = self._clock()
        if self._told_s is None:
            self._told_s = now_s  # what is over within five seconds needs no line
        if now_s - self._told_s >= _PLAIN_EVERY_S:
            self._told_s = now_s
            self.say(line)

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
