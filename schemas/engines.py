"""By which engine the requests of a connection went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineUsed:
    """The engine of one connection in a run; `connection` is a name of the manifest, empty for the default one.

    `reason` says why it is not the one that `auto` would rather take; None where nothing spoke against that one, or
    where this one was asked for by name.
    """

    connection: str
    engine: str
    reason: str | None = None
