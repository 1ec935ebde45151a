"""A plan that is replaced, or given up, at the very moment at which somebody begins to apply it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from fakes.faulty_engine import Fault
from fakes.memory_world import DESTINATION, SOURCE, Stored
from fakes.typed_command import Desk, desk
from s3plan.app.paths import lock_path
from s3plan.app.plans import discarding, earlier_plans
from s3plan.app.runs import applying
from s3plan.app.runs.status import read_earlier
from s3plan.cli.commands import discard as discard_command
from s3plan.executors.journal.lock import JournalLock, read_holder
from s3plan.schemas.errors import Locked
from s3plan.schemas.requests.objects import CopyObject
from s3plan.schemas.requests.uploads import UploadPartCopy

__all__ = ["desk"]
IN_PARTS = {"multipart_threshold": "5MiB", "part_size": "5MiB", "executor": "serial", "retries": 0}


def planned(desk: Desk) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {"a": Stored(b"1"), "b": Stored(b"2")})
    desk.world.plan()


def stopped_in_parts(desk: Desk) -> None:
    """A run that has left an upload open."""
    desk.world.manifest(run=IN_PARTS)
    desk.world.put(SOURCE, {"big": Stored(b"x" * (11 << 20))})
    desk.world.plan()
    desk.world.engine.fail(Fault.EXPIRED, operation=UploadPartCopy, times=100)
    assert desk.run("apply", "--yes").exit_code == 10
    assert len(desk.world.open_uploads) == 1


@contextmanager
def before_locking(module: Any, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen after a command has looked at its plan, and before it has the plan's lock."""
    with pytest.MonkeyPatch.context() as patch:

        class Late(JournalLock):
            def __enter__(self) -> Self:
                patch.undo()
                act()
                return super().__enter__()

        patch.setattr(module, "JournalLock", Late)
        yield


@pytest.mark.parametrize("words", [("plan", "job.yaml"), ("discard", "--yes")])
@pytest.mark.parametrize("has_run", [True, False])
def test_what_was_replaced_or_given_up_while_an_apply_began_is_not_applied(
    desk: Desk, words: tuple[str, ...], *, has_run: bool
) -> None:
    planned(desk)
    if has_run:
        desk.world.engine.fail(Fault.DENIED, operation=CopyObject, times=100)
        assert desk.run("apply", "--yes").exit_code == 3
        desk.world.engine.mend()
    with before_locking(applying, lambda: desk.run(*words)):
        ended = desk.run("apply", "--yes", desk.world.plan_file)
    assert (ended.exit_code, desk.world.tree(DESTINATION)) == (4, {}), ended.output
    assert "was replaced or put away just now" in ended.stderr
    assert not desk.world.journal.exists()  # none that the next plan would find in its place
    desk.world.plan()
    assert desk.run("apply", "--yes").exit_code == 0
    assert desk.world.tree(DESTINATION).keys() == {"a", "b"}


@pytest.mark.parametrize("has_run", [True, False])
def test_nobody_begins_to_apply_a_plan_while_it_is_replaced(desk: Desk, *, has_run: bool) -> None:
    planned(desk)
    if has_run:
        assert desk.run("apply", "--yes").exit_code == 0
    with earlier_plans.cleared_place(desk.world.plan_file):
        lock = lock_path(desk.world.journal)
        with pytest.raises(Locked), JournalLock(lock, plan_digest="d" * 64, now_ms=1):
            pass
    assert desk.world.plan_file.exists() is not has_run
    assert lock.exists() is has_run  # one that nobody else ever held leaves no trace


def test_a_run_that_begins_and_stops_while_a_plan_is_made_is_not_put_away(desk: Desk) -> None:
    planned(desk)
    with before_locking(earlier_plans, lambda: desk.run("apply", "--yes", "--limit", "1")):
        ended = desk.run("plan", "job.yaml")
    assert ended.exit_code == 4, ended.output
    assert "has a run that is not finished (1 actions left)" in ended.stderr
    assert read_earlier(desk.world.plan_file) == []
    assert desk.run("apply", "--yes").exit_code == 0


def test_a_run_that_went_on_while_the_question_stood_is_not_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_in_parts(desk)

    def ask(_: object) -> None:
        desk.world.engine.mend()
        assert desk.run("apply", "--yes").exit_code == 0

    monkeypatch.setattr(discard_command, "_ask", ask)
    ended = desk.run("discard", "--abort-uploads")
    assert ended.exit_code == 4, ended.output
    assert "was applied or replaced meanwhile" in ended.stderr
    assert desk.world.plan_file.exists()


def test_uploads_are_aborted_by_nobody_but_who_holds_the_lock(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_in_parts(desk)
    real, holders = discarding._abort_uploads, []

    def note(remains: discarding.Remains) -> None:
        path = lock_path(desk.world.journal)
        with pytest.raises(Locked), JournalLock(path, plan_digest="d" * 64, now_ms=1):
            pass
        holders.append(read_holder(path))
        real(remains)

    monkeypatch.setattr(discarding, "_abort_uploads", note)
    assert desk.run("discard", "--yes", "--abort-uploads").exit_code == 0
    assert len(holders) == 1
    assert desk.world.open_uploads == []


def test_a_plan_whose_journal_is_gone_is_not_said_to_be_nowhere(desk: Desk) -> None:
    planned(desk)
    assert desk.run("apply", "--yes", "--limit", "1").exit_code == 8
    desk.world.journal.unlink()
    ended = desk.run("discard", ".s3plan/job.s3plan", "--yes")
    assert ended.exit_code == 0, ended.output
    assert "what it leaves behind is not known" in ended.stderr
    assert "its journal is gone" in ended.stderr


@pytest.mark.parametrize("damaged", ["job.s3plan", "job.s3run"])
def test_a_plan_that_cannot_be_read_any_more_says_how_it_makes_room_for_a_new_one(desk: Desk, damaged: str) -> None:
    planned(desk)
    assert desk.run("apply", "--yes").exit_code == 0
    file = desk.world.plan_file.with_name(damaged)
    file.write_bytes(file.read_bytes()[:700])
    ended = desk.run("plan", "job.yaml")
    assert ended.exit_code == 4, ended.output
    assert f"s3plan discard {desk.world.plan_file.relative_to(desk.world.folder)}" in ended.stderr
    assert desk.run("discard", ".s3plan/job.s3plan", "--yes").exit_code == 0
    assert desk.run("plan", "job.yaml").exit_code == 0


def test_what_stands_in_the_place_of_the_folder_of_earlier_plans_is_named(desk: Desk) -> None:
    planned(desk)
    assert desk.run("apply", "--yes").exit_code == 0
    (desk.world.plan_file.parent / "earlier").touch()
    for words in (("plan", "job.yaml"), ("discard", "--yes")):
        ended = desk.run(*words)
        assert ended.exit_code == 1, ended.output
        assert ".s3plan/earlier is not a folder; move it away" in ended.stderr
    assert desk.world.plan_file.exists()
    assert desk.world.journal.exists()
