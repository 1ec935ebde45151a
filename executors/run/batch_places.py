"""Which places a batch asks."""

from __future__ import annotations

from s3plan.executors.run.plan_view import PlanView
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import Batch


class BatchPlaces:
    """Of a plan; batches between the same two locations ask the same places, so it is found out once for each pair."""

    def __init__(self, plan: PlanView) -> None:
        self._plan = plan
        self._known: dict[tuple[int | None, int | None], frozenset[Place]] = {}

    def of(self, batch: Batch) -> frozenset[Place]:
        """Return the places that a batch's requests go to."""
        pair = (batch.from_location, batch.to_location)
        found = self._known.get(pair)
        if found is None:
            ends = (self._plan.source(batch), self._plan.destination(batch))
            found = self._known[pair] = frozenset(place_of(end) for end in ends if end is not None)
        return found
