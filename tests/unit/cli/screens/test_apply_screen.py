from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from fakes.shown_plans import DIGEST, NOW, PLAN, a_header, a_run, a_shown_plan, a_status, guard, screen
from s3plan.app.requests import ApplyReport
from s3plan.cli.commands.apply import ApplyOptions, resume_command
from s3plan.cli.screens.run import before_lines, finished_lines, result_lines, status_lines
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.events import Advanced
from s3plan.schemas.outcomes import OutcomeKind

RESUME: list[str | Path] = ["s3plan", "apply", PLAN]


def _result(
    state: str,
    counts: dict[OutcomeKind, int],
    *,
    remaining: int = 0,
    messages: tuple[str, ...] = (),
    reason: str | None = None,
) -> str:
    report = ApplyReport(PLAN, Path("journal"), state, reason, 0, counts, remaining, messages, elapsed_s=12.3)
    return screen(result_lines(report, resume=RESUME))


def test_the_question_is_preceded_by_what_is_about_to_be_done() -> None:
    assert screen(before_lines(a_shown_plan(), status=None, limit=None, now=NOW)) == dedent(
        """\
        Plan 9f86d081 of job images, made 3 min 20 s ago
          from  s3://prod-assets/images/
                AWS, region eu-central-1, default connection
          to    s3://dr-assets/images/
                AWS, region eu-central-1, default connection
          does  8,912 to copy, 21 to overwrite, 4 to delete (40.0 GiB)"""
    )


def test_what_apply_has_to_create_is_said_with_its_place_before_the_question() -> None:
    plan = a_shown_plan(is_made_by_apply=True, endpoint="https://minio.example", is_aws=False)
    text = screen(before_lines(plan, status=None, limit=None, now=NOW))
    assert "  creates  the bucket dr-assets in eu-central-1 at https://minio.example\n" in text


def test_going_on_says_how_much_is_left_and_counts_failed_ones_again() -> None:
    status = a_status(counts={OutcomeKind.DONE: 8_525, OutcomeKind.FAILED: 10}, remaining=402)
    text = screen(before_lines(a_shown_plan(), status=status, limit=100, now=NOW))
    assert "left   412 of 8,937 actions\n" in text
    assert "limit  at most 100 actions in this run" in text


def test_a_clean_end_is_one_line() -> None:
    counts = {OutcomeKind.DONE: 8_930, OutcomeKind.ALREADY_DONE: 7}
    assert _result("completed", counts) == "Done: 8,930 done, 7 already-done, in 12 s."


def test_counts_of_several_runs_are_said_to_be_such() -> None:
    report = ApplyReport(PLAN, Path("j"), "completed", None, 0, {OutcomeKind.DONE: 9}, 0, (), elapsed_s=2.0, runs=3)
    assert screen(result_lines(report, resume=RESUME)) == "Done: 9 done, in 3 runs, the last of 2.0 s."


def test_an_end_with_stale_and_withheld_actions_says_why_and_what_to_do() -> None:
    counts = {OutcomeKind.DONE: 8_931, OutcomeKind.STALE: 2, OutcomeKind.SKIPPED: 4}
    messages = ("4 deletes were withheld: the copy of a\x1b[2Jb is stale",)
    assert _result("partial", counts, messages=messages) == dedent(
        """\
        Not everything was done: 8,931 done, 2 stale, 4 skipped, in 12 s.
          4 deletes were withheld: the copy of a\\x1b[2Jb is stale
          what and why:                   s3plan failures .s3plan/images.s3plan
          to plan anew what is not done:  s3plan retry .s3plan/images.s3plan"""
    )


def test_failed_actions_can_be_tried_again() -> None:
    text = _result("partial", {OutcomeKind.DONE: 1, OutcomeKind.FAILED: 1})
    assert "to try the failed ones again:  s3plan apply .s3plan/images.s3plan" in text


@pytest.mark.parametrize(
    ("state", "reason", "head"),
    [
        ("interrupted", "signal", "Interrupted"),
        ("cancelled", "cancel", "Cancelled"),
        ("interrupted", "action-limit", "Stopped at a limit"),
        ("interrupted", "time-limit", "Stopped, its time is up"),
        ("failed", "failure-limit", "Stopped, too many actions failed"),
        ("failed", "credentials", "Stopped, the credentials cannot be used any more"),
        ("failed", "denied", "Stopped, the store refuses every request"),
        ("failed", "outage", "Stopped, the store does not answer"),
    ],
)
def test_an_unfinished_run_prints_the_command_that_goes_on(state: str, reason: str, head: str) -> None:
    text = _result(state, {OutcomeKind.DONE: 4_231}, remaining=4_706, reason=reason)
    assert text == (
        f"{head}: 4,231 of 8,937 actions ended: 4,231 done, in 12 s.\n  to go on:  s3plan apply .s3plan/images.s3plan"
    )


def test_a_run_that_was_stopped_before_its_first_action_says_so() -> None:
    assert _result("interrupted", {}, remaining=1) == (
        "Interrupted: 0 of 1 action ended, in 12 s.\n  to apply it:  s3plan apply .s3plan/images.s3plan"
    )


