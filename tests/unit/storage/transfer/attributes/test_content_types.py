"""What a file says that it is, by its name: the same on every machine and every Python."""

from __future__ import annotations

import mimetypes

import pytest
from s3plan.storage.transfer.attributes.content_types import content_type_of


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("index.html", "text/html"),
        ("a/b.c/INDEX.HTML", "text/html"),
        ("app.js", "text/javascript"),
        ("app.mjs", "text/javascript"),
        ("module.wasm", "application/wasm"),
        ("style.css", "text/css"),
        ("photo.jpeg", "image/jpeg"),
        ("photo.webp", "image/webp"),
        ("font.woff2", "font/woff2"),
        ("data.json", "application/json"),
        ("table.parquet", "application/vnd.apache.parquet"),
        ("logs.gz", "application/gzip"),
        # The bytes are the archive's: a type of what is in it, without Content-Encoding, would have browsers show it.
        ("logs.txt.gz", "application/gzip"),
        ("backup.tar.xz", "application/x-xz"),
        ("data:text/html,x.unheard-of", None),
        ("http://host/x.html", "text/html"),
        ("unheard-of", None),
        ("photo.jpeg/unheard-of", None),
        (".html", None),
        ("..html", None),
        ("...tar.gz", "application/gzip"),
        (".tar.gz", "application/gzip"),
        ("a.b.c.svgz", "application/gzip"),
        ("a.", None),
    ],
)
def test_the_type_goes_by_the_ending_alone(key: str, found: str | None) -> None:
    assert content_type_of(key) == found


def test_this_machine_s_own_table_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mimetypes.types_map, ".html", "text/forged")
    mimetypes.add_type("text/forged", ".css")
    try:
        assert (content_type_of("x.html"), content_type_of("x.css")) == ("text/html", "text/css")
    finally:
        mimetypes.init()
