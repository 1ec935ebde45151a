from __future__ import annotations

import base64
import csv
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.app.requests import FailureLine
from s3plan.cli.streams.csv_rows import ACTION_HEADINGS, FAILURE_HEADINGS, action_row, failure_row, text_cell, write_csv
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.plan.sides import Side


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "\t=1", "\r=1"])
def test_nothing_looks_like_a_formula(text: str) -> None:
    assert text_cell(text).startswith(("'", "\\"))


def test_ordinary_text_stays_as_it_is() -> None:
    assert text_cell("2024/a-b.jpg") == "2024/a-b.jpg"
    assert text_cell("") == ""


def test_a_copy_is_a_row() -> None:
    action = Action(
        ActionKind.COPY,
        b"a,b",
        12,
        "size 10 -> 12",
        source_pin="e1",
        source_mtime_ms=0,
        destination_pin="e2",
        destination_key=b"x/a,b",
    )
    assert dict(zip(ACTION_HEADINGS, action_row("images", VerdictKind.OVERWRITE, action), strict=True)) == {
        "job": "images",
        "kind": "overwrite",
        "key": "a,b",
        "size_bytes": "12",
        "reason": "size 10 -> 12",
        "destination_key": "x/a,b",
        "source_pin": "e1",
        "source_version": "",
        "source_modified": "1970-01-01T00:00:00.000+00:00",
        "destination_pin": "e2",
        "destination_modified": "",
        "storage_class": "",
        "key_base64": "",
    }


@given(st.binary(min_size=1, max_size=30))
def test_every_key_comes_back_from_its_row(key: bytes) -> None:
    stream = StringIO()
    rows = [action_row("images", VerdictKind.DELETE, Action(ActionKind.DELETE, key, 1, "not in source"))]
    write_csv(rows, columns=ACTION_HEADINGS, stream=stream)
    assert stream.getvalue().count("\n") == 2
    [row] = csv.DictReader(StringIO(stream.getvalue()))
    assert row["key"].isprintable()
    assert (base64.b64decode(row["key_base64"]) if row["key_base64"] else row["key"].encode()) == key


def test_a_failure_is_a_row() -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    line = FailureLine("images", "copy", b"-key", OutcomeKind.FAILED, "denied", "denied", 3, at, side=Side.SOURCE)
    assert dict(zip(FAILURE_HEADINGS, failure_row(line), strict=True)) == {
        "job": "images",
        "outcome": "failed",
        "action": "copy",
        "key": "'-key",
        "reason": "denied",
        "evidence": "",
        "failure": "denied",
        "side": "source",
        "attempts": "3",
        "at": "2026-05-04T00:00:00+00:00",
        "key_base64": base64.b64encode(b"-key").decode(),
    }
