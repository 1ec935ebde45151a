"""Values as JSON text that any program and any terminal can take: keys are bytes, times are ISO 8601."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from s3plan.schemas.events import Event


def event_values(event: Event) -> dict[str, Any]:
    """Return what an event says, by the names of its fields; its kind is `event.name`."""
    return {field.name: getattr(event, field.name) for field in fields(event)}


def json_line(values: Mapping[str, Any]) -> str:
    """Return one line of JSON. Bytes are keys: text, and with it `NAME_base64` where that text is not exact.

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
