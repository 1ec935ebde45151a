"""A small folder that goes up, or comes down, put up anew as often as it is needed, and the end that it must come to.

Six new files, one that is replaced, one in two parts, one that is deleted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from time import monotonic

import s3plan
from campaign.stage import Ended
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_folder_job
from fakes.s3server import Fault
from fakes.workplace import MIB, Workplace
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.events import Event, Warned
from s3plan.schemas.run_states import StopLevel

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


class FolderStage:
    """`applying` are the operations of an undisturbed apply, in their order."""

    def __init__(self, place: Workplace, *, goes_up: bool) -> None:
        self.place = place
        self._goes_up = goes_up
        self._runs = 0
        self.told: list[str] = []
        chance = Random(3)
        self._wanted = {key: chance.randbytes(1000) for key in (*_NEW, _REPLACED)}
        self._wanted[_LARGE] = chance.randbytes(5 * MIB + 1)
        self._old = dict.fromkeys((_REPLACED, _DELETED), b"old")
        place.server.wipe()
        place.buckets()
        self._fill_source()
        self.set_up()
        folder = {"url": "./files", "stamp": "size-mtime"}  # the folder is filled anew for each run
        source, destination = (folder, "s3://destination/") if goes_up else ("s3://source/", folder)
        write_folder_job(place, source=source, destination=destination, **MIRRORS_ALL, run=_RUN)
        s3plan.plan(place.folder / "job.yaml", probe=True)
        assert self.apply(self.fresh_plan()).exit_code == 0  # the store has been probed
        self.set_up()
        place.server.reset_stats()
        assert self.apply(self.fresh_plan()).exit_code == 0
        self.applying = [logged.operation for logged in place.server.log()]
        wrong = list(self.shortcomings(Ended(0, "", {"done": _ACTIONS})))
        assert wrong == [], wrong

    @property
    def _folder(self) -> Path:
        return self.place.folder / "files"

    def _fill_source(self) -> None:
        if self._goes_up:
            for key, body in self._wanted.items():
                (self._folder / key).parent.mkdir(parents=True, exist_ok=True)
                (self._folder / key).write_bytes(body)
            return
        for key, body in self._wanted.items():
            self.place.s3.put_object(Bucket="source", Key=key, Body=body, ChecksumAlgorithm="CRC64NVME")

    def set_up(self) -> None:
        """Have the destination as it was at first."""
        if self._goes_up:
            self.place.server.wipe()
            self.place.buckets()
            self.place.seed("destination", *self._old, body="old", modified_s=_OLD_S)
            self.place.server.reset_stats()
            return
        shutil.rmtree(self._folder / ".s3plan-tmp", ignore_errors=True)
        for key in self._wanted:
            (self._folder / key).unlink(missing_ok=True)
        self._folder.mkdir(exist_ok=True)
        for key, body in self._old.items():
            (self._folder / key).write_bytes(body)
            os.utime(self._folder / key, (_OLD_S, _OLD_S))

    def fresh_plan(self) -> Path:
        """The same plan once more, in a folder of its own, never applied."""
        self._runs += 1
        self.told.clear()
        folder = self.place.folder / f"run-{self._runs}"
        folder.mkdir()
        return Path(shutil.copy(self.place.plan_file, folder))

    def disturb(self, *faults: Fault) -> None:
        self.place.server.faults(faults)

    def calm(self) -> None:
        self.place.server.clear_faults()

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
        """What stands at the destination, by boto3 or plain reads."""
        if self._goes_up:
            return {key: self.place.body("destination", key) for key in self.place.keys("destination")}
        return {key: body for key, body in files_below(self._folder).items() if not key.startswith(".s3plan-tmp/")}

    def losses(self) -> Iterator[str]:
        """What may never be, at any moment."""
        found = self._found()
        for key, body in found.items():
            if body not in (self._old.get(key), self._wanted.get(key)):
                yield f"{key} is neither old nor new"
        if _REPLACED not in found:
            yield "the file that was to be replaced is lost"
        if _DELETED not in found and any(found.get(key) != body for key, body in self._wanted.items()):
            yield "it was deleted before all was written"
        twice = {key: number for key, number in self.place.writes().items() if number > 1} if self._goes_up else {}
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
        if self._goes_up and (left := self._untold_uploads()):
            yield f"uploads stayed open: {left}"
        if not self._goes_up and (self._folder / ".s3plan-tmp").exists():
            yield f"staged: {[str(path) for path in (self._folder / '.s3plan-tmp').rglob('*')]}"

    def _untold_uploads(self) -> list[str]:
        told = " ".join(self.told)
        left = self.place.server.uploads("destination")
        return [each.upload_id for each in left if each.upload_id not in told and "looked up" not in told]
