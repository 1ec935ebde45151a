"""A few objects that are relayed between two servers, put up anew as often as needed, and the end they must come to.

Six new objects, one that is replaced, one in two parts, one that is deleted.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from time import monotonic

import s3plan
from campaign.stage import Ended
from fakes.relay_place import ORIGIN, STORE, RelayPlace
from fakes.s3server import Fault, ServerProcess
from fakes.workplace import MIB, PROBE
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.events import Event, Warned
from s3plan.schemas.run_states import StopLevel

SIDES = (ORIGIN, STORE)
_NEW = tuple(f"new/{number}" for number in range(6))
_REPLACED, _DELETED, _LARGE = "replaced", "deleted", "large"
_ACTIONS = len(_NEW) + 3
_PATIENCE_S = 60.0
_OLD_S = 1_000_000_000
_RUN = {
    "executor": "serial",
    "in_flight": 1,  # so that request number N is the same one each time
    "multipart_threshold": "5MiB",
    "part_size": "5MiB",
    "retries": {"attempts": 9, "initial": "5ms", "max": "50ms"},
}


class RelayStage:
    """`applying` are the operations of an undisturbed apply at each side, in their order."""

    def __init__(self, place: RelayPlace) -> None:
        self.place = place
        self._runs = 0
        self.told: list[str] = []
        chance = Random(5)
        self._wanted = {key: chance.randbytes(1000) for key in (*_NEW, _REPLACED)}
        self._wanted[_LARGE] = chance.randbytes(5 * MIB + 1)
        self._old = dict.fromkeys((_REPLACED, _DELETED), b"old")
        place.origin.wipe()
        place.buckets("source")
        for key, body in self._wanted.items():
            place.s3.put_object(Bucket="source", Key=key, Body=body, ChecksumAlgorithm="CRC64NVME")
        self._source = place.listed("source")
        self.set_up()
        place.manifest(mode="mirror", delete={"extraneous": True}, guards={"max_delete": "100%"}, run=_RUN)
        s3plan.plan(place.folder / "job.yaml", probe=True)
        assert self.apply(self.fresh_plan()).exit_code == 0  # the store has been probed
        self.set_up()
        assert self.apply(self.fresh_plan()).exit_code == 0
        self.applying = {side: [logged.operation for logged in self.server_of(side).log()] for side in SIDES}
        wrong = list(self.shortcomings(Ended(0, "", {"done": _ACTIONS})))
        assert wrong == [], wrong

    def server_of(self, side: str) -> ServerProcess:
        return self.place.origin if side == ORIGIN else self.place.server

    def set_up(self) -> None:
        """Have the destination as it was at first, and both servers with nothing noted."""
        self.place.server.wipe()
        self.place.buckets("destination")
        self.place.seed("destination", *self._old, body="old", modified_s=_OLD_S)
        for server in self.place.both:
            server.reset_stats()

    def fresh_plan(self) -> Path:
        """The same plan once more, in a folder of its own, never applied."""
        self._runs += 1
        self.told.clear()
        folder = self.place.folder / f"run-{self._runs}"
        folder.mkdir()
        return Path(shutil.copy(self.place.plan_file, folder))

    def disturb(self, side: str, *faults: Fault) -> None:
        self.server_of(side).faults(faults)

    def hits(self) -> int:
        """How many requests the faults have met."""
        return sum(sum(server.fired()) for server in self.place.both)

    def calm(self) -> None:
        for server in self.place.both:
            server.clear_faults()

    def apply(self, plan: Path) -> Ended:
        """Apply, as the command would; anything but an error of ours is a bug and goes through."""
        until_s = monotonic() + _PATIENCE_S

        def stop_level() -> StopLevel:
            return StopLevel.ABANDON if monotonic() > until_s else StopLevel.NONE

        def note(event: Event) -> None:
            if isinstance(event, Warned):
                self.told.append(event.message)

        try:
            report = s3plan.apply(plan, stop_level=stop_level, on_event=note)
        except S3PlanError as error:
            return Ended(int(error.exit_code), str(error), is_stuck=monotonic() > until_s)
        counts = {kind.value: number for kind, number in report.counts.items()}
        return Ended(report.exit_code, "; ".join(report.messages), counts, is_stuck=monotonic() > until_s)

    def _found(self) -> Mapping[str, bytes]:
        """What stands at the destination, by boto3."""
        keys = [key for key in self.place.keys("destination") if PROBE not in key]
        return {key: self.place.body("destination", key) for key in keys}

    def losses(self) -> Iterator[str]:
        """What may never be, at any moment."""
        found = self._found()
        if self.place.listed("source") != self._source:
            yield "the source has changed"
        for key, body in found.items():
            if body not in (self._old.get(key), self._wanted.get(key)):
                yield f"{key} is neither old nor new"
        if _REPLACED not in found:
            yield "the object that was to be replaced is lost"
        if _DELETED not in found and any(found.get(key) != body for key, body in self._wanted.items()):
            yield "it was deleted before all was written"
        twice = {key: number for key, number in self.place.writes().items() if number > 1}
        if twice:
            yield f"written more than once: {twice}"

    def shortcomings(self, ended: Ended) -> Iterator[str]:
        """What is wrong after a run that has ended well."""
        yield from self.losses()
        if ended.exit_code or ended.is_stuck:
            yield f"it ended with {ended.exit_code}: {ended.words}"
        if self._found() != self._wanted:
            yield "the destination is not as planned"
        if sum(ended.counts.get(word, 0) for word in ("done", "already-done")) != _ACTIONS:
            yield f"not all of {_ACTIONS} actions are done: {ended.counts}"
        told = " ".join(self.told)
        left = [each.upload_id for each in self.place.server.uploads("destination") if each.upload_id not in told]
        if left and "looked up" not in told:
            yield f"uploads stayed open: {left}"
