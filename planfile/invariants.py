"""What must be true of all actions of a plan together: checked when it was made, and again before it is applied."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from s3plan.planfile.batch_rules import WRITING_PHASES
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.rows import Batch, PhaseName, PlanLocation
from s3plan.schemas.printable import shown_path


def check_invariants(reader: PlanReader) -> None:
    """Raise PlanRefused unless each destination key is changed once at most and no copy reads where it writes.

    Nor may a plan overwrite more, or less, than its totals say. Reads the keys of all copies and deletes once, in
    order; memory holds one batch for each phase. Two endpoints that are one store under two names cannot be told apart
    from two stores. That deletes wait for their job's copies is checked when a plan is opened.
    """
    _check_overlap(reader)
    _check_overwrites(reader)
    batches = [batch for batch in reader.batches if reader.phases_by_id[batch.phase].name in WRITING_PHASES]
    batches.sort(key=lambda batch: (_store(reader.destination(batch)), batch.phase, batch.id))
    for _, of_bucket in groupby(batches, key=lambda batch: _store(reader.destination(batch))):
        by_phase = [list(of_phase) for _, of_phase in groupby(of_bucket, key=lambda batch: batch.phase)]
        _check_once(reader, [_ascending(reader, of_phase) for of_phase in by_phase])


def _check_overlap(reader: PlanReader) -> None:
    for ends in {(batch.from_location, batch.to_location): batch for batch in reader.batches}.values():
        source, destination = reader.source(ends), reader.destination(ends)
        if reader.phases_by_id[ends.phase].name not in WRITING_PHASES or source is None or destination is None:
            continue
        prefixes = (source.prefix, destination.prefix)
        if _store(source) == _store(destination) and (
            prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])
        ):
            raise PlanRefused(
                f"{shown_path(reader.path)} reads from {source.url!a} and writes to {destination.url!a}, which "
                "overlap; make a new plan"
            )


def _check_overwrites(reader: PlanReader) -> None:
    copies = [batch for batch in reader.batches if reader.phases_by_id[batch.phase].name is PhaseName.COPY]
    found, said = sum(map(reader.count_overwrites, copies)), reader.header.objects_of(VerdictKind.OVERWRITE)
    if found != said:
        raise PlanRefused(
            f"{shown_path(reader.path)} overwrites {found} objects, its totals say {said}; make a new plan"
        )


def _check_once(reader: PlanReader, streams: Sequence[Iterator[list[bytes]]]) -> None:
    """Raise PlanRefused for a key that two streams have; each is ascending and comes in lists."""
    heads = [_Head(stream) for stream in streams]
    while heads := [head for head in heads if head.refill()]:
        up_to = min(head.keys[-1] for head in heads)
        portions = [head.take(up_to) for head in heads]
        if len(set().union(*portions)) != sum(map(len, portions)):
            raise PlanRefused(f"{shown_path(reader.path)} {_twice(portions)}; make a new plan")


class _Head:
    """The list that stands first in a stream, and how far it was used."""

    def __init__(self, stream: Iterator[list[bytes]]) -> None:
        self._stream = stream
        self._used = 0
        self.keys: list[bytes] = []

    def refill(self) -> bool:
        """Step on if the list is used up; say whether there is any more."""
        while self._used == len(self.keys):
            following = next(self._stream, None)
            if following is None:
                return False
            self.keys, self._used = following, 0
        return True

    def take(self, up_to: bytes) -> list[bytes]:
        """Use and return the keys up to this one, inclusive."""
        begin, self._used = self._used, bisect_right(self.keys, up_to, self._used)
        return self.keys[begin : self._used]


def _ascending(reader: PlanReader, batches: Iterable[Batch]) -> Iterator[list[bytes]]:
    last: bytes | None = None
    for batch in batches:
        keys = reader.destination_keys(batch)
        if last is not None and keys[0] <= last:
            raise PlanRefused(
                f"{shown_path(reader.path)} is not in order: batch {batch.id} begins below the one before it; "
                "make a new plan"
            )
        last = keys[-1]
        yield keys


def _store(location: PlanLocation | None) -> tuple[str, str]:
    """What tells two buckets apart: the endpoint, empty for AWS, and the name."""
    return ("", "") if location is None else (location.endpoint or "", location.bucket)


def _twice(portions: Iterable[Iterable[bytes]]) -> str:
    seen: set[bytes] = set()
    for portion in portions:
        for key in portion:
            if key in seen:
                return f"writes or deletes the key {key!r} twice"
            seen.add(key)
    return "writes or deletes a key twice"
