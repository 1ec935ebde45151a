"""What answers requests, as far as pace and outages go."""

from __future__ import annotations

from typing import NamedTuple

from s3plan.schemas.plan.rows import PlanLocation


class Place(NamedTuple):
    """A store as one connection reaches it: what slows down there, or does not answer, concerns nothing else.

    Buckets that are reached the same way are one place.
    """

    connection: str
    endpoint: str | None
    region: str | None

    def __str__(self) -> str:
        """A clause for a person."""
        where = self.endpoint or ("AWS" if self.region is None else f"AWS in {self.region}")
        return f"{where} (connection {self.connection})" if self.connection else where


def place_of(location: PlanLocation) -> Place:
    """Return the place that a location's requests go to; a folder is one by itself."""
    endpoint = location.url if location.is_folder else location.endpoint
    return Place(location.connection, endpoint, location.region)
