"""`pause`, `unpause`, `cancel`, `status --watch` and `--max-duration`: a run steered from another terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from fakes.workplace import MIB, Workplace

OBJECTS = 1_500
EXECUTORS = ("serial", "threads", "processes")


def a_slow_run(place: Workplace) -> None:
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.seed("source", "big", size_bytes=30 * MIB)
    place.buckets("destination")
    place.manifest(run={"in_flight": 8, "multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.03)


def state_of(place: Workplace) -> str:
    return str(place.command.run("status", place.plan_file, "--json").events[0]["state"])


def assert_all_is_copied_once(place: Workplace) -> None:
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}
    assert place.untold_uploads() == []
    assert not place.journal.with_name("job.s3run.control").exists()
    place.assert_nothing_left()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_paused_run_sends_nothing_until_it_is_let_go_on(place: Workplace, executor: str) -> None:
    a_slow_run(place)
    events = place.folder / "events.ndjson"
    words = ("apply", place.plan_file, "--yes", "--executor", executor, "--json-into", events)
    with place.command.start(*words) as started:
        place.wait_for_copies(started, copies=20)
        paused = place.command.run("pause", place.plan_file)
        assert (paused.exit_code, paused.stderr) == (0, "")
        assert ".s3plan/job.s3plan: paused" in paused.stdout
        assert "s3plan unpause .s3plan/job.s3plan" in paused.stdout
        assert state_of(place) == "paused"
        before = place.server.stats()
        assert before.under_way("CopyObject") == 0
        time.sleep(1.0)
        assert place.server.stats().requested("CopyObject") == before.requested("CopyObject") < OBJECTS
        going_on = place.command.run("unpause", place.plan_file)
        assert going_on.exit_code == 0, going_on.output
        assert state_of(place) == "running"
        place.server.set_mode(latency_s=0)
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert "paused: nothing is under way" in ended.stderr
    assert "going on" in ended.stderr
    assert told_while_paused(events) == {"retrying": {0}, "names": {"progress"}}
    assert_all_is_copied_once(place)


def told_while_paused(events: Path) -> dict[str, set[object]]:
    """What else a program hears meanwhile: what was given back to wait is not to be tried again."""
    told = [json.loads(line) for line in events.read_text().splitlines()]
    names = [event["event"] for event in told]
    between = told[names.index("run-paused") + 1 : names.index("run-resumed")]
    return {"retrying": {event["retrying"] for event in between}, "names": {event["event"] for event in between}}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_cancelled_run_drains_and_says_how_to_go_on_after_all(place: Workplace, executor: str) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes", "--json", "--executor", executor) as started:
        place.wait_for_copies(started, copies=20)
        cancelled = place.command.run("cancel", place.plan_file)
        ended = started.wait()
    assert (cancelled.exit_code, cancelled.stderr) == (0, "")
    assert "cancelled" in cancelled.stdout
    assert "s3plan apply .s3plan/job.s3plan" in cancelled.stdout
    assert ended.exit_code == 130, ended.output
    assert (ended.event("run-ended")["state"], ended.event("run-ended")["reason"]) == ("cancelled", "cancel")
    stats = place.server.stats()
    assert stats.under_way("CopyObject") == 0
    assert state_of(place) == "cancelled"
    place.server.set_mode(latency_s=0)
    again = place.command.run("apply", place.plan_file, "--yes")
    assert again.exit_code == 0, again.output
    assert_all_is_copied_once(place)


def test_a_paused_run_can_be_cancelled(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        assert place.command.run("pause", place.plan_file).exit_code == 0
        assert place.command.run("cancel", place.plan_file).exit_code == 0
        assert started.wait().exit_code == 130


def test_a_run_that_is_killed_while_it_is_paused_is_not_paused_when_it_goes_on(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        assert place.command.run("pause", place.plan_file).exit_code == 0
        started.kill()
    assert state_of(place) == "interrupted"
    place.server.set_mode(latency_s=0)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert_all_is_copied_once(place)


@pytest.mark.parametrize("word", ["pause", "unpause", "cancel"])
def test_a_plan_that_is_not_being_applied_cannot_be_steered(place: Workplace, word: str) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    ended = place.command.run(word, place.plan_file)
    assert ended.exit_code == 1
    assert ended.stderr.strip().endswith(f"job.s3plan is not being applied now, so there is nothing to {word}")
    assert sorted(path.name for path in place.plan_file.parent.iterdir()) == ["job.s3plan"]


def test_status_follows_a_run_to_its_end(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        with place.command.start("status", place.plan_file, "--watch", "--json") as watching:
            time.sleep(2.5)
            place.server.set_mode(latency_s=0)
            assert started.wait().exit_code == 0
            watched = watching.wait()
    seen = [json.loads(line) for line in watched.stdout.splitlines()]
    assert [status["state"] for status in seen] == ["running"] * (len(seen) - 1) + ["completed"]
    assert len(seen) >= 3
    left = [status["remaining"] for status in seen]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


def test_status_in_a_log_says_a_line_now_and_then_and_where_it_ended(place: Workplace) -> None:
    a_slow_run(place)
    with place.command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        with place.command.start("status", place.plan_file, "-w") as watching:
            time.sleep(1.5)
            place.server.set_mode(latency_s=0)
            started.wait()
            watched = watching.wait()
    assert watched.exit_code == 0
    assert "running: " in watched.stderr
    assert "of 1,501 actions ended" in watched.stderr
    assert watched.stdout.splitlines()[0].endswith("of job job: done")


def test_watching_a_plan_that_is_not_being_applied_ends_at_once(place: Workplace) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    ended = place.command.run("status", place.plan_file, "--watch", timeout_s=20)
    assert "not applied yet" in ended.stdout


def test_a_run_stops_when_its_time_is_up_and_the_next_goes_on(place: Workplace) -> None:
    a_slow_run(place)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json", "--max-duration", "1s")
    assert ended.exit_code == 8, ended.output
    assert (ended.event("run-ended")["state"], ended.event("run-ended")["reason"]) == ("interrupted", "time-limit")
    assert 0 < ended.event("run-ended")["remaining"] < OBJECTS
    place.server.set_mode(latency_s=0)
    assert place.command.run("apply", place.plan_file, "--yes", "--max-duration", "1h").exit_code == 0
    assert_all_is_copied_once(place)


@pytest.mark.parametrize("text", ["", "soon", "0s", "-1h", "1.5h", "10"])
def test_a_time_that_makes_no_sense_is_refused_before_anything_else(place: Workplace, text: str) -> None:
    ended = place.command.run("apply", Path("nowhere.s3plan"), "--max-duration", text)
    assert ended.exit_code == 64, ended.output
    assert "--max-duration" in ended.stderr
