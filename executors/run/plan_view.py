"""What an apply needs of a plan; planfile's reader is one, tests bring their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from s3plan.planfile.graph import PhaseGraph
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import Batch, Phase, PlanLocation


class PlanView(Protocol):
    """A plan that has been opened and checked."""

    header: PlanHeader
    phases_by_id: dict[int, Phase]
    batches: tuple[Batch, ...]

    @property
    def graph(self) -> PhaseGraph:
        """What waits for what."""

    @property
    def digest(self) -> str:
        """The plan's identity: 64 hex digits."""

    def source(self, batch: Batch) -> PlanLocation | None:
        """Return the location that a batch reads from."""

    def destination(self, batch: Batch) -> PlanLocation | None:
        """Return the location that a batch changes."""

    def actions(self, batch: Batch) -> Sequence[Action]:
        """Return a batch's actions in key order; raise PlanDamaged if they are not as sealed."""
