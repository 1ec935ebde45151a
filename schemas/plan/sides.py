"""The two ends that a batch has to do with."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Whose connection a request goes through: the one that a batch reads from, or the one that it changes."""

    SOURCE = "source"
    DESTINATION = "destination"
