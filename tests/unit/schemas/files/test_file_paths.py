"""Which path stands for a key, and for which none can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.files.paths import KeyRefusal, parts_of


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (b"a", (b"a",)),
        (b"a/b.c/..d", (b"a", b"b.c", b"..d")),
        (b"\xff/x", (b"\xff", b"x")),
        (b"n" * 255, (b"n" * 255,)),
        (b"...", (b"...",)),
        (b".s3plans/x", (b".s3plans", b"x")),
        (b"", KeyRefusal.EMPTY),
        (b"/", KeyRefusal.EMPTY),
        (b"/a", KeyRefusal.EMPTY),
        (b"/etc/passwd", KeyRefusal.EMPTY),
        (b"a//b", KeyRefusal.EMPTY),
        (b"a//", KeyRefusal.EMPTY),
        (b".", KeyRefusal.STEP),
        (b"..", KeyRefusal.STEP),
        (b"../../x", KeyRefusal.STEP),
        (b"a/./b", KeyRefusal.STEP),
        (b"a/..", KeyRefusal.STEP),
        (b"a/../", KeyRefusal.STEP),
        (b"nul\0", KeyRefusal.NUL),
        (b"n" * 256, KeyRefusal.LONG),
        (b"a/" + b"n" * 256 + b"/b", KeyRefusal.LONG),
        (b"a/", KeyRefusal.DIRECTORY),
        (b"a/b/", KeyRefusal.DIRECTORY),
        (b".s3plan-tmp/x", KeyRefusal.OWN),
        (b"a/.s3plan-tmp", KeyRefusal.OWN),
        (b"a/.s3plan/b", KeyRefusal.OWN),
    ],
)
def test_a_key_has_one_path_or_none(key: bytes, found: tuple[bytes, ...] | KeyRefusal) -> None:
    assert parts_of(key) == found


def test_only_what_is_left_out_on_purpose_is_no_conflict() -> None:
    assert {refusal for refusal in KeyRefusal if not refusal.is_conflict} == {KeyRefusal.OWN, KeyRefusal.DIRECTORY}


@given(st.lists(st.sampled_from([b"", b".", b"..", b"a", b"b/", b"/", b"\0", b"~"]), max_size=8).map(b"/".join))
def test_every_path_stays_below_its_folder_and_leads_back_to_its_key(key: bytes) -> None:
    parts = parts_of(key)
    if isinstance(parts, KeyRefusal):
        return
    path = os.path.normpath(b"/".join([b"/root", *parts]))
    assert path == b"/root/" + key
    assert Path(os.fsdecode(path)).is_relative_to("/root")
