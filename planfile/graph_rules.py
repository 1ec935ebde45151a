"""What must be true of a plan's locations, phases, edges and batches: held by the writer, checked by the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from s3plan.planfile.batch_rules import WRITING_PHASES
from s3plan.planfile.rows import RowInvalid
from s3plan.schemas.plan import Batch, Edge, Phase, PhaseName, PlanLocation
from s3plan.schemas.plan_header import PlanHeader

# Within a job each of these comes after all before it.
_ORDER_IN_JOB = (PhaseName.PREPARE, PhaseName.COPY, PhaseName.DELETE)
DIGEST_BYTES = 32


def check_graph(*, phases: Sequence[Phase], edges: Sequence[Edge]) -> None:
    """Raise RowInvalid unless the phases form a DAG in which each job's deletes wait for its copies.

    Also: a job has a phase of a name once, edges name phases there are, and copies and deletes wait for the job's
    prepare phase.
    """
    jobs: dict[str, dict[PhaseName, int]] = {}
    for phase in phases:
        of_job = jobs.setdefault(phase.job, {})
        if phase.name in of_job:
            raise RowInvalid(f"job {phase.job!a} has two {phase.name} phases")
        of_job[phase.name] = phase.id
    befores = _befores(ids=[phase.id for phase in phases], edges=edges)
    for job, of_job in jobs.items():
        ordered = [name for name in _ORDER_IN_JOB if name in of_job]
        for before, after in pairwise(ordered):
            if not _waits_for(of_job[before], phase=of_job[after], befores=befores):
                raise RowInvalid(f"the {after} phase of job {job!a} does not wait for its {before} phase")


def check_batch_place(
    batch: Batch, *, phases: Mapping[int, Phase], locations: Mapping[int, PlanLocation], sibling: Batch | None
) -> None:
    """Raise RowInvalid unless a batch has a phase that may hold it and the locations that such a batch needs.

    A copy batch has both locations, a delete batch only the one that it deletes from. `sibling` is an earlier batch
    of its phase, whose locations must be the same where the phase writes.
    """
    phase = phases.get(batch.phase)
    if phase is None:
        raise RowInvalid(f"batch {batch.id} is of phase {batch.phase}, which there is not")
    ends = (batch.from_location, batch.to_location)
    for location in ends:
        if location is not None and location not in locations:
            raise RowInvalid(f"batch {batch.id} names location {location}, which there is not")
    wants_source = phase.name is PhaseName.COPY
    if phase.name in WRITING_PHASES and (ends[1] is None or (ends[0] is not None) is not wants_source):
        raise RowInvalid(f"batch {batch.id} does not have the locations of a {phase.name}")
    if phase.name in WRITING_PHASES and sibling and ends != (sibling.from_location, sibling.to_location):
        raise RowInvalid(f"batches {sibling.id} and {batch.id} are of one phase but of different locations")
    if batch.actions < 1 or batch.size_bytes < 0 or len(batch.digest) != DIGEST_BYTES:
        raise RowInvalid(f"batch {batch.id} is without actions, of negative size or without a digest")


def check_header_sums(header: PlanHeader, *, phases: Mapping[int, Phase], batches: Iterable[Batch]) -> None:
    """Raise RowInvalid unless the header counts the actions to be performed and the bytes to be written as they are."""
    actions = size_bytes = 0
    for batch in batches:
        name = phases[batch.phase].name
        actions += batch.actions if name in WRITING_PHASES else 0
        size_bytes += batch.size_bytes if name is PhaseName.COPY else 0
    if (header.actions, header.bytes) != (actions, size_bytes):
        raise RowInvalid(
            f"its header says {header.actions} actions and {header.bytes} bytes to write, "
            f"its batches hold {actions} and {size_bytes}"
        )


def _befores(*, ids: Sequence[int], edges: Sequence[Edge]) -> dict[int, list[int]]:
    """Return what each phase directly waits for; raise RowInvalid for an edge without its phases and for a circle."""
    befores: dict[int, list[int]] = {phase: [] for phase in ids}
    for edge in edges:
        if edge.before not in befores or edge.after not in befores:
            raise RowInvalid(f"the edge {edge.before} -> {edge.after} names a phase that there is not")
        befores[edge.after].append(edge.before)
    try:
        TopologicalSorter(befores).prepare()
    except CycleError as e:
        raise RowInvalid("its phases wait for each other in a circle") from e
    return befores


def _waits_for(before: int, *, phase: int, befores: Mapping[int, Sequence[int]]) -> bool:
    seen: set[int] = set()
    waiting = [phase]
    while waiting:
        for each in befores[waiting.pop()]:
            if each == before:
                return True
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return False
