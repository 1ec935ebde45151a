"""A small folder that goes up, or comes down; see small_stage.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from campaign.repeated_plan import SERIAL, Ended
from campaign.small_stage import OLD_S, SmallStage
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_folder_job
from fakes.relay_place import STORE
from fakes.s3server import ServerProcess
from fakes.workplace import PROBE, Workplace


class FolderStage(SmallStage[Workplace]):
    """The one store is disturbed; the folder is not."""

    def __init__(self, place: Workplace, *, goes_up: bool) -> None:
        self._goes_up = goes_up
        super().__init__(place, seed=3)

    @property
    def sides(self) -> Mapping[str, ServerProcess]:
        return {STORE: self.place.server}

    @property
    def is_sent_to_a_store(self) -> bool:
        return self._goes_up

    @property
    def _folder(self) -> Path:
        return self.place.folder / "files"

    def fill_source(self) -> None:
        self.place.server.wipe()
        self.place.buckets()
        if self._goes_up:
            for key, body in self.wanted.items():
                (self._folder / key).parent.mkdir(parents=True, exist_ok=True)
                (self._folder / key).write_bytes(body)
            return
        for key, body in self.wanted.items():
            self.place.s3.put_object(Bucket="source", Key=key, Body=body, ChecksumAlgorithm="CRC64NVME")

    def set_up(self) -> None:
        if self._goes_up:
            self.seed_old()
        else:
            self._fill_folder()
        self.place.server.reset_stats()

    def _fill_folder(self) -> None:
        shutil.rmtree(self._folder / ".s3plan-tmp", ignore_errors=True)
        for key in self.wanted:
            (self._folder / key).unlink(missing_ok=True)
        self._folder.mkdir(exist_ok=True)
        for key, body in self.old.items():
            (self._folder / key).write_bytes(body)
            os.utime(self._folder / key, (OLD_S, OLD_S))

    def write_manifest(self) -> None:
        folder = {"url": "./files", "stamp": "size-mtime"}  # the folder is filled anew for each run
        source, destination = (folder, "s3://destination/") if self._goes_up else ("s3://source/", folder)
        write_folder_job(self.place, source=source, destination=destination, **MIRRORS_ALL, run=dict(SERIAL))

    def found(self) -> Mapping[str, bytes]:
        if not self._goes_up:
            return {key: body for key, body in files_below(self._folder).items() if not key.startswith(".s3plan-tmp/")}
        keys = [key for key in self.place.keys("destination") if PROBE not in key]
        return {key: self.place.body("destination", key) for key in keys}

    def shortcomings(self, ended: Ended) -> Iterator[str]:
        yield from super().shortcomings(ended)
        if not self._goes_up and (self._folder / ".s3plan-tmp").exists():
            yield f"staged: {[str(path) for path in (self._folder / '.s3plan-tmp').rglob('*')]}"
