"""That no key is changed twice, by whichever phases and jobs of a plan; in one pass over keys that ascend."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from s3plan.schemas.plan.rows import Batch, PlanLocation

KeysOf = Callable[[Batch], list[bytes]]
"""Gives the whole keys that a batch changes, ascending."""


class KeyTwice(Exception):
    """A key that is written or deleted twice, and the jobs that do it."""

    def __init__(self, key: bytes, jobs: tuple[str, str]) -> None:
        super().__init__(repr(key))
        self.key = key
        self.jobs = jobs


class KeysOutOfOrder(Exception):
    """A batch whose keys do not come after those of the one before it in its phase."""

    def __init__(self, batch: int) -> None:
        super().__init__(f"batch {batch}")
        self.batch = batch


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A batch that changes keys at `destination`, of a job."""

    batch: Batch
    job: str
    destination: PlanLocation


def check_written_once(batches: Iterable[WrittenBatch], *, keys_of: KeysOf) -> None:
    """Raise KeyTwice for a key of one bucket that two phases change, KeysOutOfOrder where one phase does not ascend.

    Memory holds the keys of one batch for each phase.
    """
    ordered = sorted(batches, key=lambda each: (each.destination.whole_bucket, each.batch.phase, each.batch.id))
    for _, of_store in groupby(ordered, key=lambda each: each.destination.whole_bucket):
        by_phase = [list(of_phase) for _, of_phase in groupby(of_store, key=lambda each: each.batch.phase)]
        _check_once([_Head(of_phase[0].job, _ascending(of_phase, keys_of)) for of_phase in by_phase])


def _check_once(streams: Sequence[_Head]) -> None:
    heads = list(streams)
    while heads := [head for head in heads if head.refill()]:
        up_to = min(head.keys[-1] for head in heads)
        portions = [(head.job, head.take(up_to)) for head in heads]
        if len(set().union(*(keys for _, keys in portions))) != sum(len(keys) for _, keys in portions):
            raise _twice(portions)


class _Head:
    """The list that stands first in a stream, and how far it was used."""

    def __init__(self, job: str, stream: Iterator[list[bytes]]) -> None:
        self.job = job
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


def _ascending(batches: Iterable[WrittenBatch], keys_of: KeysOf) -> Iterator[list[bytes]]:
    last: bytes | None = None
    for each in batches:
        keys = keys_of(each.batch)
        if last is not None and keys[0] <= last:
            raise KeysOutOfOrder(each.batch.id)
        last = keys[-1]
        yield keys


def _twice(portions: Iterable[tuple[str, Iterable[bytes]]]) -> KeyTwice:
    seen: dict[bytes, str] = {}
    for job, keys in portions:
        for key in keys:
            if key in seen:
                return KeyTwice(key, (seen[key], job))
            seen[key] = job
    raise AssertionError("a key that comes twice was counted")
