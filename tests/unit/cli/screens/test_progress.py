from __future__ import annotations

from typing import Any

import pytest
from fakes.shown_plans import NOW, a_terminal, written
from hypothesis import given
from hypothesis import strategies as st
from s3plan.cli.screens.progress import ProgressView, line_pause_s
from s3plan.cli.screens.progress_frames import listing_line, pace_text, run_frame, run_line
from s3plan.schemas.events import ActionEnded, Advanced, Event, Listed, Prepared, RunStarted, Warned
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.printable import display_width


def _advanced(**changes: Any) -> Advanced:
    fields: dict[str, Any] = {
        "actions": 8_937,
        "settled": 4_231,
        "bytes": 40 * 2**30,
        "settled_bytes": 18 * 2**30,
        "counts": {"done": 4_228, "failed": 2, "stale": 1},
        "actions_per_s": 812.4,
        "bytes_per_s": 3.4 * 2**20,
        "eta_s": 5.8,
        "phase": "copy",
        "retrying": 3,
        "throttled": True,
        "elapsed_s": 6.0,
    }
    return Advanced(**(fields | changes))


def test_a_wide_frame_shows_everything() -> None:
    assert run_frame(_advanced(), width=160).plain == (
        "copy 47%  [##############----------------]  4,231/8,937  2 failed  1 stale  throttled  3 retrying"
        "  5.8 s left  812/s  18.0 GiB of 40.0 GiB  3.4 MiB/s"
    )


def test_a_narrow_frame_keeps_what_must_not_be_missed() -> None:
    assert run_frame(_advanced(), width=60).plain == "copy 47%  4,231/8,937  2 failed  1 stale  throttled"
    assert run_frame(_advanced(retrying=0, throttled=False), width=60).plain == (
        "copy 47%  [#######---------]  4,231/8,937  2 failed  1 stale"
    )


def test_the_last_frame_has_no_time_left() -> None:
    text = run_frame(_advanced(settled=8_937, phase="", counts={"done": 8_937}, eta_s=0.0), width=80).plain
    assert text.startswith("done 100%  [####")
    assert "left" not in text


counts = st.integers(0, 10**12)


@given(
    st.integers(1, 220),
    st.builds(
        Advanced,
        actions=counts,
        settled=counts,
        bytes=counts,
        settled_bytes=counts,
        counts=st.dictionaries(st.sampled_from(["done", "failed", "stale", "unknown"]), counts),
        actions_per_s=st.floats(0, 1e9),
        bytes_per_s=st.floats(0, 1e15),
        eta_s=st.none() | st.floats(0, 1e9),
        phase=st.sampled_from(["", "copy", "delete", "prepare"]),
        retrying=counts,
        throttled=st.booleans(),
        held=st.booleans(),
        elapsed_s=st.floats(0, 1e6),
    ),
)
def test_no_frame_is_wider_than_the_terminal(width: int, event: Advanced) -> None:
    assert display_width(run_frame(event, width=width).plain) <= width


def test_the_line_for_a_log_says_the_same() -> None:
    assert run_line(_advanced()) == (
        "copy: 47%, 4,231 of 8,937 actions, 5.8 s left, 812/s, 18.0 GiB of 40.0 GiB, 3.4 MiB/s, "
        "2 failed, 1 stale, throttled, 3 retrying"
    )


def test_comparing_says_how_far_it_is() -> None:
    assert listing_line(Listed(12_000, 11_000, 310, 4.2)) == (
        "comparing: 12,000 objects at the source, 11,000 at the destination, 310 to act on, 4.2 s"
    )


def _shown(events: list[tuple[float, Event]], **options: Any) -> str:
    """What a view writes; each event comes at its time in seconds."""
    quiet, verbose = options.pop("quiet", False), options.pop("verbose", False)
    terminal = a_terminal(**options)
    times = iter([at for at, _ in events])
    now_s = 0.0
    with ProgressView(terminal, quiet=quiet, verbose=verbose, clock=lambda: now_s, now=lambda: NOW) as view:
        for _, event in events:
            now_s = next(times)
            view(event)
    assert written(terminal.stdout) == ""
    return written(terminal.stderr)


def test_a_log_gets_a_line_with_its_time_every_five_seconds() -> None:
    events: list[tuple[float, Event]] = [(at / 4, _advanced(settled=at)) for at in range(48)]
    lines = _shown(events).splitlines()
    assert [line.split(",")[1] for line in lines] == [" 20 of 8", " 40 of 8"]
    assert all(line.startswith("2026-05-04T12:03:20Z copy: 0%") for line in lines)
    assert all("\x1b" not in line for line in lines)


