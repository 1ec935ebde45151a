"""Everything that `plan` refuses, through the command: its exit code, one message, nothing written."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command import Command, Ended
from fakes.s3server import Fault, FaultKind
from fakes.workplace import MIRROR, Workplace
from s3plan.schemas.errors import GuardRefused, UsageInvalid


def plan(place: Workplace, *words: str | Path) -> Ended:
    return place.command.run("plan", place.folder / "job.yaml", *words)


def small_job(place: Workplace, **sections: object) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest(**sections)


@pytest.mark.parametrize(
    "words",
    [
        ["--nonsense"],
        ["--expires"],
        ["--expires", "soon"],
        ["--expires", "0s"],
        ["--allow", "max_delete"],
        ["--allow", "max_delete=many"],
        ["--allow", "max_deletes=1"],
        ["-o", "plan.txt"],
    ],
    ids=" ".join,
)
def test_words_that_cannot_be_meant_end_with_64(place: Workplace, words: list[str]) -> None:
    small_job(place)
    ended = plan(place, *words)
    assert ended.exit_code == 64, ended.output
    assert ended.stderr.startswith(("s3plan: error: ", "Usage"))


def test_an_unknown_command_ends_with_64(place: Workplace) -> None:
    assert place.command.run("aply").exit_code == 64
    assert place.command.run().exit_code == 64


def test_no_manifest_here_ends_with_64(place: Workplace) -> None:
    ended = place.command.run("plan")
    assert ended.exit_code == 64
    assert "s3plan.yaml" in ended.stderr


def test_a_missing_source_bucket_is_refused(place: Workplace) -> None:
    place.buckets("destination")
    place.manifest()
    ended = plan(place)
    assert ended.exit_code == 1
    there = f"there is no such bucket; check its name and its connection, which leads to {place.server.endpoint}\n"
    assert ended.stderr == f"s3plan: error: source: {there}"


def test_a_missing_destination_bucket_is_refused_unless_it_may_be_created(place: Workplace) -> None:
    place.buckets("source")
    place.manifest()
    ended = plan(place)
    assert ended.exit_code == 1
    assert "create: true" in ended.stderr
    assert not place.plan_file.exists()


def test_another_owner_is_refused_with_4(place: Workplace) -> None:
    small_job(place, destination={"expected_bucket_owner": "999999999999"})
    ended = plan(place)
    assert ended.exit_code == 4
    assert "999999999999" in ended.stderr
    assert not place.plan_file.exists()


def test_no_credentials_end_with_10(place: Workplace) -> None:
    small_job(place)
    nobody = {name: value for name, value in place.command.variables.items() if "KEY" not in name}
    ended = Command(place.folder, nobody).run("plan", place.folder / "job.yaml")
    assert ended.exit_code == 10
    assert "AWS_ACCESS_KEY_ID" in ended.stderr


def test_refused_credentials_end_with_10(place: Workplace) -> None:
    small_job(place)
    place.server.set_mode(credential="SOMEBODYELSE")
    ended = plan(place)
    assert ended.exit_code == 10
    assert not place.plan_file.exists()


def test_an_unknown_profile_ends_with_10(place: Workplace) -> None:
    small_job(place, connections={"store": {"endpoint": place.server.endpoint, "profile": "absent"}})
    ended = plan(place)
    assert ended.exit_code == 10
    assert "absent" in ended.stderr


def test_a_missing_env_prefix_ends_with_10(place: Workplace) -> None:
    small_job(place, connections={"store": {"endpoint": place.server.endpoint, "env_prefix": "BACKUP_"}})
    ended = plan(place)
    assert ended.exit_code == 10
    assert "BACKUP_ACCESS_KEY_ID" in ended.stderr


def test_an_endpoint_that_nobody_answers_ends_with_1(place: Workplace) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
    place.manifest(connections={"store": {"endpoint": endpoint, "region": "us-east-1"}})
    ended = plan(place)
    assert ended.exit_code == 1
    assert endpoint in ended.stderr


def test_denied_listing_ends_with_1_and_names_the_permission(place: Workplace) -> None:
    small_job(place)
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="ListObjectsV2", times=None)])
    ended = plan(place)
    assert ended.exit_code == 1
    assert "s3:ListBucket" in ended.stderr


@pytest.fixture
def nobodys_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be written, not even by root."""
    if os.geteuid() == 0:
        yield Path("/proc/s3plan-test")
        return
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


