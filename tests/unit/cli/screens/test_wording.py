from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.cli.screens.wording import age_text, command_text, count_text, duration_text, key_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (12, "12 s"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_an_age_may_lie_ahead() -> None:
    now = datetime(2026, 5, 4, tzinfo=UTC)
    assert age_text(now - timedelta(minutes=3), now=now) == "3 min ago"
    assert age_text(now + timedelta(hours=48), now=now) == "in 2 d"
    assert age_text(now, now=now) == "just now"


def test_one_object_is_not_one_objects() -> None:
    assert (count_text(1, "object"), count_text(8_912, "object")) == ("1 object", "8,912 objects")


@given(st.binary(max_size=40))
def test_no_key_can_move_the_cursor(key: bytes) -> None:
    assert key_text(key).isprintable()


def test_a_command_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = command_text("s3plan", "apply", tmp_path / "my plans" / "a.s3plan")
    assert shlex.split(text) == ["s3plan", "apply", "my plans/a.s3plan"]
