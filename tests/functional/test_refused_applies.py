"""Everything that `apply` refuses, through the command: its exit code, one message, and nothing changed."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import s3plan
from fakes.command import Command, Ended
from fakes.workplace import Workplace
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.planfile.reader import open_plan
from s3plan.schemas.outcomes import OutcomeKind


@pytest.fixture
def planned(place: Workplace) -> Workplace:
    """A plan with ten objects to copy."""
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    return place


def apply(place: Workplace, *words: str | Path) -> Ended:
    return place.command.run("apply", place.plan_file, *words)


def assert_refused(place: Workplace, ended: Ended, exit_code: int, *says: str) -> None:
    assert ended.exit_code == exit_code, ended.output
    for words in says:
        assert words in ended.stderr, ended.stderr
    assert place.writes() == {}
    assert place.keys("destination") == set()


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "0"],
        ["--limit", "many"],
        ["--workers", "0"],
        ["--executor", "slurm", "--yes"],
        ["--nonsense"],
        ["--json-into", "/proc/nowhere/x", "--yes"],
        ["another.s3plan", "--yes"],
    ],
    ids=" ".join,
)
def test_words_that_cannot_be_meant_end_with_64(planned: Workplace, words: list[str]) -> None:
    assert_refused(planned, apply(planned, *words), 64)


def test_nobody_said_yes(planned: Workplace) -> None:
    made = planned.plan()
    assert_refused(planned, apply(planned), 6, "--yes", made.digest)


def test_another_plan_was_approved(planned: Workplace) -> None:
    assert_refused(planned, apply(planned, "--expect", "0" * 64), 6, "not the plan that was approved")
    digest = planned.plan().digest
    assert_refused(planned, apply(planned, "--expect", digest[:8]), 6, "64 hex digits")
    assert_refused(planned, apply(planned, "--yes", "--expect", "0" * 64), 6)


def test_the_right_digest_approves(planned: Workplace) -> None:
    digest = planned.plan().digest
    assert apply(planned, "--expect", digest).exit_code == 0
    assert planned.keys("destination") == planned.keys("source")


def test_a_plan_that_is_not_there(planned: Workplace) -> None:
    ended = planned.command.run("apply", "absent.s3plan", "--yes")
    assert_refused(planned, ended, 4, "absent.s3plan")
    assert not (planned.folder / "absent.s3run").exists()


def test_a_plan_found_by_itself_and_several_that_are_listed(planned: Workplace) -> None:
    path = planned.folder / "job.yaml"
    s3plan.plan(path, output=planned.folder / "second.s3plan")
    assert_refused(planned, planned.command.run("apply", "--yes"), 64, "second.s3plan", "job.s3plan")
    (planned.folder / "second.s3plan").unlink()
    assert planned.command.run("apply", "--yes").exit_code == 0
    planned.plan_file.unlink()
    ended = planned.command.run("apply", "--yes")
    assert ended.exit_code == 64
    assert "s3plan plan" in ended.stderr


def test_an_expired_plan(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    path = place.manifest()
    assert place.command.run("plan", path, "--expires", "1s").exit_code == 0
    time.sleep(1.1)
    assert_refused(place, apply(place, "--yes"), 4, "expired")


def test_a_plan_that_has_not_expired_is_applied(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    path = place.manifest()
    assert place.command.run("plan", path, "--expires", "48h").exit_code == 0
    assert apply(place, "--yes").exit_code == 0


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_plan(planned: Workplace, share: float) -> None:
    whole = planned.plan_file.read_bytes()
    planned.plan_file.write_bytes(whole[: int(len(whole) * share)])
    assert_refused(planned, apply(planned, "--yes"), 4)


def test_a_plan_with_a_flipped_byte_is_refused_or_does_exactly_the_same(planned: Workplace) -> None:
    """A few positions through the whole command; thousands are flipped where the plan file is tested."""
    whole = planned.plan_file.read_bytes()
    positions = random.Random(8).sample(range(len(whole)), 5)
    for position in positions:
        flipped = bytearray(whole)
        flipped[position] ^= 0x20
        planned.plan_file.write_bytes(flipped)
        ended = apply(planned, "--yes")
        assert ended.exit_code in {0, 3, 4}, ended.output
        done = {key: row.etag for key, row in planned.listed("destination").items()}
        source = {key: row.etag for key, row in planned.listed("source").items()}
        assert done.items() <= source.items()
        assert ended.exit_code != 0 or done == source


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE action SET key = CAST('data/other' AS BLOB) WHERE rowid = 1",
        "UPDATE action SET source_pin = 'x'",
        "UPDATE location SET bucket = 'another' WHERE bucket = 'destination'",
        "DELETE FROM action WHERE rowid = 3",
        "CREATE TRIGGER t AFTER INSERT ON action BEGIN SELECT 1; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE other (x)",
        "PRAGMA application_id = 1",
    ],
)
def test_a_plan_that_was_edited(planned: Workplace, tampering: str) -> None:
    planned.plan_file.chmod(0o600)
    with closing(sqlite3.connect(planned.plan_file)) as database:
        database.execute(tampering)
        database.commit()
    ended = apply(planned, "--yes")
    assert ended.exit_code in {3, 4}, ended.output
    assert planned.writes() == {}


def test_a_file_that_is_no_plan(planned: Workplace) -> None:
    planned.plan_file.write_text("version: 1\n")
    assert_refused(planned, apply(planned, "--yes"), 4)
    assert planned.command.run("show", planned.plan_file).exit_code == 4
    assert planned.command.run("status", planned.plan_file).exit_code == 4
    assert planned.command.run("failures", planned.plan_file).exit_code in {0, 4}
    assert planned.command.run("graph", planned.plan_file).exit_code == 4


def test_the_journal_of_another_plan(planned: Workplace) -> None:
    assert apply(planned, "--yes", "--limit", "1").exit_code == 8
    other = s3plan.plan(planned.folder / "job.yaml", output=planned.folder / "other.s3plan")
    before = planned.writes()
    ended = planned.command.run("apply", other.path, "--yes", "--journal", planned.journal)
    assert ended.exit_code == 4
    assert "another plan" in ended.stderr
    assert planned.writes() == before


def test_a_damaged_journal(planned: Workplace) -> None:
    assert apply(planned, "--yes", "--limit", "1").exit_code == 8
    planned.journal.write_bytes(b"SQLite format 3\0" + bytes(5000))
    before = planned.writes()
    ended = apply(planned, "--yes")
    assert ended.exit_code == 4
    assert "--rebuild-journal" in ended.stderr
    assert planned.writes() == before


@pytest.mark.parametrize("command", ["apply", "status", "failures", "retry"])
def test_a_journal_that_speaks_of_actions_which_the_plan_has_not_got(planned: Workplace, command: str) -> None:
    """Its checksums are right: only the plan can tell."""
    with open_plan(planned.plan_file) as plan:
        batch = plan.batches[-1]
        beyond = OutcomeRecord(batch.id, batch.actions, OutcomeKind.FAILED, "", "x", None, 1, 1)
        with Journal.open(planned.journal, plan_digest=plan.digest, now_ms=1) as journal:
            journal.write(
                batches=[BatchRecord(batch.id, 1, 1, is_open=False, actions=batch.actions, done=b"")], outcomes=[beyond]
            )
    ended = planned.command.run(command, planned.plan_file, *(["--yes"] if command == "apply" else []))
    assert_refused(planned, ended, 4, "its batches are not those of the plan", "--rebuild-journal")


def test_an_endpoint_that_nothing_here_names(planned: Workplace) -> None:
    digest = planned.plan().digest
    elsewhere = planned.folder / "elsewhere"
    elsewhere.mkdir()
    handed_over = elsewhere / "handed-over.s3plan"
    shutil.copy(planned.plan_file, handed_over)
    (planned.folder / "job.yaml").unlink()
    ended = planned.command.run("apply", handed_over, "--yes")
    assert_refused(planned, ended, 4, planned.server.endpoint, f"--expect {digest}")
    assert planned.command.run("apply", handed_over, "--expect", digest).exit_code == 0


def by_environment(place: Workplace, endpoint: str) -> Command:
    """Where no manifest names the endpoint but the user's own environment does."""
    return Command(place.folder, {**place.command.variables, "AWS_ENDPOINT_URL_S3": endpoint})


