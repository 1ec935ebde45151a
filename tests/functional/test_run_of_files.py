"""What `run:` says of files: memory, threads, durability; and what happens where few files may be open."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import Workplace, counted
from s3plan.storage import memory_budget
from s3plan.storage.folder import reading
from s3plan.storage.folder.writes import staging

DOWN = {"source": "s3://source/", "destination": "./photos"}


@pytest.fixture
def objects(place: Workplace) -> dict[str, bytes]:
    place.buckets("source")
    bodies = {f"{number:02d}": os.urandom(300_000 + number) for number in range(60)}
    for key, body in bodies.items():
        place.s3.put_object(Bucket="source", Key=key, Body=body)
    return bodies


def test_objects_come_down_whole_however_little_memory_there_is(
    place: Workplace, objects: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The least that a manifest may say is more than this test wants to move, so it is taken for less."""
    budgets: list[Watched] = []

    class Watched(memory_budget.MemoryBudget):
        def __init__(self, most_bytes: int) -> None:
            super().__init__(1_000_000)
            self.said_bytes = most_bytes
            self.sizes: list[int] = []
            self.refused = 0
            budgets.append(self)

        def buffer(self, size_bytes: int) -> memoryview | None:
            found = super().buffer(size_bytes)
            self.sizes.append(self._taken_bytes)
            self.refused += found is None
            return found

    monkeypatch.setattr("s3plan.app.stores.MemoryBudget", Watched)
    write_folder_job(place, **DOWN, run={"memory": "16MiB", "file_threads": 2, "workers": 4, "in_flight": 32})
    place.plan()
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 60})
    assert files_below(place.folder / "photos") == objects
    used = [each for each in budgets if each.sizes]
    assert [each.said_bytes for each in used] == [16 << 20]
    assert max(used[0].sizes) <= 1_000_000
    assert used[0].refused > 0, "nothing had to go to the disk as it came"


def test_without_durability_the_screens_say_so(place: Workplace, objects: dict[str, bytes]) -> None:
    write_folder_job(place, **DOWN, run={"durability": "none"})
    said = "files count as done before they are on disk (durability: none)"
    planned = place.command.run("plan", "job.yaml")
    assert said in " ".join(planned.output.split())
    applied = place.command.run("apply", place.plan_file, "--yes")
    assert said in " ".join(applied.output.split())
    assert applied.exit_code == 0, applied.output
    assert files_below(place.folder / "photos") == objects


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("way", ["up", "down"])
def test_too_many_open_files_are_waited_out(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, way: str, number: int
) -> None:
    place.buckets("source", "destination")
    refused: list[str] = []

    def failing(at: str) -> None:
        if refused.count(at) < 2:
            refused.append(at)
            raise OSError(number, os.strerror(number))

    open_file, create = reading.open_file, staging.Staging.create

    def opened(*given: object, **named: object) -> int:
        failing("read")
        return open_file(*given, **named)  # type: ignore[arg-type]

    def created(*given: object, **named: object) -> int:
        failing("create")
        return create(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "open_file", opened)
    monkeypatch.setattr(staging.Staging, "create", created)
    retries = {"retries": {"initial": "1ms", "max": "2ms"}}
    if way == "up":
        write_files(place.folder / "photos", "a", "b", "c")
        write_folder_job(place, source="./photos", destination="s3://destination/", run=retries)
    else:
        place.seed("source", "a", "b", "c", body="x")
        write_folder_job(place, **DOWN, run=retries)
    place.plan()
    assert counted(place.apply()) == {"done": 3}
    assert refused == ["read" if way == "up" else "create"] * 2
    assert sorted(files_below(Path(place.folder / "photos"))) == ["a", "b", "c"]