def test_the_lines_of_a_long_run_thin_out() -> None:
    events: list[tuple[float, Event]] = [(float(at), _advanced(settled=at)) for at in range(0, 5 * 3600, 5)]
    lines = _shown(events).splitlines()
    assert [f" {at} of 8,937 " in line for at, line in zip(range(5, 65, 5), lines, strict=False)] == [True] * 12
    assert 90 < len(lines) < 110
    assert [line_pause_s(elapsed_s) for elapsed_s in (0, 60, 600, 3600, 86_400)] == [5, 5, 50, 300, 300]


def test_a_run_that_is_held_back_shows_no_rate() -> None:
    event = _advanced(held=True, actions_per_s=812.0, retrying=0, throttled=False)
    assert run_frame(event, width=120).plain.endswith("2 failed  1 stale  waiting  18.0 GiB of 40.0 GiB")
    assert run_line(event).endswith("actions, 18.0 GiB of 40.0 GiB, 2 failed, 1 stale, waiting")
    assert pace_text(event) == "18.0 GiB of 40.0 GiB, waiting"
    assert pace_text(_advanced()) == "5.8 s left, 812/s, 18.0 GiB of 40.0 GiB, 3.4 MiB/s, throttled, 3 retrying"


ENDS: list[tuple[float, Event]] = [
    (0.0, ActionEnded("copy", b"a\x1b[31m", OutcomeKind.DONE, "", 1_234)),
    (0.0, ActionEnded("delete", b"b", OutcomeKind.ALREADY_DONE, "", 5)),
    (0.0, ActionEnded("copy", b"c", OutcomeKind.STALE, "source gone", 9)),
]


def test_with_verbose_every_action_has_its_line() -> None:
    said = ["done: copy a\\x1b[31m (1.2 KiB)", "already-done: delete b", "stale: copy c: source gone"]
    assert _shown(ENDS, verbose=True).splitlines() == [f"2026-05-04T12:03:20Z {line}" for line in said]
    on_terminal = _shown(ENDS, verbose=True, is_terminal=True)
    assert "2026" not in on_terminal
    assert all(line in on_terminal for line in said)


def test_a_recorded_run_in_a_log() -> None:
    events: list[Event] = [
        Prepared("created the bucket dr-assets"),
        RunStarted(2, "d" * 64, 8_937, 1, 8_525, "threads", resumed=True),
        Warned("this store ignores conditions"),
        ActionEnded("copy", b"a\x1b[31m[bold]\xff", OutcomeKind.STALE, "source gone"),
    ]
    assert _shown([(0.0, event) for event in events]) == (
        "2026-05-04T12:03:20Z created the bucket dr-assets\n"
        "2026-05-04T12:03:20Z run 2: 8,525 of 8,937 actions ended in earlier runs\n"
        "warning: this store ignores conditions\n"
        "stale: copy a\\x1b[31m[bold]\\xff: source gone\n"
    )


def test_of_many_bad_ends_ten_are_shown() -> None:
    end = ActionEnded("copy", b"key", OutcomeKind.FAILED, "denied")
    lines = _shown([(0.0, end)] * 500).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "more of them are not shown here; `s3plan failures` lists all"


def test_quiet_keeps_warnings() -> None:
    events: list[tuple[float, Event]] = [(0.0, Prepared("made")), (9.0, _advanced()), (20.0, _advanced())]
    assert _shown([*events, (21.0, Warned("careful"))], quiet=True) == "warning: careful\n"


def test_a_terminal_is_redrawn_and_keeps_the_last_frame() -> None:
    text = _shown([(0.0, _advanced(settled=1)), (0.25, _advanced(settled=8_937))], is_terminal=True)
    assert "\x1b[2K" in text
    assert text.rstrip("\x1b[?25h").rstrip().rsplit("\r", 1)[-1].count("8,937/8,937") == 1


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb"}])
def test_where_nobody_wants_animation_there_is_none(environment: dict[str, str]) -> None:
    events: list[tuple[float, Event]] = [(0.0, _advanced()), (6.0, _advanced()), (6.1, Warned("careful"))]
    text = _shown(events, is_terminal=True, environment=environment)
    assert "\x1b" not in text
    assert text.count("\n") == 2
