"""A list of keys is read in one way only, sorted on disk, and held against listings key by key."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.filtering.key_list import KeyListInvalid, ListedKeys, open_key_list
from s3plan.planner.filtering.key_list_lines import LineInvalid, keys_of_lines
from s3plan.schemas.objects import ObjectRow

PLACES = (b"s3://source/in/", b"s3://destination/out/")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a", [b"a"]),
        (b"\n\n a \n\r\n", [b" a "]),
        (b"\xef\xbb\xbfa\n", [b"a"]),
        (b"#a\n!b\n*.jpg\n", [b"#a", b"!b", b"*.jpg"]),
        (b"/a\n../b\nc//d\n", [b"/a", b"../b", b"c//d"]),
        (b'"a\\nb"\n"\\"q\\""\n"s3://x"\n"\\u00e9"\n', [b"a\nb", b'"q"', b"s3://x", "é".encode()]),
        (b"s3://source/in/a\ns3://destination/out/b/c\n", [b"a", b"b/c"]),
    ],
)
def test_lines_name_keys_as_they_stand_as_json_text_or_as_urls(text: bytes, keys: list[bytes]) -> None:
    assert list(keys_of_lines(text.splitlines(keepends=True), places=PLACES)) == keys


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"s3://elsewhere/in/a", "neither the job's source nor its destination"),
        (b"s3://source/other", "neither the job's source nor its destination"),
        (b"s3://source/in/", "the location itself"),
        (b'""', "the location itself"),
        (b'"a', "begins like JSON text"),
        (b'"a" "b"', "begins like JSON text"),
        (b'"\\ud800"', "begins like JSON text"),
        (b"\xff\xfea\0", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b"k" * 1025, "longer than a key"),
        (b"k" * 40_000, "longer than a key"),
    ],
)
def test_a_line_that_names_no_key_is_refused_by_its_number_and_not_shown(line: bytes, message: str) -> None:
    with pytest.raises(LineInvalid, match=message) as refused:
        list(keys_of_lines([b"a\n", line + b"\n"], places=PLACES))
    assert refused.value.line == 2
    assert line.decode(errors="replace")[:2] not in refused.value.message or len(line) < 4


@given(keys=st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)))
def test_every_key_can_be_written_as_json_text(keys: list[str]) -> None:
    wanted = [key.encode() for key in keys if len(key.encode()) <= 1024]
    lines = [json.dumps(key.decode()).encode() + b"\n" for key in wanted]
    assert list(keys_of_lines(lines, places=PLACES)) == wanted


def written(folder: Path, content: bytes) -> str:
    path = folder / "keys.txt"
    path.write_bytes(content)
    return str(path)


def test_a_list_has_each_key_once_in_order_and_the_digest_of_its_bytes(tmp_path: Path) -> None:
    content = b"photos/b\nphotos/a\r\nphotos/b\n\nphotos/caf\xc3\xa9\n"
    with open_key_list(written(tmp_path, content), places=PLACES) as found:
        assert list(found.read()) == [b"photos/a", b"photos/b", "photos/café".encode()]
        assert (found.keys, found.sha256) == (3, hashlib.sha256(content).hexdigest())
        assert found.common_start() == b"photos/"
        assert (found.has_below(b"photos"), found.has_below(b"photo"), found.has_below(b"photos/a")) == (
            True,
            False,
            False,
        )


def test_lists_that_no_job_can_go_by_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, message in (
        (written(tmp_path, b"\r\n\n"), "no keys"),
        (str(tmp_path / "absent"), "no such file"),
        (str(tmp_path), "is a directory"),
        (str(pipe), "is no file"),
    ):
        with pytest.raises(KeyListInvalid, match=message), open_key_list(path, places=PLACES):
            pass


keys_of_bytes = st.sets(st.binary(min_size=1, max_size=3).filter(lambda key: key.isalpha()), max_size=12)


@given(named=keys_of_bytes.filter(bool), standing=keys_of_bytes, page=st.integers(1, 4))
def test_what_passes_is_what_is_named_and_stands_there_and_the_rest_is_counted(
    tmp_path_factory: pytest.TempPathFactory, named: set[bytes], standing: set[bytes], page: int
) -> None:
    rows = [ObjectRow(key, 1, "e", 0) for key in sorted(standing)]
    path = written(tmp_path_factory.mktemp("list"), b"\n".join(named))
    with open_key_list(path, places=()) as found:
        listed = ListedKeys(found, lambda key: key < b"m")
        kept = [row for at in range(0, len(rows), page) for row in listed.among(rows[at : at + page])]
        listed.end()
    absent = sorted(key for key in named - standing if key < b"m")
    assert [row.key for row in kept] == sorted(named & standing)
    assert (listed.missing, listed.first_missing) == (len(absent), absent[:3])
    assert listed.left_out == sum(key >= b"m" for key in named)
