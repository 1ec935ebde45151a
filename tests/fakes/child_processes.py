"""The processes that a process has started, as the system sees them."""

from __future__ import annotations

import os
import subprocess


def children_of(pid: int, *, whose_words_have: str = "") -> list[int]:
    """Return the process numbers of its children that are alive, in the order in which they were started.

    Only of those whose command lines have `whose_words_have`.
    """
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        assert listing.stdout is not None
        rows = [line.split(maxsplit=3) for line in listing.stdout]
    alive = [
        (int(child), int(parent))
        for child, parent, state, *words in rows
        if not state.startswith("Z") and whose_words_have in "".join(words)
    ]
    return sorted(child for child, parent in alive if parent == pid and child != listing.pid)


def is_alive(pid: int) -> bool:
    """Return whether there is a process of that number; one that has ended and is not yet reaped counts as gone."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.strip().startswith("Z")


def kill(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
