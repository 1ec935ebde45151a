"""The places of a plan's jobs, found and numbered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from s3plan.app.stores import Stores
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.words import Mode
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.storage.places.location import FoundLocation


@dataclass(frozen=True, slots=True)
class PlanEnds:
    """The places of a plan's jobs; two jobs with one place share it."""

    entries: Mapping[str, JobEntry]
    by_job: Mapping[str, tuple[FoundLocation | None, FoundLocation]]  # source, if there is one, and destination
    places: tuple[FoundLocation, ...]  # by id

    @classmethod
    def find(cls, stores: Stores, entries: Mapping[str, JobEntry]) -> Self:
        """Ask where the places of these jobs are; raises what Stores.find raises."""
        places: list[FoundLocation] = []

        def numbered(found: FoundLocation) -> FoundLocation:
            for place in places:
                if replace(place.location, id=0) == found.location and place.exists is found.exists:
                    return place
            places.append(replace(found, location=replace(found.location, id=len(places) + 1)))
            return places[-1]

        by_job = {
            name: (None, found[0]) if job.location is not None else (found[0], found[1])
            for name, job in entries.items()
            if (found := [numbered(stores.find(place)) for place in job.places])
        }
        return cls(entries, by_job, tuple(places))

    @property
    def locations(self) -> tuple[PlanLocation, ...]:
        """All places as the plan has them, by id."""
        return tuple(found.location for found in self.places)

    @property
    def destinations(self) -> tuple[FoundLocation, ...]:
        """The places where jobs write or delete, each once, by id."""
        changed = {destination.location.id for _, destination in self.by_job.values()}
        changed |= {source.location.id for source in self.moved_from.values()}
        return tuple(found for found in self.places if found.location.id in changed)

    @property
    def moved_from(self) -> dict[str, FoundLocation]:
        """The places from where jobs move, by the jobs' names."""
        return {
            name: source
            for name, (source, _) in self.by_job.items()
            if source is not None and self.entries[name].mode is Mode.MOVE
        }
