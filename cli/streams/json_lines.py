"""Events as JSON lines, for programs: one object a line, ASCII only, `event` is its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TextIO

from s3plan.app.clock import now_utc
from s3plan.schemas.events import Event
from s3plan.schemas.json_text import event_values, json_line

LINES_VERSION = 1


class JsonLines:
    """Writes events to one stream; the first line tells the versions. Flushed line by line."""

    def __init__(self, stream: TextIO, *, tool_version: str, now: Callable[[], datetime] = now_utc) -> None:
        self._stream = stream
        self._now = now
        self.write("version", {"format": LINES_VERSION, "tool": "s3plan", "tool_version": tool_version})

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self.write(event.name, event_values(event))

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a line that is no event of a run: a result, an error."""
        self._stream.write(json_line({"event": name, "at": self._now()} | dict(values)))
        self._stream.flush()
