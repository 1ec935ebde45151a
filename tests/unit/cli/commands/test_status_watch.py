"""`s3plan status --watch` on a terminal, which is drawn anew each second."""

from __future__ import annotations

import pytest
from fakes.shown_plans import NOW, a_header, a_status, a_terminal, written
from s3plan.cli.commands import status_watch
from s3plan.cli.commands.status_watch import watch
from s3plan.cli.screens.run import status_lines


def test_no_text_of_a_plan_is_a_sequence_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_watch, "sleep", lambda _: None)
    terminal = a_terminal(is_terminal=True, environment={"TERM": "xterm"})
    header = a_header(name="\x1b]0;evil\u202e")
    statuses = iter([a_status("running", header=header), a_status("completed", header=header)])
    last = watch(
        terminal,
        read=lambda: next(statuses),
        lines_of=lambda status: status_lines(status, now=NOW, resume=["s3plan", "apply"]),
        on_status=None,
    )
    shown = written(terminal.stderr)
    assert last.state == "completed"
    assert "\\x1b]0;evil\\u202e" in shown
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
