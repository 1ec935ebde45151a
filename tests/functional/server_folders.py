"""The journeys of folders that end the same on every S3 server. A subclass gives the fixture `store`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import s3plan
from fakes.folder_jobs import MIRRORS_ALL, ODD_NAMES, files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, MIB, counted
from functional.server_journeys import IN_PARTS, OnServer, Place, note_everything_enforced
from s3plan.app.paths import capability_cache_path

UP = "s3://destination/up/"
_TIMES_NS = (-1_000_000_001, 1, 1_700_000_000_123_456_789, 4_000_000_000_000_000_000)


@BY_BOTH_ENGINES
class ServerFolderJourneys(OnServer):
    ALLOWS_CHECKED = False
    """Whether a plan of a day on which the store enforced everything needs `--allow-checked`."""

    @pytest.fixture
    def first(self, place: Place) -> Path:
        place.buckets("destination")
        folder = place.folder / "first"
        folder.mkdir()
        return folder

    def test_a_folder_goes_up_and_comes_down_as_it_was(self, place: Place, first: Path) -> None:
        write_files(first, *ODD_NAMES, *(f"below/{name}/x" for name in ODD_NAMES))
        for size in (0, 1, 5 * MIB - 1, 5 * MIB, 11 * MIB):
            write_files(first, f"sizes/{size}", size=size)
        for number, path in enumerate(sorted(path for path in first.rglob("*") if path.is_file())):
            os.utime(path, ns=(_TIMES_NS[number % 4], _TIMES_NS[number % 4]))
        carry_out(place, source="./first", destination=UP, preserve=["mtime"])
        assert uploaded(place) == files_below(first)
        carry_out(place, source=UP, destination="./last", preserve=["mtime"])
        last = place.folder / "last"
        assert files_below(last) == files_below(first)
        assert times(last) == times(first)
        assert place.server.upload_ids("destination") == []

    def test_what_changed_goes_up_and_down_again_and_a_mirror_deletes_what_is_gone(
        self, place: Place, first: Path
    ) -> None:
        write_files(first, "same", "changed", "gone", "large", size=100)
        carry_out(place, source="./first", destination=UP, **MIRRORS_ALL)
        carry_out(place, source=UP, destination="./last", **MIRRORS_ALL)
        write_files(first, "changed", "new", size=101)
        write_files(first, "large", size=6 * MIB)
        (first / "gone").unlink()
        carry_out(place, source="./first", destination=UP, **MIRRORS_ALL)
        assert uploaded(place) == files_below(first)
        carry_out(place, source=UP, destination="./last", **MIRRORS_ALL)
        assert files_below(place.folder / "last") == files_below(first)

    def test_what_changes_after_the_plan_is_kept_on_both_sides(self, place: Place, first: Path) -> None:
        write_files(first, "a", "b", size=100)
        place.seed("destination", "up/a", "up/b", size_bytes=99)
        write_folder_job(place, source="./first", destination=UP, run=IN_PARTS)
        place.plan()
        place.seed("destination", "up/a", size_bytes=98)
        (first / "b").write_bytes(b"edited")
        before = place.listed("destination")
        report = place.apply()
        assert (report.exit_code, counted(report)) == (3, {"stale": 2})
        assert place.listed("destination") == before
        write_folder_job(place, source=UP, destination="./first", run=IN_PARTS)
        place.plan()
        place.seed("destination", "up/a", size_bytes=97)
        (first / "b").write_bytes(b"edited again")
        before_files = files_below(first)
        report = place.apply()
        assert (report.exit_code, counted(report)) == (3, {"stale": 2})
        assert files_below(first) == before_files

    def test_transfers_that_are_killed_end_as_undisturbed_ones(self, place: Place, first: Path) -> None:
        write_files(first, *(f"small/{number:03}" for number in range(60)), size=100)
        write_files(first, "large", size=16 * MIB)
        run = {**IN_PARTS, "in_flight": 2, "workers": 2, "rate": "40/s"}
        for source, destination in (("./first", UP), (UP, "./last")):
            write_folder_job(place, source=source, destination=destination, run=run)
            place.plan(probe=destination == UP)
            codes = []
            for pause_s in (1.0, 1.6):
                with place.command.start("apply", place.plan_file, "--yes") as started:
                    time.sleep(pause_s)
                    codes.append(started.kill().exit_code)
            assert -signal.SIGKILL in codes
            ended = place.command.run("apply", place.plan_file, "--yes")
            assert ended.exit_code == 0, ended.output
        assert uploaded(place) == files_below(first)
        assert files_below(place.folder / "last") == files_below(first)
        assert [path for path in (place.folder / "last").iterdir() if path.name.startswith(".s3plan")] == []

    def test_a_store_that_holds_less_than_the_plan_states_takes_files_with_allow_checked(
        self, place: Place, first: Path
    ) -> None:
        write_files(first, "new", "changed", size=100)
        place.seed("destination", "up/changed", size_bytes=99)
        write_folder_job(place, source="./first", destination=UP, run=IN_PARTS)
        note_everything_enforced(place)
        place.plan()
        capability_cache_path().unlink()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == (4 if self.ALLOWS_CHECKED else 0), ended.output
        if self.ALLOWS_CHECKED:
            assert "--allow-checked" in ended.stderr
            assert uploaded(place).keys() == {"changed"}
            ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked")
            assert ended.exit_code == 0, ended.output
        assert uploaded(place) == files_below(first)


def carry_out(place: Place, **job: object) -> None:
    """Plan, apply, and see that a second plan is empty."""
    write_folder_job(place, **job, run=IN_PARTS)  # type: ignore[arg-type]
    place.plan()
    report = place.apply()
    assert (report.state, report.exit_code) == ("completed", 0), report
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes, again.header.jobs[0].totals


def uploaded(place: Place) -> dict[str, bytes]:
    return {key.removeprefix("up/"): place.body("destination", key) for key in place.keys("destination")}


def times(folder: Path) -> dict[str, int]:
    return {key: (folder / key).stat().st_mtime_ns for key in files_below(folder)}
