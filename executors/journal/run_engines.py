"""What the journal keeps of the engines of a run: the text of the column `engines`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from s3plan.schemas.engines import EngineUsed


def engines_text(engines: Iterable[EngineUsed]) -> str:
    """Return JSON: for each connection's name an object of its engine and, where there is one, the reason."""
    return json.dumps(
        {
            used.connection: {"engine": used.engine} | ({} if used.reason is None else {"reason": used.reason})
            for used in engines
        }
    )


def parse_engines(text: str) -> tuple[EngineUsed, ...]:
    """Return what the text says; nothing if it cannot be read: rows of runs are for people and have no checksum."""
    try:
        found: dict[str, dict[str, object]] = json.loads(text)
        return tuple(_engine_used(connection, said) for connection, said in found.items())
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return ()


def _engine_used(connection: str, said: dict[str, object]) -> EngineUsed:
    reason = said.get("reason")
    return EngineUsed(connection, str(said["engine"]), None if reason is None else str(reason))
