from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.cli.streams.json_lines import JsonLines
from s3plan.cli.streams.output import OutputOptions, open_output
from s3plan.schemas.errors import GuardRefused, UsageInvalid
from s3plan.schemas.events import ActionEnded, PlanSaved, RunEnded
from s3plan.schemas.json_text import json_line
from s3plan.schemas.outcomes import OutcomeKind

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_the_first_line_tells_the_versions_and_each_event_is_a_line() -> None:
    stream = StringIO()
    lines = JsonLines(stream, tool_version="1.2.3", now=lambda: AT)
    lines(PlanSaved("a.s3plan", "d" * 64, 3, blocked=False))
    lines(RunEnded("completed", None, {"done": 3}, 0, 0, 1.5, ("fine",)))
    at = "2026-05-04T12:00:00+00:00"
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "version", "at": at, "format": 1, "tool": "s3plan", "tool_version": "1.2.3"},
        {"event": "plan-saved", "at": at, "path": "a.s3plan", "digest": "d" * 64, "actions": 3, "blocked": False},
        {
            "event": "run-ended",
            "at": at,
            "state": "completed",
            "reason": None,
            "counts": {"done": 3},
            "remaining": 0,
            "exit_code": 0,
            "elapsed_s": 1.5,
            "messages": ["fine"],
            "evidence": {},
            "verified": {},
            "unverified": 0,
        },
    ]


@given(st.binary(max_size=30))
def test_every_key_comes_back_from_its_line(key: bytes) -> None:
    stream = StringIO()
    JsonLines(stream, tool_version="1")(ActionEnded("copy", key, OutcomeKind.FAILED, "why"))
    line = stream.getvalue().splitlines()[1]
    assert line.isprintable()
    assert line.isascii()
    found = json.loads(line)
    exact = base64.b64decode(found["key_base64"]) if "key_base64" in found else found["key"].encode()
    assert exact == key


def test_a_key_that_is_utf8_is_only_text() -> None:
    assert json.loads(json_line({"key": "é\x7f".encode()})) == {"key": "é\x7f"}


def test_an_error_is_told_to_programs_too(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    with pytest.raises(GuardRefused), open_output(OutputOptions(json_into=file)):
        raise GuardRefused("blocked")
    last = json.loads(file.read_text().splitlines()[-1])
    assert (last["event"], last["message"], last["exit_code"]) == ("error", "blocked", 5)


def test_a_file_that_cannot_be_written_is_refused_before_anything_happens(tmp_path: Path) -> None:
    with pytest.raises(UsageInvalid, match="--json-into"), open_output(OutputOptions(json_into=tmp_path / "no" / "f")):
        raise AssertionError("not reached")


class _GoneStream(StringIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_is_gone_does_not_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    with open_output(OutputOptions(json=True)) as output, output.progress() as on_event:
        monkeypatch.setattr(stream, "flush", _GoneStream().flush)
        on_event(PlanSaved("a", "d", 1, blocked=False))
        on_event(PlanSaved("b", "d", 1, blocked=False))
    assert '"a"' in stream.getvalue()
    assert '"b"' not in stream.getvalue()
