"""How far an apply has come by its journal, as SQLite reads it beside the run; and kills by that."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fakes.command import Command
from fakes.ended import Ended

_BUSY_S = 5.0
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Noted:
    """What a journal says: actions that are done, and parts of a large one that is not.

    `is_large_done`: a large object has a batch of its own, and its parts are noted no more once it is done.
    """

    done: int = 0
    parts: int = 0
    is_large_done: bool = False


def noted(journal: Path) -> Noted:
    """Return it; of a journal that is being made, or mended after a kill, that there is nothing yet."""
    if not journal.exists():
        return Noted()
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as database:
        try:
            batches = database.execute(
                "SELECT actions, done, (SELECT count(*) FROM outcome WHERE batch = id AND kind = 'already-done')"
                " FROM batch"
            ).fetchall()
            ((parts,),) = database.execute("SELECT count(*) FROM part")
        except sqlite3.OperationalError:
            return Noted()
    done = [(actions, int.from_bytes(bits, "little").bit_count() + already) for actions, bits, already in batches]
    return Noted(sum(number for _, number in done), parts, (1, 1) in done)


@dataclass(frozen=True, slots=True)
class Killed:
    """A killed apply: what its journal had told, and what it had printed."""

    noted: Noted
    ended: Ended


class Killer:
    """Kills applies of a plan of so many actions, one of them of so many parts, by how much of it is noted as done.

    Half of the way are the actions, half the parts: a kill that waits for the middle falls into both.
    """

    def __init__(self, command: Command, plan_file: Path, *, actions: int, parts: int) -> None:
        self._command = command
        self._plan_file = plan_file
        self._whole = Noted(actions, parts)

    def kill_at(self, share: float, *, timeout_s: float = 60) -> Killed:
        """Apply, and pull the plug once so much is noted; it must not be over by then."""
        with self._command.start("apply", self._plan_file, "--yes") as started:
            until_s = time.monotonic() + timeout_s
            while self._share_of(found := noted(self._plan_file.with_suffix(".s3run"))) < share:
                assert started.is_running, started.wait().output
                assert time.monotonic() < until_s, f"{found} of {self._whole} after {timeout_s} s"
                time.sleep(_LOOK_EVERY_S)
            ended = started.kill()
        assert ended.exit_code == -signal.SIGKILL, "the run must not be over before its last kill"
        return Killed(found, ended)

    def _share_of(self, found: Noted) -> float:
        parts = self._whole.parts if found.is_large_done else found.parts
        return (found.done / self._whole.done + parts / self._whole.parts) / 2
