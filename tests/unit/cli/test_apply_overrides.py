"""What `apply` says about a run in place of the manifest, and of a manifest that changed."""

from __future__ import annotations

from typing import Any

import pytest
import s3plan
from fakes.faulty_engine import Fault
from fakes.memory_world import SOURCE, Stored
from fakes.typed_command import Desk, desk
from s3plan.app.runs.executors.opening import open_control
from s3plan.app.runs.overrides import RunOverrides, parse_overrides
from s3plan.executors.pace.pacing import RunControl
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.requests.objects import CopyObject
from s3plan.schemas.requests.uploads import UploadPartCopy

__all__ = ["desk"]


def objects(desk: Desk, count: int = 6, **run: object) -> None:
    desk.world.manifest(run={"executor": "serial", **run})
    desk.world.put(SOURCE, {f"k{number}": Stored(b"1") for number in range(count)})
    desk.world.plan()


@pytest.fixture
def controls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the run's control is told of pace."""
    found: list[dict[str, Any]] = []
    real = open_control

    def noted(limits: Any, settings: Any, **more: Any) -> RunControl:
        pace = {"rate": settings.rate_per_s, "bandwidth": settings.bandwidth_bytes_per_s}
        found.append(pace | {"in_flight": limits.in_flight, "most": limits.most_in_flight})
        return real(limits, settings, **more)

    monkeypatch.setattr("s3plan.app.runs.applying.open_control", noted)
    return found


def test_options_win_over_the_plan_also_when_it_is_gone_on_with(desk: Desk, controls: list[dict[str, Any]]) -> None:
    objects(desk, rate="500/s", in_flight=8)
    words = ("--rate", "2000/s", "--bandwidth", "100MiB/s", "--in-flight", "3")
    ended = desk.run("apply", "--yes", "--limit", "2", *words)
    assert ended.exit_code == 8, ended.output
    assert "--rate 2000/s --bandwidth 100MiB/s" in ended.stdout  # and so goes on the command that is shown
    assert desk.run("apply", "--yes", "--limit", "2").exit_code == 8
    assert desk.run("apply", "--yes", "--in-flight", "5").exit_code == 0
    assert controls == [
        {"rate": 2000, "bandwidth": 100 << 20, "in_flight": 3, "most": 3},
        {"rate": 500, "bandwidth": None, "in_flight": 8, "most": 8},
        {"rate": 500, "bandwidth": None, "in_flight": 5, "most": 5},
    ]


def test_retries_of_the_command_are_counted_like_those_of_the_manifest(desk: Desk) -> None:
    objects(desk, count=1, retries={"attempts": 9, "initial": "1ms", "max": "2ms"})
    desk.world.engine.fail(Fault.INTERNAL, operation=CopyObject, times=100)
    assert desk.run("apply", "--yes", "--retries", "2").exit_code == 3
    assert desk.world.engine.asked(CopyObject) == 3


def test_the_limit_on_failures_can_be_set_for_a_run(desk: Desk) -> None:
    desk.world.manifest(run={"executor": "serial", "retries": 0, "multipart_threshold": "5MiB"})
    desk.world.put(SOURCE, {f"k{number}": Stored(b"x" * (5 << 20)) for number in range(3)})  # each is a batch
    desk.world.plan()
    desk.world.engine.fail(Fault.UNSUPPORTED, operation=UploadPartCopy, times=100)
    assert desk.run("apply", "--yes", "--max-failures", "0").exit_code == 8
    assert desk.run("apply", "--yes").exit_code == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "fast"], "--rate: a rate is"),
        (["--in-flight", "0"], "--in-flight: needs a whole number from 1 to 4,096"),
        (["--retries", "-1"], "--retries: needs"),
        (["--bandwidth", "100"], "--bandwidth: a bandwidth is"),
        (["--max-failures", "1.5"], "--max-failures: needs"),
    ],
)
def test_what_no_manifest_may_say_no_option_may(desk: Desk, words: list[str], said: str) -> None:
    objects(desk)
    ended = desk.run("apply", "--yes", *words)
    assert ended.exit_code == 64
    assert said in ended.stderr
    assert not desk.world.journal.exists()


def test_a_program_may_say_so_too(desk: Desk, controls: list[dict[str, Any]]) -> None:
    objects(desk)
    assert s3plan.apply(desk.world.plan_file, overrides=RunOverrides(rate_per_s=7)).exit_code == 0
    assert controls[0]["rate"] == 7
    with pytest.raises(UsageInvalid, match="rate_per_s"):
        s3plan.apply(desk.world.plan_file, overrides=RunOverrides(rate_per_s=0))


def test_what_is_not_said_is_left_to_the_plan() -> None:
    assert parse_overrides({"rate": None, "retries": None}) == RunOverrides()
    assert parse_overrides({"retries": "0"}) == RunOverrides(retries=0)


def test_apply_says_that_the_manifest_changed_since_the_plan(desk: Desk) -> None:
    objects(desk)
    desk.world.manifest(run={"executor": "serial", "rate": "9/s"})
    said = "job.yaml has changed since this plan was made"
    ended = desk.run("apply", "--yes", "--json", "--limit", "1")
    (warning,) = [event for event in ended.events if event["event"] == "warning"]
    assert said in warning["message"]
    told: list[object] = []
    s3plan.apply(desk.world.plan_file, limit=1, on_event=told.append)
    assert any(said in getattr(event, "message", "") for event in told)
    ended = desk.run("apply", "--yes")
    assert ended.stderr.count(said) == 1


def test_it_says_nothing_of_a_manifest_that_is_as_it_was_or_is_not_there(desk: Desk) -> None:
    objects(desk)
    first = desk.run("apply", "--yes", "--limit", "1")
    assert first.exit_code == 8, first.output
    assert "has changed" not in first.output
    (desk.world.folder / "job.yaml").rename(desk.world.folder / "elsewhere")
    with open_plan(desk.world.plan_file) as plan:
        last = desk.run("apply", "--expect", plan.digest)  # nothing names its endpoint any more
    assert last.exit_code == 0, last.output
    assert "has changed" not in last.output
