"""`s3plan status --watch`: where a plan stands, again and again, until its run has ended."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from rich.console import Group
from rich.text import Text
from s3plan.app.requests import Status
from s3plan.cli.apply_screen import counts_text
from s3plan.cli.terminal import Terminal
from s3plan.cli.wording import count_text
from s3plan.executors.run_states import RunState

_EVERY_S = 1.0
_PLAIN_EVERY_S = 5.0
_GOES_ON = frozenset({RunState.RUNNING, RunState.PAUSED})


def watch(
    terminal: Terminal,
    *,
    read: Callable[[], Status],
    lines_of: Callable[[Status], list[Text]],
    on_status: Callable[[Status], None] | None,
) -> Status:
    """Show a status each second until no run goes on, and return the last one, which is not shown.

    On a terminal the screen is drawn anew, elsewhere a line is said every five seconds; `on_status` takes each one
    instead, for a program. Ctrl-C ends the watching, not the run.
    """
    if on_status is not None:
        return _follow(read, on_status)
    console = terminal.progress_console
    if console is None:
        return _follow(read, _Log(terminal))
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        return _follow(read, lambda status: live.update(Group(*lines_of(status)), refresh=True))


def _follow(read: Callable[[], Status], take: Callable[[Status], None]) -> Status:
    while (status := read()).state in _GOES_ON:
        take(status)
        sleep(_EVERY_S)
    return status


class _Log:
    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._told_s = float("-inf")

    def __call__(self, status: Status) -> None:
        if monotonic() - self._told_s < _PLAIN_EVERY_S:
            return
        self._told_s = monotonic()
        ended = f"{status.actions - status.remaining:,} of {count_text(status.actions, 'action')} ended"
        counts = f" ({counts_text(status.counts)})" if status.counts else ""
        self._terminal.say([Text(f"{status.state}: {ended}{counts}")])
