from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.shown_plans import NOW
from s3plan.cli.streams.json_lines import JsonLines
from s3plan.cli.streams.output import OutputOptions, open_output
from s3plan.cli.streams.run_log import RunLog
from s3plan.schemas.errors import PlanRefused, UsageInvalid
from s3plan.schemas.events import ActionEnded, Advanced, Event, RunEnded, RunStarted, Warned
from s3plan.schemas.outcomes import OutcomeKind

STAMP = "2026-05-04T12:03:20Z"
DONE = ActionEnded("copy", "a\u202eb\n".encode() + b"\xff", OutcomeKind.DONE, "", 10)
STALE = ActionEnded("delete", b"x", OutcomeKind.STALE, "the object is another one\x1b[2J", 10)


def _run(events: list[Event], path: Path) -> None:
    with RunLog(path, now=lambda: NOW) as log:
        for event in events:
            log(event)


def test_a_log_has_a_line_for_each_action_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    _run([RunStarted(1, "d", 2, 20, 0, "threads", resumed=False), DONE, STALE, Warned("careful")], path)
    _run([RunEnded("partial", None, {"done": 1, "stale": 1}, 0, 3, 2.0)], path)
    assert path.read_text() == (
        f"{STAMP} run 1: 2 actions to perform\n"
        f"{STAMP} done: copy a\\u202eb\\n\\xff (10 B)\n"
        f"{STAMP} stale: delete x: the object is another one\\x1b[2J\n"
        f"{STAMP} warning: careful\n"
        f"{STAMP} partial: 1 done, 1 stale, in 2.0 s\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_wait_for_the_next_sign_of_progress(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    progress = Advanced(2, 1, 2, 1, {"done": 1}, 1.0, 1.0, 1.0, "copy", 0, False, 1.0)
    with RunLog(path) as log:
        log(DONE)
        assert path.read_text() == ""
        log(progress)
        assert len(path.read_text().splitlines()) == 1
        for _ in range(2_000):
            log(DONE)
        assert len(path.read_text().splitlines()) > 1_000


def _told(options: OutputOptions, events: list[Event]) -> None:
    with open_output(options) as output, output.progress() as take:
        for event in events:
            take(event)


def test_only_the_log_gets_actions_that_end_well_unless_somebody_wants_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def names(**options: Any) -> list[str]:
        _told(OutputOptions(json=True, log=tmp_path / "log", **options), [DONE, STALE])
        return [json.loads(line).get("outcome", "") for line in capsys.readouterr().out.splitlines()]

    assert names() == ["", "stale"]
    assert names(verbose=True) == ["", "done", "stale"]
    assert len((tmp_path / "log").read_text().splitlines()) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_log_whose_disk_is_full_is_left_with_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Advanced(2, 1, 2, 1, {"done": 1}, 1.0, 1.0, 1.0, "copy", 0, False, 1.0)
    _told(OutputOptions(log=Path("/dev/full")), [DONE, progress, DONE, progress, Warned("after it")])
    assert capsys.readouterr().err == (
        "warning: --log /dev/full cannot be written any more (no space left on device); s3plan goes on without it\n"
        "warning: after it\n"
    )


class FillingUp(JsonLines):
    """JSON lines on a disk that is full after the first line."""

    def __call__(self, event: Event) -> None:
        raise OSError(28, "No space left on device")


def test_json_lines_whose_disk_fills_up_are_left_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3plan.cli.streams.output.JsonLines", FillingUp)
    _told(OutputOptions(json_into=tmp_path / "e.ndjson"), [Warned("one"), Warned("two")])
    said = capsys.readouterr().err
    assert said.count("cannot be written any more (no space left on device)") == 1
    assert said.endswith("warning: two\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_file_that_cannot_be_written_from_the_start_is_refused_by_its_option(tmp_path: Path) -> None:
    for options, said in (
        (OutputOptions(json_into=Path("/dev/full")), "--json-into /dev/full: no space left on device"),
        (OutputOptions(log=tmp_path / "no" / "log"), f"--log {tmp_path}/no/log: no such file or directory"),
        (OutputOptions(quiet=True, verbose=True), "--quiet and --verbose do not go together"),
    ):
        with pytest.raises(UsageInvalid, match=said), open_output(options):
            pass


def test_how_the_command_ends_stands_in_the_log_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with pytest.raises(PlanRefused), open_output(OutputOptions(log=path)):
        raise PlanRefused("it has expired\nmake a new one\x07")
    assert [line[21:] for line in path.read_text().splitlines()] == [
        "error: it has expired",
        "make a new one\\x07 (exit code 4)",
    ]
