"""`apply --log FILE`: a line for each action as it ends, and for everything else that a run tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from s3plan.app.clock import now_utc
from s3plan.cli.screens.event_lines import event_line, stamp
from s3plan.schemas.events import ActionEnded, Advanced, Event
from s3plan.schemas.printable import escape_unprintable

_BUFFER_BYTES = 65_536


class RunLog:
    """Appends to a file that only its owner may read. A context manager.

    Lines wait in memory until the next sign of progress, a quarter of a second at most, so thousands of them a second
    cost a few writes. `write` raises OSError where the disk is full; a line may be cut then.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = now_utc) -> None:
        """Open the file; raises OSError."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._now = now
        self._waiting = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.flush()
        os.close(self._descriptor)

    def __call__(self, event: Event) -> None:
        """Take an event; raises OSError."""
        line = None if isinstance(event, Advanced) else event_line(event)
        if line is not None:
            self._add(line)
        if not isinstance(event, ActionEnded) or len(self._waiting) >= _BUFFER_BYTES:
            self.flush()

    def note(self, text: str) -> None:
        """Take a message, of any number of lines; raises OSError."""
        for line in text.split("\n"):
            self._add(escape_unprintable(line))
        self.flush()

    def _add(self, line: str) -> None:
        self._waiting += f"{stamp(self._now())} {line}\n".encode()

    def flush(self) -> None:
        """Write what waits; raises OSError, and what was not written is lost then."""
        waiting, self._waiting = self._waiting, bytearray()
        while waiting:
            del waiting[: os.write(self._descriptor, waiting)]
