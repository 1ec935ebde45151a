"""What a person reads of an audit."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from fakes.shown_plans import screen
from s3plan.app.audits.requests import AuditReport, JobAudit
from s3plan.cli.screens.audit import FindingLines, audit_lines, finding_line, last_line
from s3plan.cli.screens.terminal import Terminal
from s3plan.schemas.evidence.findings import AuditCounts, Finding, FindingKind
from s3plan.schemas.plan.rows import LocationKind, PlanLocation

FOLDER = PlanLocation(1, LocationKind.FOLDER, "file:///photos/", "", None, None, "", "", path="/photos")
BUCKET = PlanLocation(2, LocationKind.S3, "s3://bucket/\x1b/", "", None, None, "bucket", "up/")


class Typed(io.StringIO):
    """A stream that is a terminal, or is none."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal


class Piped(Typed):
    is_terminal = False


def lines_on(stream: Typed, findings: int) -> list[str]:
    environment: Mapping[str, str] = {"NO_COLOR": "1"}
    terminal = Terminal(stdin=io.StringIO(), stdout=stream, stderr=io.StringIO(), environment=environment)
    lines = FindingLines(terminal)
    for number in range(findings):
        lines.take("up", Finding(FindingKind.MISSING, b"key-%d" % number, 1))
    lines.take("up", Finding(FindingKind.EXTRA, b"extra", 1))
    lines.take("other", Finding(FindingKind.MISSING, b"of another job", 1))
    lines.end()
    return stream.getvalue().splitlines()


def test_a_terminal_shows_the_first_of_each_kind_and_job_and_how_many_more_there_are() -> None:
    shown = lines_on(Typed(), 1254)
    assert [line for line in shown if "more" in line] == ["missing         and 1,234 more; --csv prints each of them"]
    assert len(shown) == 1 + 20 + 1 + 1 + 2
    assert (shown[0], *shown[-2:]) == ("up", "other", "missing         of another job")


def test_whatever_is_no_terminal_gets_all_of_them() -> None:
    assert len(lines_on(Piped(), 1254)) == 1 + 1255 + 2


def test_a_finding_is_safe_to_print() -> None:
    finding = Finding(FindingKind.UNREADABLE, b"\xff\x1b[2J", 1, "the store says \u202e")
    assert finding_line(finding).plain == "unreadable      \\xff\\x1b[2J: the store says \\u202e"


def job(*, mirror: bool = False, **objects: int) -> JobAudit:
    counts = AuditCounts()
    for name, count in objects.items():
        for _ in range(count):
            counts.add(Finding(FindingKind[name], b"k", 10, by="CRC32" if name == "SAME" else ""))
    return JobAudit("up", FOLDER, BUCKET, counts, extra_counts=mirror)


@pytest.mark.parametrize(
    ("jobs", "exit_code", "said"),
    [
        ([job()], 0, "Verified: 0 the same, in 1.0 s."),
        ([job(SAME=2, LEFT_OUT=3)], 0, "Verified: 2 the same (2 by CRC32), in 1.0 s."),
        ([job(SAME=1, EXTRA=1)], 0, "Verified: 1 the same (1 by CRC32), 1 extra, in 1.0 s."),
        ([job(EXTRA=1, mirror=True)], 9, "Not all the same: 0 the same, 1 extra, in 1.0 s."),
        ([job(NOT_COMPARABLE=1)], 3, "Not all could be verified: 0 the same, 1 not comparable, in 1.0 s."),
        ([job(UNREADABLE=1)], 3, "Not all could be verified: 0 the same, 1 unreadable, in 1.0 s."),
        (
            [job(SAME=1, UNREADABLE=1), job(SAME=1, MISSING=1, DIFFERENT=1)],
            9,
            "Not all the same: 2 the same (2 by CRC32), 1 different, 1 missing, 1 unreadable, in 1.0 s.",
        ),
    ],
    ids=range(7),
)
def test_the_last_line_and_the_exit_code_say_what_it_comes_to(jobs: list[JobAudit], exit_code: int, said: str) -> None:
    report = AuditReport(tuple(jobs), (), 1.0)
    assert (int(report.exit_code), last_line(report).plain) == (exit_code, said)


def test_the_sums_of_a_job_name_the_evidence_and_what_does_not_count() -> None:
    report = AuditReport((job(SAME=2, EXTRA=1, LEFT_OUT=1),), (), 1.0)
    assert screen(audit_lines(report)).splitlines() == [
        "",
        "up  file:///photos/ -> s3://bucket/\\x1b/",
        "  same      2 objects  20 B  2 by CRC32",
        "  extra      1 object  10 B  counts for nothing: only mode: mirror says that the destination has no more",
        "  left out   1 object  10 B  by filters, or on purpose",
    ]