def test_an_endpoint_of_the_environment_needs_no_manifest_but_must_stay_the_same(planned: Workplace) -> None:
    text = "version: 1\nname: job\nsource: s3://source/\ndestination: s3://destination/\n"
    (planned.folder / "job.yaml").write_text(text)
    command = by_environment(planned, planned.server.endpoint)
    assert command.run("plan", "job.yaml").exit_code == 0
    ended = by_environment(planned, "http://127.0.0.1:9").run("apply", planned.plan_file, "--yes")
    assert_refused(planned, ended, 4, planned.server.endpoint)
    assert command.run("apply", planned.plan_file, "--yes").exit_code == 0
    assert planned.keys("destination") == planned.keys("source")


def test_another_owner_than_planned(place: Workplace) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.buckets("destination")
    owner = "123456789012"
    place.manifest(source={"expected_bucket_owner": owner}, destination={"expected_bucket_owner": owner})
    place.plan()
    place.server.set_mode(owner="210987654321")
    assert_refused(place, apply(place, "--yes"), 4, owner)
    place.server.set_mode(owner=owner)
    assert apply(place, "--yes").exit_code == 0


def test_a_destination_that_has_gone_since(planned: Workplace) -> None:
    planned.s3.delete_bucket(Bucket="destination")
    ended = apply(planned, "--yes")
    assert ended.exit_code == 1, ended.output
    assert "destination" in ended.stderr


def test_no_credentials_at_apply(planned: Workplace) -> None:
    nobody = {name: value for name, value in planned.command.variables.items() if "KEY" not in name}
    ended = Command(planned.folder, nobody).run("apply", planned.plan_file, "--yes")
    assert_refused(planned, ended, 10)
    assert apply(planned, "--yes").exit_code == 0


def test_refused_credentials_at_apply(planned: Workplace) -> None:
    planned.server.set_mode(credential="SOMEBODYELSE")
    ended = apply(planned, "--yes")
    assert ended.exit_code == 10
    planned.server.set_mode(credential=None)
    assert apply(planned, "--yes").exit_code == 0


def test_a_folder_in_which_no_journal_can_be_written(planned: Workplace) -> None:
    ended = apply(planned, "--yes", "--journal", Path("/proc/s3plan-test/job.s3run"))
    assert_refused(planned, ended, 1, "/proc/s3plan-test")


def test_a_plan_without_changes_needs_no_approval(place: Workplace) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.seed("destination", count=3, size_bytes=10)
    place.manifest()
    place.plan()
    ended = apply(place)
    assert ended.exit_code == 0, ended.output


def test_what_came_to_its_end_is_told_again_and_not_done_again(planned: Workplace) -> None:
    assert apply(planned, "--yes").exit_code == 0
    before = planned.writes()
    ended = apply(planned, "--json")
    assert (ended.exit_code, ended.event("run-ended")["counts"]) == (0, {"done": 10})
    assert planned.writes() == before
