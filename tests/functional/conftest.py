"""Every test here stands on a workplace: a folder, a server, the library and the command."""

from __future__ import annotations

from fakes.relay_place import origin_server, relay_place
from fakes.workplace import engine, place

__all__ = ["engine", "origin_server", "place", "relay_place"]
