"""A few objects or files that are sent, put up anew as often as needed, and the end that they must come to.

Six new ones, one that is replaced, one in two parts, one that is deleted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import s3plan
from campaign.repeated_plan import Ended, PlaceT, RepeatedPlan
from fakes.s3server import Fault, ServerProcess
from fakes.workplace import MIB, PROBE

OLD_S = 1_000_000_000  # when what is there already was written
_NEW = tuple(f"new/{number}" for number in range(6))
_REPLACED, _DELETED, _LARGE = "replaced", "deleted", "large"
_ACTIONS = len(_NEW) + 3


class SmallStage(RepeatedPlan[PlaceT], ABC):
    """`applying` are the operations of an undisturbed apply at each side, in their order.

    `wanted` and `old` are the contents of the destination at last and at first, `seed` is what they are drawn from.
    """

    def __init__(self, place: PlaceT, *, seed: int) -> None:
        super().__init__(place)
        chance = Random(seed)
        self.wanted = {key: chance.randbytes(1000) for key in (*_NEW, _REPLACED)}
        self.wanted[_LARGE] = chance.randbytes(5 * MIB + 1)
        self.old = dict.fromkeys((_REPLACED, _DELETED), b"old")
        self.fill_source()
        self.set_up()
        self.write_manifest()
        s3plan.plan(place.folder / "job.yaml", probe=True)
        assert self.apply(self.fresh_plan()).exit_code == 0  # the store has been probed
        self.set_up()
        assert self.apply(self.fresh_plan()).exit_code == 0
        self.applying: Mapping[str, Sequence[str]] = {
            side: [logged.operation for logged in server.log()] for side, server in self.sides.items()
        }
        wrong = list(self.shortcomings(Ended(0, "", {"done": _ACTIONS})))
        assert wrong == [], wrong

    @property
    @abstractmethod
    def sides(self) -> Mapping[str, ServerProcess]:
        """The servers whose requests are disturbed, by what they are called."""

    @abstractmethod
    def fill_source(self) -> None:
        """Have `wanted` at the source, once."""

    @abstractmethod
    def set_up(self) -> None:
        """Have `old` at the destination, and nothing noted by any server."""

    @abstractmethod
    def write_manifest(self) -> None:
        """Write the manifest of the job."""

    @abstractmethod
    def found(self) -> Mapping[str, bytes]:
        """What stands at the destination, by boto3 or plain reads; without a trial's own."""

    @property
    def is_sent_to_a_store(self) -> bool:
        return True

    @property
    def servers(self) -> Sequence[ServerProcess]:
        return list(self.sides.values())

    def disturb_side(self, side: str, *faults: Fault) -> None:
        self.sides[side].faults(faults)

    def seed_old(self) -> None:
        """Have an empty bucket `destination` but for what is there at first."""
        self.place.server.wipe()
        self.place.buckets("destination")
        self.place.seed("destination", *self.old, body="old", modified_s=OLD_S)

    def losses(self) -> Iterator[str]:
        """What may never be, at any moment."""
        found = self.found()
        for key, body in found.items():
            if body not in (self.old.get(key), self.wanted.get(key)):
                yield f"{key} is neither old nor new"
        if _REPLACED not in found:
            yield "what was to be replaced is lost"
        if _DELETED not in found and any(found.get(key) != body for key, body in self.wanted.items()):
            yield "it was deleted before all was written"
        twice = {key: number for key, number in self.place.writes().items() if number > 1}
        if self.is_sent_to_a_store and twice:
            yield f"written more than once: {twice}"

    def shortcomings(self, ended: Ended) -> Iterator[str]:
        """What is wrong after a run that has ended well."""
        yield from self.losses()
        if ended.exit_code or ended.is_stuck:
            yield f"it ended with {ended.exit_code}: {ended.words}"
        if self.found() != self.wanted:
            yield "the destination is not as planned"
        if sum(ended.counts.get(word, 0) for word in ("done", "already-done")) != _ACTIONS:
            yield f"not all of {_ACTIONS} actions are done: {ended.counts}"
        if self.is_sent_to_a_store:
            yield from self._untold_remains()

    def _untold_remains(self) -> Iterator[str]:
        told = " ".join(self.told)
        left = [each for each in self.place.server.uploads("destination") if each.upload_id not in told]
        left = [each for each in left if each.key not in told] if "looked up" not in told else []
        if left:
            yield f"uploads stayed open: {left}"
        remains = [key for key in self.place.keys("destination") if PROBE in key and key not in told]
        if remains:
            yield f"a trial left {remains}"
