"""`apply -v` and `--log FILE`: a line for each action as it ends, through the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.workplace import MIRROR, Workplace

HOSTILE = "a\x1b[2J\u202eb"


def _planned(place: Workplace) -> None:
    place.seed("source", "a.txt", HOSTILE, body="bytes")
    place.seed("destination", "old.txt", body="bytes")
    place.manifest(**MIRROR, guards={"max_delete": 5})
    place.plan()


def test_every_action_has_a_line_here_in_the_log_and_as_an_event(place: Workplace) -> None:
    _planned(place)
    ended = place.command.run("apply", "--yes", "-v", "--log", "run.log", "--json-into", "events.ndjson")
    assert ended.exit_code == 0
    expected = {"done: copy a.txt (5 B)", "done: copy a\\x1b[2J\\u202eb (5 B)", "done: delete old.txt"}
    stamp_width = len("2026-05-04T12:03:20Z ")
    assert expected <= {line[stamp_width:] for line in ended.stderr.splitlines()}
    log = (place.folder / "run.log").read_text()
    assert expected < {line[stamp_width:] for line in log.splitlines()}
    assert log.isascii()
    assert "\x1b" not in log
    events = (place.folder / "events.ndjson").read_text()
    assert events.count('"event": "action-ended"') == 3


def test_without_verbose_only_the_log_has_them(place: Workplace) -> None:
    _planned(place)
    ended = place.command.run("apply", "--yes", "--log", "run.log", "--json")
    assert [event for event in ended.events if event["event"] == "action-ended"] == []
    assert (place.folder / "run.log").read_text().count(" done: ") == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_log_on_a_full_disk_costs_the_run_nothing_but_the_log(place: Workplace) -> None:
    _planned(place)
    ended = place.command.run("apply", "--yes", "--log", "/dev/full")
    assert ended.exit_code == 0
    assert ended.stderr.count("warning: --log /dev/full cannot be written any more (no space left on device)") == 1
    assert place.keys("destination") == place.keys("source")
