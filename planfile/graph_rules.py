"""What must be true of a plan's locations, phases, edges and batches: held by the writer, checked by the reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from s3plan.planfile.batch_rules import WRITING_PHASES
from s3plan.planfile.rows import MAX_BATCH_ACTIONS, RowInvalid
from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.manifest.locations import NAME_PATTERN
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import Batch, Edge, LocationRole, Phase, PhaseName, PlanLocation

# Within a job each of these comes after all before it.
_ORDER_IN_JOB = (PhaseName.PREPARE, PhaseName.COPY, PhaseName.DELETE)
DIGEST_BYTES = 32
# What stands for a bucket and nothing else in a path and in a host name: as botocore has it, without dots alone.
_BUCKET = re.compile(r"(?!\.+\Z)[A-Za-z0-9._-]{1,255}", re.ASCII).fullmatch
_ALPHABETS = (
    ("bucket", _BUCKET, "bucket's name"),
    ("connection", re.compile(f"(?:{NAME_PATTERN})?", re.ASCII).fullmatch, "connection's name"),
    # As stores name them, so wider than in a manifest.
    ("region", re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII).fullmatch, "region"),
    ("owner", re.compile(r"[A-Za-z0-9-]{1,128}", re.ASCII).fullmatch, "account"),
)
_KINDS_OF_PHASE = {
    PhaseName.COPY: (VerdictKind.COPY, VerdictKind.OVERWRITE),
    PhaseName.DELETE: (VerdictKind.DELETE,),
}


def check_location(location: PlanLocation) -> None:
    """Raise RowInvalid unless the URL that a person reads is that of the bucket and prefix that requests go to.

    What of a location goes into hosts, headers and documents is of a closed alphabet, its endpoint one that a manifest
    may name.
    """
    for name, is_valid, what in _ALPHABETS:
        text = getattr(location, name)
        if text is not None and not is_valid(text):
            raise RowInvalid(f"{text[:80]!a} is no {what}")
    try:
        if location.endpoint is not None:
            parse_endpoint(location.endpoint)
    except EndpointInvalid as e:
        raise RowInvalid(f"location {location.id} has no endpoint that requests may be sent to: {e}") from e
    if location.url != f"s3://{location.bucket}/{location.prefix}":
        raise RowInvalid(f"location {location.id} is shown as another place than it is")


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

    A copy batch goes from a source to a destination, a delete batch has only the destination that it deletes from.
    `sibling` is an earlier batch of its phase, whose locations must be the same where the phase writes.
    """
    phase = phases.get(batch.phase)
    if phase is None:
        raise RowInvalid(f"batch {batch.id} is of phase {batch.phase}, which does not exist")
    ends = (batch.from_location, batch.to_location)
    for location in ends:
        if location is not None and location not in locations:
            raise RowInvalid(f"batch {batch.id} names location {location}, which does not exist")
    wants_source = phase.name is PhaseName.COPY
    if phase.name in WRITING_PHASES and (ends[1] is None or (ends[0] is not None) is not wants_source):
        raise RowInvalid(f"batch {batch.id} does not have the locations of a {phase.name}")
    if phase.name in WRITING_PHASES and not _keeps_direction(batch, locations):
        raise RowInvalid(f"batch {batch.id} reads from a destination or writes to a source")
    if phase.name in WRITING_PHASES and sibling and ends != (sibling.from_location, sibling.to_location):
        raise RowInvalid(f"batches {sibling.id} and {batch.id} are of one phase but of different locations")
    if batch.actions < 1 or batch.size_bytes < 0 or len(batch.digest) != DIGEST_BYTES:
        raise RowInvalid(f"batch {batch.id} is without actions, of negative size or without a digest")
    if batch.actions > MAX_BATCH_ACTIONS:
        raise RowInvalid(f"batch {batch.id} has more than {MAX_BATCH_ACTIONS:,} actions")


def check_header_sums(header: PlanHeader, *, phases: Mapping[int, Phase], batches: Iterable[Batch]) -> None:
    """Raise RowInvalid unless the header counts what is to be performed, in all and by kind, as the batches do.

    How many of the copies are overwrites is known only when the actions are read: see invariants.py.
    """
    actions = dict.fromkeys(_KINDS_OF_PHASE, 0)
    size_bytes = dict.fromkeys(_KINDS_OF_PHASE, 0)
    for batch in batches:
        name = phases[batch.phase].name
        if name in _KINDS_OF_PHASE:
            actions[name] += batch.actions
            size_bytes[name] += batch.size_bytes
    found = (sum(actions.values()), size_bytes[PhaseName.COPY])
    if (header.actions, header.bytes) != found:
        raise RowInvalid(
            f"its header says {header.actions} actions and {header.bytes} bytes to write, "
            f"its batches hold {found[0]} and {found[1]}"
        )
    for name, kinds in _KINDS_OF_PHASE.items():
        said = (sum(map(header.objects_of, kinds)), sum(map(header.bytes_of, kinds)))
        if said != (actions[name], size_bytes[name]):
            raise RowInvalid(
                f"its totals say {said[0]} objects of {said[1]} bytes to {name}, "
                f"its batches hold {actions[name]} of {size_bytes[name]}"
            )


def _keeps_direction(batch: Batch, locations: Mapping[int, PlanLocation]) -> bool:
    ends = ((batch.from_location, LocationRole.SOURCE), (batch.to_location, LocationRole.DESTINATION))
    return all(locations[location].role is role for location, role in ends if location is not None)


def _befores(*, ids: Sequence[int], edges: Sequence[Edge]) -> dict[int, list[int]]:
    """Return what each phase directly waits for; raise RowInvalid for an edge without its phases and for a circle."""
    befores: dict[int, list[int]] = {phase: [] for phase in ids}
    for edge in edges:
        if edge.before not in befores or edge.after not in befores:
            raise RowInvalid(f"the edge {edge.before} -> {edge.after} names a phase that does not exist")
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
