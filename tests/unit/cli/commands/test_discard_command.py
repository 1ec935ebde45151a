"""`s3plan discard`: a run is given up."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.faulty_engine import Fault
from fakes.memory_world import SOURCE, Stored
from fakes.shown_plans import a_terminal, written
from fakes.typed_command import Desk, desk
from s3plan.cli.commands import discard as discard_command
from s3plan.executors.journal.lock import JournalLock
from s3plan.planfile.reader import open_plan
from s3plan.schemas.requests.uploads import AbortMultipartUpload, UploadPartCopy

__all__ = ["desk"]
LARGE = {"multipart_threshold": "5MiB", "part_size": "5MiB", "executor": "serial", "retries": 0}


def a_stopped_run(desk: Desk, **sections: object) -> str:
    """Two objects, of which a run did one; the plan's id."""
    desk.world.manifest(**sections)
    desk.world.put(SOURCE, {"a": Stored(b"1"), "b": Stored(b"2")})
    desk.world.plan()
    assert desk.run("apply", "--yes", "--limit", "1").exit_code == 8
    with open_plan(desk.world.plan_file) as plan:
        return plan.plan_id


def test_it_makes_room_for_a_new_plan_and_nothing_is_destroyed(desk: Desk) -> None:
    number = a_stopped_run(desk)
    refused = desk.run("plan", "job.yaml")
    assert refused.exit_code == 4
    assert "give it up with `s3plan discard" in refused.stderr
    ended = desk.run("discard", "--yes")
    assert ended.exit_code == 0, ended.output
    assert "1 action ended, 1 left undone; what was done stays" in ended.stderr
    assert f"given up, and kept as .s3plan/earlier/job.{number}.s3plan" in ended.stdout
    assert f"s3plan apply {number}" in ended.stdout
    assert desk.run("plan", "job.yaml", "-o", "new.s3plan").exit_code == 0
    assert desk.run("apply", number, "--yes").exit_code == 0
    assert set(desk.world.tree("right")) == {"a", "b"}


def test_status_says_which_earlier_plans_were_given_up(desk: Desk) -> None:
    number = a_stopped_run(desk)
    desk.run("discard", "--yes")
    assert desk.run("plan", "job.yaml").exit_code == 0
    assert f"{number}  interrupted, given up" in desk.run("status").stdout


def test_it_asks_and_without_a_terminal_it_needs_a_yes(desk: Desk) -> None:
    a_stopped_run(desk)
    ended = desk.run("discard")
    assert ended.exit_code == 6
    assert "pass --yes" in ended.stderr
    assert desk.world.plan_file.exists()


@pytest.mark.parametrize(("answer", "is_given_up"), [("yes\n", True), ("y\n", False), ("", False)])
def test_only_yes_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, is_given_up: bool) -> None:
    a_stopped_run(desk)
    terminal = a_terminal(answers=answer, is_terminal=True, environment={"TERM": "dumb"})
    monkeypatch.setattr(discard_command, "open_terminal", lambda **_: terminal)
    ended = desk.run("discard")
    assert ended.exit_code == (0 if is_given_up else 6)
    assert "Only 'yes' will be accepted" in written(terminal.stderr)
    assert desk.world.plan_file.exists() is not is_given_up


def test_a_plan_that_is_being_applied_is_not_given_up(desk: Desk) -> None:
    a_stopped_run(desk)
    with open_plan(desk.world.plan_file) as plan:
        digest = plan.digest
    with JournalLock(desk.world.journal.with_name("job.s3run.lock"), plan_digest=digest, now_ms=1):
        ended = desk.run("discard", "--yes")
    assert ended.exit_code == 7
    assert "stop it with `s3plan cancel` first" in ended.stderr
    assert desk.world.plan_file.exists()


def with_an_open_upload(desk: Desk) -> None:
    desk.world.manifest(run=LARGE)
    desk.world.put(SOURCE, {"big": Stored(b"x" * (11 << 20))})
    desk.world.plan()
    desk.world.engine.fail(Fault.EXPIRED, operation=UploadPartCopy, times=100)
    assert desk.run("apply", "--yes").exit_code == 10
    assert len(desk.world.open_uploads) == 1


def test_open_uploads_are_named_and_stay(desk: Desk) -> None:
    with_an_open_upload(desk)
    (upload,) = desk.world.open_uploads
    ended = desk.run("discard", "--yes")
    assert "1 unfinished multipart upload that stay" in ended.stderr
    assert f"s3://right/out/big  {upload}" in ended.stderr
    assert desk.world.open_uploads == [upload]


def test_its_own_uploads_are_aborted_if_that_is_asked_for_and_no_others(desk: Desk) -> None:
    with_an_open_upload(desk)
    uploads = desk.world.store.bucket("right").uploads
    uploads["theirs"] = next(iter(uploads.values()))
    ended = desk.run("discard", "--yes", "--abort-uploads")
    assert ended.exit_code == 0, ended.output
    assert desk.world.open_uploads == ["theirs"]
    assert "1 unfinished multipart upload that will be aborted" in ended.stderr


def test_a_plan_whose_uploads_cannot_be_aborted_is_kept(desk: Desk) -> None:
    with_an_open_upload(desk)
    desk.world.engine.fail(Fault.DENIED, operation=AbortMultipartUpload)
    ended = desk.run("discard", "--yes", "--abort-uploads")
    assert ended.exit_code == 1
    assert "s3:AbortMultipartUpload" in ended.stderr
    assert desk.world.plan_file.exists()


def test_a_plan_that_was_never_applied_can_be_put_away_too(desk: Desk) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {"a": Stored(b"1")})
    desk.world.plan()
    ended = desk.run("discard", "--yes")
    assert "was never applied, so it leaves nothing behind" in ended.stderr
    assert not desk.world.plan_file.exists()


@pytest.mark.parametrize("damaged", ["job.s3plan", "job.s3run"])
def test_what_cannot_be_read_any_more_can_be_given_up_all_the_same(desk: Desk, damaged: str) -> None:
    a_stopped_run(desk)
    file = desk.world.plan_file.with_name(damaged)
    file.write_bytes(file.read_bytes()[:700])
    ended = desk.run("discard", ".s3plan/job.s3plan", "--yes")
    assert ended.exit_code == 0, ended.output
    assert "what it leaves behind is not known" in ended.stderr
    assert desk.run("plan", "job.yaml").exit_code == 0


def test_where_only_plans_that_were_put_away_are_left_the_last_of_them_is_named(desk: Desk) -> None:
    number = a_stopped_run(desk)
    desk.run("discard", "--yes")
    ended = desk.run("status")
    assert ended.exit_code == 64
    assert f"the last that was put away is {number}" in ended.stderr


def test_one_that_was_put_away_already_and_one_that_is_not_there_are_refused(desk: Desk) -> None:
    number = a_stopped_run(desk)
    desk.run("discard", "--yes")
    assert desk.run("discard", number, "--yes").exit_code == 64
    assert desk.run("discard", Path("nowhere.s3plan"), "--yes").exit_code == 4
