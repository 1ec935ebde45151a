"""Every manifest that cannot be planned ends the command with 65, the place, and what to write instead."""

from __future__ import annotations

import re

import pytest
from fakes.workplace import Workplace

GOOD = """\
version: 1
name: job
source: s3://source/in/
destination: s3://destination/out/
"""

SYNTAX = {
    "unquoted star": ("filters:\n  include: [*.jpg]\n", "quote"),
    "unclosed bracket": ("filters:\n  include: [a\n", "job.yaml"),
    "tab": ("filters:\n\tinclude: a\n", "tab"),
    "duplicate key": ("overwrite: never\noverwrite: always\n", "twice|already|duplicate"),
    "alias bomb": (
        "x-0: &n0 [1, 1]\n" + "".join(f"x-{n}: &n{n} [*n{n - 1}, *n{n - 1}]\n" for n in range(1, 20)),
        "alias",
    ),
    "no mapping": None,
    "too large": ("x-big: " + "a" * (1 << 20) + "\n", "1 MiB"),
    "not utf-8": None,
}

FIELDS = {
    "unknown key": ("overwrit: never\n", "did you mean overwrite"),
    "unknown value": ("overwrite: if-diferent\n", "did you mean if-different"),
    "boolean in words": ("guards: {refuse_empty_source: NO}\n", "use true or false"),
    "size without unit": ("filters: {size: {max: 100}}\n", "100B|unit"),
    "duration without unit": ("filters: {modified: {older_than: 30}}\n", "30s"),
    "no date": ("filters: {modified: {after: yesterday}}\n", "date|moment|time"),
    "sizes the wrong way round": ("filters: {size: {min: 2KiB, max: 1KiB}}\n", "min|max"),
    "variable": ("description: from ${var.day}\n", "not yet|not there yet|\\$\\{"),
    "include": ("include: [other.yaml]\n", "not there yet|not yet"),
    "vars": ("vars: {}\n", "not there yet|not yet"),
    "depends_on": ("depends_on: [other]\n", "depends_on belongs to one of several jobs"),
    "mode two-way": ("mode: two-way\n", "not there yet|not yet"),
    "mirror without delete": ("mode: mirror\n", "delete"),
    "delete without mirror": ("delete: {extraneous: true}\n", "mirror"),
    "checksum": ("compare: [checksum]\n", "both sides are buckets"),
    "executor unknown": ("run: {executor: thread}\n", "did you mean threads"),
    "threshold above 5 GiB": ("run: {multipart_threshold: 6GiB}\n", "5GiB|5 GiB"),
    "threshold below 5 MiB": ("run: {multipart_threshold: 1MiB}\n", "5MiB|5 MiB"),
    "guard over 100 %": ("guards: {max_delete: 101%}\n", "100"),
    "secret": ("connections: {c: {secret_access_key: abc}}\n", "secret|credentials|environment"),
    "token": ("connections: {c: {session_token: abc}}\n", "token|credentials|environment"),
    "http elsewhere": ("connections: {c: {endpoint: 'http://s3.example.com'}}\n", "allow_http"),
    "metadata address": ("connections: {c: {endpoint: 'http://169.254.169.254', allow_http: true}}\n", "169.254"),
    "bad pattern": ("filters: {include: ['[']}\n", "include|pattern|\\["),
    "empty filter": ("filters: {include: []}\n", "empty"),
}

