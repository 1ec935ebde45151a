"""Which plan a command means that is given none: of several in one directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import s3plan
from fakes.memory_world import SOURCE, MemoryWorld, Stored
from fakes.typed_command import Desk, desk
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.runs.checks import check_may_apply
from s3plan.executors.journal.lock import JournalLock
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import PlanRefused, UsageInvalid

__all__ = ["desk"]


def planned(world: MemoryWorld, name: str, *, expires_after: timedelta | None = None) -> Path:
    """One object to copy."""
    world.manifest()
    world.put(SOURCE, {"a": Stored(name.encode())})
    place = world.folder / f"{name}.s3plan"
    s3plan.plan(world.folder / "job.yaml", output=place, expires_after=expires_after)
    return place


def finished(world: MemoryWorld, name: str) -> Path:
    place = planned(world, name)
    assert s3plan.apply(place).exit_code == 0
    return place


def stale(world: MemoryWorld, name: str) -> Path:
    place = planned(world, name)
    world.put(SOURCE, {"a": Stored(b"changed after " + name.encode())})
    assert s3plan.apply(place).exit_code == 3
    return place


def chosen(purpose: Purpose) -> str:
    return chosen_plan(None, purpose).name


@pytest.mark.parametrize("purpose", Purpose)
def test_the_only_plan_is_meant_whatever_became_of_it(desk: Desk, purpose: Purpose) -> None:
    finished(desk.world, "one")
    assert chosen(purpose) == "one.s3plan"


@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.LOOK, Purpose.STEER])
def test_finished_plans_beside_an_unfinished_one_do_not_confuse(desk: Desk, purpose: Purpose) -> None:
    stale(desk.world, "bad")
    planned(desk.world, "todo")
    finished(desk.world, "zeal")
    assert chosen(purpose) == "todo.s3plan"


def test_what_mends_takes_the_plan_that_did_not_end_well(desk: Desk) -> None:
    finished(desk.world, "fine")
    stale(desk.world, "bad")
    planned(desk.world, "todo")
    assert chosen(Purpose.MEND) == "bad.s3plan"


def test_a_plan_that_was_retried_is_mended(desk: Desk) -> None:
    stale(desk.world, "bad")
    assert desk.run("retry").exit_code == 0
    assert chosen(Purpose.APPLY) == "bad.retry-1.s3plan"
    desk.world.put(SOURCE, {"a": Stored(b"changed again")})
    assert desk.run("apply", "--yes").exit_code == 3
    assert chosen(Purpose.MEND) == "bad.retry-1.s3plan"
    assert desk.run("retry").exit_code == 0
    assert desk.run("apply", "--yes").exit_code == 0
    assert "there is nothing to retry" in desk.run("retry").output


def test_an_expired_plan_is_not_applied_in_place_of_one_that_can_be(desk: Desk) -> None:
    planned(desk.world, "old", expires_after=timedelta(seconds=-1))
    planned(desk.world, "new")
    assert chosen(Purpose.APPLY) == "new.s3plan"


def test_of_finished_ones_the_newest_is_looked_at_and_none_is_applied(desk: Desk) -> None:
    finished(desk.world, "b")
    finished(desk.world, "a")
    assert chosen(Purpose.LOOK) == "a.s3plan"
    with pytest.raises(UsageInvalid, match="there are 2 plans here; name the one you mean"):
        chosen_plan(None, Purpose.APPLY)


def test_one_that_is_being_applied_is_steered_and_looked_at(desk: Desk) -> None:
    planned(desk.world, "todo")
    place = planned(desk.world, "work")
    with open_plan(place) as plan:
        digest = plan.digest
    with JournalLock(place.with_name("work.s3run.lock"), plan_digest=digest, now_ms=1):
        assert {chosen(Purpose.STEER), chosen(Purpose.LOOK)} == {"work.s3plan"}


@pytest.mark.parametrize("purpose", Purpose)
def test_several_that_may_be_meant_are_listed_with_their_states(desk: Desk, purpose: Purpose) -> None:
    planned(desk.world, "one")
    planned(desk.world, "two")
    (desk.world.folder / "no.s3plan").write_bytes(b"none")
    with pytest.raises(
        UsageInvalid, match=r"(?s)name the one you mean:.*one\.s3plan \(not applied yet\).*two"
    ) as refusal:
        chosen_plan(None, purpose)
    assert refusal.value.exit_code == 64


def test_an_id_means_a_plan_of_this_directory_too(desk: Desk) -> None:
    place = planned(desk.world, "one")
    planned(desk.world, "two")
    with open_plan(place) as plan:
        assert chosen_plan(Path(plan.plan_id), Purpose.LOOK).name == "one.s3plan"
        assert chosen_plan(Path(plan.digest), Purpose.LOOK).name == "one.s3plan"


def test_a_status_of_an_expired_plan_says_so_and_what_to_do(desk: Desk) -> None:
    planned(desk.world, "one", expires_after=timedelta(seconds=-1))
    ended = desk.run("status")
    assert ended.stdout.splitlines()[0].endswith("not applied yet, and expired")
    assert "s3plan plan " in ended.stdout
    assert "s3plan apply" not in ended.stdout
    assert "s3plan discard" not in ended.stdout
    assert desk.run("status", "--json").events[0]["is_expired"] is True


def test_a_run_of_an_expired_plan_can_only_be_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.world.put(SOURCE, {"b": Stored(b"b")})
    place = planned(desk.world, "one", expires_after=timedelta(hours=1))
    assert s3plan.apply(place, limit=1).exit_code == 8
    later = datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr("s3plan.cli.commands.status.now_utc", lambda: later)
    said = desk.run("status").stdout
    assert "and expired" in said.splitlines()[0]
    assert "s3plan discard one.s3plan" in said
    assert "s3plan apply" not in said
    with open_plan(place) as plan, pytest.raises(PlanRefused, match=r"s3plan discard .*one\.s3plan"):
        check_may_apply(plan, now=later)


@pytest.mark.parametrize("words", [["--list"], ["--csv"]])
def test_a_prefix_that_no_key_has_is_answered_with_what_keys_are_relative_to(desk: Desk, words: list[str]) -> None:
    planned(desk.world, "one")
    ended = desk.run("show", *words, "--prefix", "s3://left/in/a")
    assert ended.exit_code == 0
    assert "Keys are relative to s3://left/in/ and s3://right/out/." in ended.stderr
    assert "Did you mean --prefix a?" in ended.stderr
    assert "Did you mean --prefix a?" in desk.run("show", *words, "--prefix", "in/a").stderr
    assert "Did you mean" not in desk.run("show", *words, "--prefix", "z").stderr
    assert desk.run("show", *words, "--prefix", "a").stderr == ""
