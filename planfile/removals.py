"""Batches that remove what was moved: each is about the rows of one copy batch and has none of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from s3plan.planfile.rows import RowInvalid
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import Batch, Phase, PhaseName


def removal_batch(copies: Batch, *, id_: int, phase: int) -> Batch:
    """Return the batch that removes the sources of a copy batch."""
    return replace(
        copies, id=id_, phase=phase, from_location=None, to_location=copies.from_location, of_batch=copies.id
    )


def removals_of(copies: Sequence[Action]) -> tuple[Action, ...]:
    """Return what a removal batch does: for each action of its copy batch the delete of the source, by its pin.

    Never of a version: a delete without one hides an object that has versions, and destroys none.
    """
    return tuple(
        Action(
            ActionKind.REMOVE,
            action.key,
            action.size_bytes,
            action.reason,
            destination_pin=action.source_pin,
            destination_mtime_ms=action.source_mtime_ms,
        )
        for action in copies
    )


def check_removal(batch: Batch, *, copies: Batch | None, phases: Mapping[int, Phase], taken: set[int]) -> None:
    """Raise RowInvalid unless a batch of a remove phase is about a copy batch of its job, as nothing else is yet.

    `copies` is the batch that it names, if there is one before it; `taken` are those that others have named.
    """
    if copies is None or phases[copies.phase] != Phase(copies.phase, phases[batch.phase].job, PhaseName.COPY):
        raise RowInvalid(f"batch {batch.id} is of batch {batch.of_batch}, which is no copy batch of its job before it")
    if batch != removal_batch(copies, id_=batch.id, phase=batch.phase):
        raise RowInvalid(f"batch {batch.id} is not about the actions of batch {copies.id} where they are read")
    if copies.id in taken:
        raise RowInvalid(f"batch {batch.id} removes what another one removes: the actions of batch {copies.id}")
    taken.add(copies.id)