def test_a_place_where_no_plan_can_be_written_ends_with_1(place: Workplace, nobodys_folder: Path) -> None:
    small_job(place)
    ended = plan(place, "-o", nobodys_folder / "job.s3plan")
    assert ended.exit_code == 1
    assert str(nobodys_folder) in ended.stderr


def test_a_file_that_is_no_plan_is_not_replaced(place: Workplace) -> None:
    small_job(place)
    mine = place.folder / "mine.s3plan"
    mine.write_text("not a plan at all")
    ended = plan(place, "-o", mine)
    assert ended.exit_code == 4, ended.output
    assert "mine.s3plan exists already, and is not a plan that this s3plan could replace; move it away" in ended.stderr
    assert mine.read_text() == "not a plan at all"


def test_a_plan_with_an_unfinished_run_is_not_replaced(place: Workplace) -> None:
    small_job(place)
    assert plan(place).exit_code == 0
    assert place.command.run("apply", "--yes", "--limit", "4").exit_code == 8
    before = place.plan_file.read_bytes()
    ended = plan(place)
    assert ended.exit_code == 4
    assert "6 actions left" in ended.stderr
    assert place.plan_file.read_bytes() == before
    assert place.command.run("apply", "--yes").exit_code == 0
    assert plan(place, "--detailed-exitcode").exit_code == 0


def test_detailed_exitcode_tells_changes_from_none(place: Workplace) -> None:
    small_job(place)
    assert plan(place, "--detailed-exitcode").exit_code == 2
    assert place.command.run("apply", "--yes").exit_code == 0
    assert plan(place, "--detailed-exitcode").exit_code == 0


GUARDED: dict[str, tuple[dict[str, object], list[str], list[str]]] = {
    "an empty source": ({"guards": {"max_delete": "100%"}}, [], ["refuse_empty_source=1"]),
    "too many deletes": ({}, ["kept"], ["max_delete=10"]),
    "a count": ({"guards": {"max_delete": 9}}, ["kept"], ["max_delete=10"]),
    "too many overwrites": ({"guards": {"max_delete": "100%", "max_overwrite": 0}}, ["old-0"], ["max_overwrite=1"]),
    "too many bytes": ({"guards": {"max_delete": "100%", "max_bytes": "9B"}}, ["new"], ["max_bytes=10"]),
    "two at once": ({}, [], ["max_delete=10", "refuse_empty_source=1"]),
}


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_saves_the_plan_blocked_and_only_the_exact_number_releases_it(place: Workplace, name: str) -> None:
    sections, source, release = GUARDED[name]
    place.seed("source", *source, size_bytes=10, seed=1) if source else place.buckets("source")
    place.seed("destination", *(f"old-{number}" for number in range(10)), size_bytes=10)
    place.manifest(**{**MIRROR, **sections})
    ended = plan(place)
    assert ended.exit_code == 5, ended.output
    assert all(f"--allow {words}" in ended.output for words in release), ended.output
    with pytest.raises(GuardRefused):
        place.apply()
    allowed = {name: int(number) for name, number in (words.split("=") for words in release)}
    with pytest.raises(UsageInvalid):
        place.plan(allow={**allowed, next(iter(allowed)): 11})
    assert len(place.keys("destination")) == 10
    assert plan(place, *(word for words in release for word in ("--allow", words))).exit_code == 0
    assert place.apply().exit_code == 0
    assert place.keys("destination") == place.keys("source")


def test_a_blocked_plan_can_be_shown_and_never_applied(place: Workplace) -> None:
    place.buckets("source")
    place.seed("destination", "old", size_bytes=10)
    place.manifest(**MIRROR)
    assert plan(place).exit_code == 5
    shown = place.command.run("show", place.plan_file)
    assert shown.exit_code == 0
    assert "blocked" in shown.stdout.lower()
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 5
    assert place.command.run("apply", place.plan_file, "--expect", digest_of(place)).exit_code == 5
    assert place.keys("destination") == {"old"}
    assert plan(place, "--allow", "max_delete=2", "--allow", "refuse_empty_source=1").exit_code == 64


def digest_of(place: Workplace) -> str:
    return str(json.loads(place.command.run("status", place.plan_file, "--json").stdout)["digest"])


def test_a_blocked_plan_tells_programs_too(place: Workplace) -> None:
    place.buckets("source")
    place.seed("destination", "old", size_bytes=10)
    place.manifest(**MIRROR)
    ended = plan(place, "--json")
    assert ended.exit_code == 5
    assert ended.event("plan-saved")["blocked"] is True
    assert ended.event("error")["exit_code"] == 5
