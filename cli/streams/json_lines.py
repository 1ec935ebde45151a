"""Events as JSON lines, for programs: one object a line, ASCII only, `event` is its kind."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TextIO

from s3plan.schemas.events import Event

LINES_VERSION = 1


def now_utc() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


class JsonLines:
    """Writes events to one stream; the first line tells the versions. Flushed line by line."""

    def __init__(self, stream: TextIO, *, tool_version: str, now: Callable[[], datetime] = now_utc) -> None:
        self._stream = stream
        self._now = now
        self.write("version", {"format": LINES_VERSION, "tool": "s3plan", "tool_version": tool_version})

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self.write(event.name, {field.name: getattr(event, field.name) for field in fields(event)})

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a line that is no event of a run: a result, an error."""
        self._stream.write(json_line({"event": name, "at": self._now()} | dict(values)))
        self._stream.flush()


def json_line(values: Mapping[str, Any]) -> str:
    """Return one line of JSON. Bytes are keys: text, and beside it `NAME_base64` where that text is not exact.

    Times are ISO 8601. Nothing in it can move a terminal's cursor.
    """
    return json.dumps(_jsonable(values), default=_plain) + "\n"


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            found |= key_fields(name, value)
        else:
            found[name] = value
    return found


def key_fields(name: str, key: bytes) -> dict[str, str]:
    """Return a key as text, and in base64 too where it is not UTF-8."""
    try:
        return {name: key.decode()}
    except UnicodeDecodeError:
        return {name: key.decode(errors="backslashreplace"), f"{name}_base64": b64encode(key).decode()}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
