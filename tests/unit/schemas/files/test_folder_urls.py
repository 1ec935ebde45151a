"""Which texts name a folder of this machine, and which folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.files.urls import absolute_folder, is_local, parse_folder_url
from s3plan.schemas.s3_urls import S3UrlInvalid


@pytest.mark.parametrize("text", [".", "..", "./a", "../a", "~", "~/a", "/", "/a b", "file:///a", "./s3://x/"])
def test_these_are_folders(text: str) -> None:
    assert is_local(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a/b", ".a", "...", "~other/a", "file://host/a", "file:a", "s3://a/", " ./a"]
)
def test_these_are_none(text: str) -> None:
    assert not is_local(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (".", "file:///jobs/nightly/"),
        ("./photos", "file:///jobs/nightly/photos/"),
        ("./photos/", "file:///jobs/nightly/photos/"),
        ("../photos", "file:///jobs/photos/"),
        ("/a/../b//c", "file:///b/c/"),
        ("/", "file:///"),
        ("~", "file:///home/somebody/"),
        ("~/a", "file:///home/somebody/a/"),
        ("file:///a/b", "file:///a/b/"),
        ("file:///a%20b", "file:///a%20b/"),
    ],
)
def test_a_folder_is_kept_by_its_absolute_path(text: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert absolute_folder(text, base=Path("/jobs/nightly")) == found


@pytest.mark.parametrize("text", ["./a", "~/a", "a", "file://a", "/a\0b", "/\udcff"])
def test_what_is_kept_is_absolute_text(text: str) -> None:
    with pytest.raises(S3UrlInvalid):
        parse_folder_url(text)


@given(st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text))
def test_what_is_kept_reads_as_the_same_folder(name: str) -> None:
    kept = absolute_folder(f"/{name}", base=Path("/elsewhere"))
    url = parse_folder_url(kept)
    assert str(url) == kept
    assert parse_folder_url(url.path) == url
