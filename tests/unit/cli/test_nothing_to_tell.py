"""What commands say where there is nothing to show or to do: never an empty screen, never a step that leads nowhere."""

from __future__ import annotations

from fakes.memory_world import DESTINATION, SOURCE, Stored
from fakes.typed_command import Desk, desk

__all__ = ["desk"]


def a_plan(desk: Desk, *keys: str) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {key: Stored(b"1") for key in keys})
    assert desk.run("plan", "job.yaml", "-q").exit_code == 0


def test_a_list_without_lines_says_so(desk: Desk) -> None:
    a_plan(desk, "a")
    ended = desk.run("show", "--list", "--kind", "delete")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "The plan has no line of these kinds.\n")
    ended = desk.run("show", "--csv", "--kind", "delete")
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "The plan has no line of these kinds.\n")
    a_plan(desk)
    desk.world.apply()
    assert desk.run("plan", "job.yaml", "-q").exit_code == 0
    assert desk.run("show", "--list").stderr == "The plan has no lines.\n"
    said = desk.run("status").stdout
    assert ": nothing to do\n" in said
    assert "not applied yet" not in said


def test_a_plan_of_conflicts_only_is_not_said_to_have_nothing_to_do(desk: Desk) -> None:
    a_plan(desk, "é" * 510)
    desk.world.manifest(destination=f"s3://{DESTINATION}/a-folder-with-a-name/")
    assert desk.run("plan", "job.yaml", "-q").exit_code == 3
    assert ": nothing can be done\n" in desk.run("status").stdout


def test_a_retry_of_a_run_that_was_stopped_names_what_goes_on_with_it(desk: Desk) -> None:
    a_plan(desk, "a", "b", "c")
    assert desk.run("apply", "--yes", "--limit", "1").exit_code == 8
    ended = desk.run("retry")
    assert ended.exit_code == 0
    assert "there is nothing to retry. 2 actions not tried yet: s3plan apply .s3plan/job.s3plan\n" in ended.stderr


def test_earlier_plans_lead_to_the_last_one_that_has_failures(desk: Desk) -> None:
    well = an_applied_plan(desk, "a")
    a_plan(desk, "a")
    assert f"To look at one: s3plan status {well}\n" in desk.run("status").stdout
    badly = an_applied_plan(desk, "b", becomes="stale")
    an_applied_plan(desk, "c")
    a_plan(desk, "c")
    assert f"To see what did not end well: s3plan failures {badly}\n" in desk.run("status").stdout


def an_applied_plan(desk: Desk, key: str, *, becomes: str = "") -> str:
    """Plan a new key and apply the plan; return its id."""
    a_plan(desk, key)
    desk.world.put(SOURCE, {key: Stored(becomes.encode() or b"1")})
    assert desk.world.apply().exit_code == (3 if becomes else 0)
    return str(desk.run("status", "--json").events[0]["digest"])[:8]


def test_a_plan_has_to_lie_in_a_folder_that_is_there(desk: Desk) -> None:
    a_plan(desk, "a")
    ended = desk.run("plan", "job.yaml", "-o", "none/job.s3plan")
    assert ended.exit_code == 1
    assert "cannot write none/job.s3plan: there is no folder none; make it first\n" in ended.stderr


def test_commands_in_messages_can_be_pasted_whatever_the_path(desk: Desk) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {key: Stored(b"1") for key in "abc"})
    where = "my plan.s3plan"
    assert desk.run("plan", "job.yaml", "-o", where, "-q").exit_code == 0
    assert desk.run("apply", where, "--yes", "--limit", "1").exit_code == 8
    said = desk.run("plan", "job.yaml", "-o", where).stderr
    assert "go on with `s3plan apply 'my plan.s3plan'`, give it up with `s3plan discard 'my plan.s3plan'`" in said
    (desk.world.folder / "my job.yaml").write_text("version: 1\n")
    assert "`s3plan plan 'my job.yaml'` makes a plan of it" in desk.run("apply", "my job.yaml").stderr


def test_what_stands_where_the_folder_of_plans_belongs_is_named(desk: Desk) -> None:
    desk.world.manifest()
    desk.world.put(SOURCE, {"a": Stored(b"1")})
    place = desk.world.folder / ".s3plan"
    said = "error: .s3plan is not a folder; move it away, or put the plan elsewhere with -o\n"
    place.touch()
    assert desk.run("plan", "job.yaml").stderr.endswith(said)
    place.unlink()
    place.symlink_to("nowhere")
    ended = desk.run("plan", "job.yaml")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.endswith(said)
