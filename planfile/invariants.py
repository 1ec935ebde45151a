"""What must be true of all actions of a plan together: checked when it was made, and again before it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from s3plan.planfile.batch_rules import WRITING_PHASES
from s3plan.planfile.reader import PlanReader
from s3plan.planfile.written_keys import KeysOutOfOrder, KeyTwice, WrittenBatch, check_written_once
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import PhaseName
from s3plan.schemas.printable import shown_path


def check_invariants(reader: PlanReader) -> None:
    """Raise PlanRefused unless each destination key is changed once at most and no job reads where one writes.

    Nor may a job overwrite more, or less, than its totals say. Reads the keys of all copies, removals and deletes once,
    in order; memory holds one batch for each phase. Two endpoints that are one store under two names cannot be told
    apart from two stores. That deletes wait for their job's copies is checked with the plan's graph.
    """
    _check_overlap(reader)
    _check_overwrites(reader)
    try:
        check_written_once(_written_batches(reader), keys_of=reader.destination_keys)
    except KeyTwice as twice:
        jobs = "" if len(set(twice.jobs)) == 1 else f", by {' and '.join(f'job {job!a}' for job in twice.jobs)}"
        raise PlanRefused(
            f"{shown_path(reader.path)} writes or deletes the key {twice.key!r} twice{jobs}; make a new plan"
        ) from twice
    except KeysOutOfOrder as disorder:
        raise PlanRefused(
            f"{shown_path(reader.path)} is not in order: batch {disorder.batch} begins below the one before it; "
            "make a new plan"
        ) from disorder


def _written_batches(reader: PlanReader) -> Iterator[WrittenBatch]:
    for batch in reader.batches:
        phase, destination = reader.phases_by_id[batch.phase], reader.destination(batch)
        if phase.name in WRITING_PHASES and destination is not None:
            yield WrittenBatch(batch, phase.job, destination)


def _check_overlap(reader: PlanReader) -> None:
    jobs = [job for job in reader.header.jobs if job.actions]
    before = _before(reader.header.jobs)
    for reading, writing in product(jobs, jobs):
        if reading.from_location is None:
            continue
        source = reader.locations_by_id[reading.from_location]
        for location in _changed_meanwhile(writing, reading, before):
            changed = reader.locations_by_id[location]
            if source.overlaps(changed):
                raise PlanRefused(
                    f"{shown_path(reader.path)} reads from {source.url!a} and writes to {changed.url!a}, which "
                    "overlap; make a new plan"
                )


def _changed_meanwhile(writing: JobRecord, reading: JobRecord, before: Mapping[str, frozenset[str]]) -> Iterator[int]:
    """Yield where a job changes something while another one may still read, or it itself does."""
    is_after = reading.name in before[writing.name]  # all reads of those that a job depends on end before its deletes
    if not (writing.only_deletes and is_after):
        yield writing.to_location
    if writing.removals and writing.from_location is not None and not (is_after or writing is reading):
        yield writing.from_location


def _before(jobs: Iterable[JobRecord]) -> dict[str, frozenset[str]]:
    """Return the jobs that each depends on, directly or not; each job comes after those."""
    before: dict[str, frozenset[str]] = {}
    for job in jobs:
        before[job.name] = frozenset(job.depends_on).union(*(before[other] for other in job.depends_on))
    return before


def _check_overwrites(reader: PlanReader) -> None:
    for job in reader.header.jobs:
        copies = [
            batch
            for batch in reader.batches
            if (phase := reader.phases_by_id[batch.phase]).name is PhaseName.COPY and phase.job == job.name
        ]
        for kind, count, does in (
            (VerdictKind.OVERWRITE, reader.count_overwrites, "overwrites"),
            (VerdictKind.SAME, reader.count_same, "removes without a copy"),
        ):
            found, said = sum(map(count, copies)), job.objects_of(kind)
            if found != said:
                raise PlanRefused(
                    f"{shown_path(reader.path)}: job {job.name} {does} {found} objects, its totals say {said}; make a "
                    "new plan"
                )
