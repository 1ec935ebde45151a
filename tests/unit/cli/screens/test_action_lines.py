from __future__ import annotations

from datetime import UTC, datetime

from fakes.shown_plans import a_status, screen
from s3plan.app.plans.review import ListedAction
from s3plan.app.requests import FailureLine
from s3plan.cli.commands.show import list_lines
from s3plan.cli.commands.status import failure_lines, status_document
from s3plan.cli.screens.run import counts_text
from s3plan.schemas.json_text import json_line
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind

AT = datetime(2026, 5, 4, tzinfo=UTC)


def test_each_kind_has_its_mark() -> None:
    rows = [
        ListedAction("images", VerdictKind.COPY, Action(ActionKind.COPY, b"new", 2_100, "not in destination")),
        ListedAction(
            "images", VerdictKind.COPY, Action(ActionKind.COPY, b"", 1, "raw prefix", destination_key=b"whole")
        ),
        ListedAction("images", VerdictKind.OVERWRITE, Action(ActionKind.COPY, b"[red]x[/]\x1b", 12, "size 10 -> 12")),
        ListedAction("images", VerdictKind.DELETE, Action(ActionKind.DELETE, "\u202egpj".encode(), 5, "not in source")),
        ListedAction("images", VerdictKind.SKIPPED, Action(ActionKind.SKIP, b"cold", 5, "archived")),
        ListedAction("images", VerdictKind.CONFLICT, Action(ActionKind.CONFLICT, b"\xff", 5, "key too long")),
    ]
    assert screen(list_lines(rows)).splitlines() == [
        "+ copy          2.1 KiB  new  (not in destination)",
        "+ copy              1 B  (the location itself) -> whole  (raw prefix)",
        "~ overwrite        12 B  [red]x[/]\\x1b  (size 10 -> 12)",
        "- delete            5 B  \\u202egpj  (not in source)",
        "  skip              5 B  cold  (archived)",
        "! conflict          5 B  \\xff  (key too long)",
    ]


def test_failures_have_causes_and_a_sum() -> None:
    failures = [
        FailureLine("images", "copy", b"a\n", OutcomeKind.FAILED, "CopyObject: AccessDenied (403)", "denied", 3, AT),
        FailureLine("images", "delete", b"b", OutcomeKind.SKIPPED, "withheld: the copy of a failed", None, 0, AT),
    ]
    assert screen(failure_lines(failures)).splitlines() == [
        "failed   copy    a\\n: CopyObject: AccessDenied (403) [denied, 3 attempts]",
        "skipped  delete  b: withheld: the copy of a failed",
        "1 failed, 1 skipped.",
    ]


def test_no_failure_is_good_news() -> None:
    assert screen(failure_lines([])) == "No action has ended badly."


def test_a_status_is_one_line_of_json() -> None:
    line = json_line(status_document(a_status(), earlier=[]))
    assert line.count("\n") == 1
    assert '"counts": {"done": 8500, "stale": 2}' in line
    assert '"began_at": "2026-05-04T12:01:00+00:00"' in line


def test_what_an_already_done_action_rests_on_is_shown() -> None:
    weak = FailureLine(
        "images", "copy", b"a", OutcomeKind.ALREADY_DONE, "no more is known", None, 1, AT, "by size and time"
    )
    assert screen(failure_lines([weak])).splitlines() == [
        "already-done  copy    a: no more is known [by size and time]",
        "1 already-done.",
    ]
    counts = {OutcomeKind.DONE: 2, OutcomeKind.ALREADY_DONE: 4}
    evidence = {"by size and time": 1, "by etag": 3}
    assert counts_text(counts, evidence) == "2 done, 4 already-done (3 by etag, 1 by size and time)"