def test_a_finished_plan_says_when_it_was_applied() -> None:
    status = a_status("completed", counts={OutcomeKind.DONE: 8_937}, remaining=0)
    text = screen(finished_lines(status, resume=RESUME))
    assert text == "This plan was applied before at 2026-05-04 12:02:05 UTC: 8,937 done."


def test_the_whole_status_of_an_interrupted_plan() -> None:
    status = a_status(runs=(a_run(1, "interrupted", reason="time-limit"), a_run(2, "interrupted", reason="signal")))
    assert screen(status_lines(status, now=NOW, resume=RESUME)) == dedent(
        f"""\
        Plan 9f86d081 of job images: interrupted
          from      s3://prod-assets/images/
                    AWS, region eu-central-1, default connection
          to        s3://dr-assets/images/
                    AWS, region eu-central-1, default connection
          plan      .s3plan/images.s3plan, made 3 min 20 s ago
          digest    {DIGEST}
          journal   .s3plan/images.s3run
          actions   8,502 of 8,937 ended
          outcomes  8,500 done, 2 stale (all 2 runs together)
        Runs
          1  interrupted (time-limit)  began 2 min 20 s ago  1 min 5 s  threads, process 4711 on host.example
          2  interrupted               began 2 min 20 s ago  1 min 5 s  threads, process 4711 on host.example
          Requests were sent by native.
          what and why:  s3plan failures .s3plan/images.s3plan
          to go on:      s3plan apply .s3plan/images.s3plan"""
    )


A_PROXY = "a proxy is set in the environment (https_proxy)"


@pytest.mark.parametrize(
    ("engines", "lines"),
    [
        ([EngineUsed("a", "crt"), EngineUsed("b", "crt")], ["Requests were sent by crt."]),
        (
            [EngineUsed("", "native"), EngineUsed("b", "boto3")],
            ["Requests of the default connection were sent by native.", "Requests of connection b were sent by boto3."],
        ),
        (
            [EngineUsed("a", "native"), EngineUsed("r2", "boto3", f"{A_PROXY}\x1b[2J")],
            [
                "Requests of connection a were sent by native.",
                f"Requests of connection r2 were sent by boto3, the slower engine: {A_PROXY}\\x1b[2J.",
            ],
        ),
        (
            [EngineUsed("a", "boto3", "x"), EngineUsed("b", "boto3")],
            [
                "Requests of connection a were sent by boto3, the slower engine: x.",
                "Requests of connection b were sent by boto3.",
            ],
        ),
        ([], []),
    ],
)
def test_status_says_by_which_engines_the_requests_of_the_last_run_went(
    engines: list[EngineUsed], lines: list[str]
) -> None:
    runs = (a_run(1, "interrupted", engines=(EngineUsed("", "crt"),)), a_run(2, "completed", engines=tuple(engines)))
    text = screen(status_lines(a_status("completed", runs=runs), now=NOW, resume=RESUME))
    assert [line.strip() for line in text.splitlines() if "Requests" in line] == lines


def test_requests_of_a_run_that_is_not_over_still_go() -> None:
    text = screen(status_lines(a_status("running"), now=NOW, resume=RESUME))
    assert "  Requests are sent by native." in text


def test_a_run_that_goes_on_shows_its_pace() -> None:
    now = Advanced(10, 5, 2**21, 2**20, {"done": 5}, 2.4, 2_048.0, 90.0, "copy", 0, True, 2.0)
    text = screen(status_lines(a_status("running", progress=now), now=NOW, resume=RESUME))
    assert "  now       1 min 30 s left, 2/s, 1.0 MiB of 2.0 MiB, 2.0 KiB/s, throttled\n" in text


def test_nobody_is_told_to_apply_a_blocked_plan_or_a_running_one() -> None:
    blocked = a_header(guards=(guard("max_delete", "1", allowed=1, found=2),))
    changes: dict[str, Any] = {"counts": {}, "runs": ()}
    text = screen(status_lines(a_status("pending", header=blocked, **changes), now=NOW, resume=RESUME))
    assert "A guard holds this plan back" in text
    assert "s3plan apply" not in text
    running = a_status("running", counts={OutcomeKind.DONE: 1})
    assert "s3plan apply" not in screen(status_lines(running, now=NOW, resume=RESUME))


def test_the_command_that_goes_on_is_the_one_that_was_given() -> None:
    options = ApplyOptions(
        yes=True,
        expect=DIGEST,
        journal=Path("j.s3run"),
        executor="dask",
        workers=3,
        cluster="tcp://there:8786",
        allow_checked=True,
        limit=5,
    )
    words = ["s3plan", "apply", PLAN, "--yes", "--expect", DIGEST, "--journal", Path("j.s3run")]
    words += ["--executor", "dask", "--workers", "3", "--cluster", "tcp://there:8786", "--allow-checked"]
    assert resume_command(PLAN, options) == words