PLACES = {
    "no version": (GOOD.replace("version: 1\n", ""), "version"),
    "version 2": (GOOD.replace("version: 1", "version: 2"), "version"),
    "no name": (GOOD.replace("name: job\n", ""), "name"),
    "bad name": (GOOD.replace("name: job", "name: ../job"), "name"),
    "no source": (GOOD.replace("source: s3://source/in/\n", ""), "source"),
    "folder of objects": (GOOD.replace("s3://destination/out/", "{url: ./folder, create: true}"), "a folder has files"),
    "two folders": (
        GOOD.replace("s3://destination/out/", "./one").replace("s3://source/in/", "./two"),
        "one side is a bucket",
    ),
    "folder without ./": (GOOD.replace("s3://source/in/", "folder"), r"or \./folder if it is a folder"),
    "unknown scheme": (GOOD.replace("s3://source/in/", "gs://source/in/"), "s3://|gs"),
    "no bucket": (GOOD.replace("s3://source/in/", "s3:///in/"), "bucket"),
    "bad bucket": (GOOD.replace("s3://source/", "s3://so!urce/"), "bucket"),
    "unknown connection": (GOOD.replace("source: s3://source/in/", "source: {url: s3://source/, connection: x}"), "x"),
    "overlap, same": (GOOD.replace("s3://destination/out/", "s3://source/in/"), "overlap|same"),
    "overlap, below": (GOOD.replace("s3://destination/out/", "s3://source/in/below/"), "overlap|inside|within|lies"),
    "overlap, above": (GOOD.replace("s3://destination/out/", "s3://source/"), "overlap|inside|within|lies"),
    "raw prefix with mirror": (
        GOOD.replace("source: s3://source/in/", "source: {url: s3://source/, prefix: raw/pre}")
        + "mode: mirror\ndelete: {extraneous: true}\n",
        "prefix",
    ),
    "two stores": (
        GOOD.replace("source: s3://source/in/", "source: {url: s3://source/in/, connection: a}")
        + "connections: {a: {endpoint: 'https://a.example.com'}}\ntransfer: server-side\n",
        "endpoint|store|relay",
    ),
    "object_lock": (
        GOOD.replace("destination: s3://destination/out/", "destination: {url: s3://d-d/, object_lock: x}"),
        "yet",
    ),
    "owner": (
        GOOD.replace("source: s3://source/in/", "source: {url: s3://source/in/, expected_bucket_owner: 12}"),
        "12 digits",
    ),
}


def refused(place: Workplace, text: str | bytes, *, command: str = "plan") -> str:
    """Run the command on a manifest; it must end with 65 and say where. Returns what it said."""
    path = place.folder / "job.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    ended = place.command.run(command, path)
    assert ended.exit_code == 65, ended.output
    assert re.search(r"job\.yaml(:\d+:\d+)?: ", ended.stderr), ended.stderr
    assert ended.stdout == ""
    assert not (place.folder / ".s3plan").exists()
    return ended.stderr


def assert_says(said: str, pattern: str) -> None:
    assert re.search(pattern, said), said
    assert "pydantic" not in said
    assert "ruamel" not in said


@pytest.mark.parametrize("name", [name for name, case in SYNTAX.items() if case is not None])
def test_what_is_no_good_yaml_is_refused(place: Workplace, name: str) -> None:
    case = SYNTAX[name]
    assert case is not None
    assert_says(refused(place, GOOD + case[0]), case[1])


def test_what_is_no_text_or_no_mapping_is_refused(place: Workplace) -> None:
    assert_says(refused(place, GOOD.encode() + b"description: \xff\xfe\n"), "UTF-8")
    assert_says(refused(place, "- a list\n"), "mapping")
    assert_says(refused(place, ""), "empty|mapping")


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_cannot_be_meant_is_refused_at_its_place(place: Workplace, name: str) -> None:
    written, says = FIELDS[name]
    said = refused(place, GOOD + written, command="validate")
    assert_says(said, says)
    assert re.search(r"job\.yaml:5:\d+: ", said), said
    assert "^" in said


@pytest.mark.parametrize("name", PLACES)
def test_a_head_or_a_place_that_cannot_be_meant_is_refused(place: Workplace, name: str) -> None:
    text, says = PLACES[name]
    assert_says(refused(place, text), says)


def test_all_findings_come_at_once_with_their_lines(place: Workplace) -> None:
    said = refused(place, GOOD + "overwrit: never\nmode: mirorr\nfilters: {size: {max: 1}}\n")
    assert [int(line) for line in re.findall(r"job\.yaml:(\d+):", said)] == [5, 6, 7]


def test_a_secret_is_never_repeated(place: Workplace) -> None:
    said = refused(place, GOOD + "connections: {c: {secret_access_key: wJalrXUtnFEMI}}\n")
    assert "secret_access_key" in said
    assert "wJalrXUtnFEMI" not in said


def test_a_manifest_that_is_not_there_is_refused(place: Workplace) -> None:
    ended = place.command.run("plan", "absent.yaml")
    assert ended.exit_code == 65
    assert "absent.yaml" in ended.stderr
    ended = place.command.run("plan", ".")
    assert (ended.exit_code, "there is no s3plan.yaml" in ended.stderr) == (64, True)
    ended = place.command.run("validate", "absent.yaml")
    assert ended.exit_code == 65


def test_control_characters_of_a_manifest_never_reach_the_terminal(place: Workplace) -> None:
    said = refused(place, GOOD + '"\\e[31m\u202e": 1\n')
    assert "\\x1b[31m\\u202e" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
