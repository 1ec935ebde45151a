"""`s3plan status --watch`: where a plan stands, again and again, until its run has ended."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from rich.console import Group
from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.requests import Status
from s3plan.cli.screens.event_lines import stamp
from s3plan.cli.screens.progress import line_pause_s
from s3plan.cli.screens.progress_frames import pace_text
from s3plan.cli.screens.run import counts_text
from s3plan.cli.screens.terminal import Terminal, safe_line
from s3plan.cli.screens.wording import count_text
from s3plan.schemas.run_states import RunState

_EVERY_S = 1.0
_GOES_ON = frozenset({RunState.RUNNING, RunState.PAUSED})


def watch(
    terminal: Terminal,
    *,
    read: Callable[[], Status],
    lines_of: Callable[[Status], list[Text]],
    on_status: Callable[[Status], None] | None,
) -> Status:
    """Show a status each second until no run goes on, and return the last one, which is not shown.

    On a terminal the screen is drawn anew, elsewhere a line is said, ever fewer of them; `on_status` takes each one
    instead, for a program. Ctrl-C ends the watching, not the run.
    """
    if on_status is not None:
        return _follow(read, on_status)
    console = terminal.progress_console
    if console is None:
        return _follow(read, _Log(terminal))
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        return _follow(read, lambda status: live.update(Group(*map(safe_line, lines_of(status))), refresh=True))


def _follow(read: Callable[[], Status], take: Callable[[Status], None]) -> Status:
    while (status := read()).state in _GOES_ON:
        take(status)
        sleep(_EVERY_S)
    return status


class _Log:
    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._began_s = monotonic()
        self._told_s = float("-inf")

    def __call__(self, status: Status) -> None:
        if monotonic() - self._told_s < line_pause_s(monotonic() - self._began_s):
            return
        self._told_s = monotonic()
        ended = f"{status.actions - status.remaining:,} of {count_text(status.actions, 'action')} ended"
        counts = f" ({counts_text(status.counts, status.evidence)})" if status.counts else ""
        pace = f", {pace_text(status.progress)}" if status.progress is not None else ""
        self._terminal.say([Text(f"{stamp(now_utc())} {status.state}: {ended}{counts}{pace}")])
