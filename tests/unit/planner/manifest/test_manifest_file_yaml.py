"""What YAML may be a manifest at all, and what a syntax error is told as."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fakes.plan_parts import the_job
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.text.yaml_document import MAX_FILE_BYTES, MAX_NODES
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity

SOUND = b"version: 1\nname: job\nsource: s3://aaa/\ndestination: s3://bbb/\n"
JOB = Path("job.yaml")
STAR = "* repeats a value by its name, and no value above has this name"
TAG = "a value that starts with ! is a YAML tag, which a manifest has no use for"
EMPTY = "the file is empty; a manifest has at least version, name, source and destination"
ESCAPED = 'within double quotes it is written "\\x1b"'
NO_FIT = "this does not fit here: the value before it has ended, or the indentation is off"

Case = tuple[bytes, int, int, str, str | None]


def refusals(text: bytes) -> tuple[Diagnostic, ...]:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text, path=JOB)
    return caught.value.diagnostics


def quoted(first: str) -> str:
    return f"a text that starts with {first} must be quoted"


REFUSED: list[Case] = [
    (b"", 0, 0, EMPTY, None),
    (b"# only a comment\n", 0, 0, EMPTY, None),
    (b"---\n", 0, 0, EMPTY, None),
    (b"~\n", 0, 0, EMPTY, None),
    (b"- a\n", 1, 1, "a manifest is a mapping of `key: value` lines", None),
    (b"text\n", 1, 1, "a manifest is a mapping of `key: value` lines", None),
    (b"\xff\xfev\x00", 0, 0, "the file is UTF-16 or UTF-32", "save it as UTF-8"),
    (b"\xfe\xff\x00v", 0, 0, "the file is UTF-16 or UTF-32", "save it as UTF-8"),
    (b"a: 1\nb: caf\xe9\n", 2, 7, "byte 0xE9 is not UTF-8", "save the file as UTF-8"),
    (b"a: 1\nb: x\0y\n", 2, 5, "a NUL byte cannot stand in YAML", None),
    (b"a: \x1b[31m\n", 1, 4, "the control character U+001B cannot stand in YAML", ESCAPED),
    (b"a: 1\n---\nb: 2\n", 2, 1, "a second YAML document starts here", "one manifest a file"),
    (b"%YAML 1.1\n---\na: 1\n", 1, 1, "a manifest is YAML 1.2", "remove the %YAML line"),
    (b"include: *.jpg\n", 1, 10, STAR, quoted("*")),
    (b"include: [*.jpg]\n", 1, 11, STAR, quoted("*")),
    (b"include:\n  - *\n", 2, 6, "a name is missing after *, & or %", quoted("*")),
    (b"include: !*.jpg\n", 1, 10, TAG, quoted("!")),
    (b"a: !!python/object/apply:os.system ['x']\n", 1, 4, TAG, quoted("!")),
    (b"a: @x\n", 1, 4, "a value cannot start with @", quoted("@")),
    (b"a: `x`\n", 1, 4, "a value cannot start with `", quoted("`")),
    (b"a: %x\n", 1, 4, "a value cannot start with %", quoted("%")),
    (b"a: {b,c}.jpg\n", 1, 9, NO_FIT, quoted("{")),
    (b"a: {{ b }}\n", 1, 5, "a key must be a single value, not a list or mapping", quoted("{ or [")),
    (b"a: {x: ${y}}\n", 1, 9, "a comma or the closing bracket is missing before this", quoted("${")),
    (b"a: [x\n", 1, 4, "this bracket is never closed", None),
    (b"a: [,]\n", 1, 5, "a value is missing before this", None),
    (b"a: 'x\nb: 1\n", 1, 4, "this quote is never closed", None),
    (b"a: 'it's'\n", 1, 8, NO_FIT, None),
    (b'a: "\\q"\n', 1, 6, "within double quotes \\ starts an escape, and this is none; use single quotes", None),
    (b'a: "\\ud800"\n', 1, 4, "half a surrogate pair is not text", None),
    (b"\ta: 1\n", 1, 1, "a tab cannot indent YAML; use spaces", None),
    (b"a: b: c\n", 1, 5, "a second `: ` in one line, or a line that is indented too far", None),
    (b"a: - b\n", 1, 4, "a list item cannot stand here; start it on a line of its own", None),
    (b"a: 1\nname x\nb: 2\n", 2, 1, "this line is no `key: value`", None),
    (b"a: | b\n", 1, 6, "text cannot follow | or > on the same line", None),
    (b"a: b\r\nc: @d\r\n", 2, 4, "a value cannot start with @", quoted("@")),
    (b"\xef\xbb\xbf@\n", 1, 1, "a value cannot start with @", quoted("@")),
    (b"a: &x [*x]\n", 1, 8, STAR, quoted("*")),
    (b"a: " + b"[" * 40, 1, 35, "nested deeper than 32 levels", None),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=[repr(case[0]) for case in REFUSED])
def test_what_is_no_yaml_for_a_manifest_is_told_alone(case: Case) -> None:
    text, *expected = case
    (found,) = refusals(text)
    assert [found.line, found.column, found.message, found.hint] == expected
    assert found.key == ""


def test_a_syntax_error_hides_what_a_half_read_manifest_would_say() -> None:
    (found,) = refusals(b"versoin: 1\nname: X\nfilters: {include: [*.jpg]}\n")
    assert found.line == 3


def test_a_file_over_1_mib_is_refused_and_one_just_below_is_read() -> None:
    padding = b"#" + b" " * (MAX_FILE_BYTES - len(SOUND) - 2) + b"\n"
    assert parse_manifest(SOUND + padding, path=JOB).manifest.name == "job"
    (found,) = refusals(SOUND + padding + b"\n")
    assert found.message == "the file is larger than 1 MiB"


def test_aliases_are_read_within_a_budget() -> None:
    text = b"x-patterns: &them ['*.jpg', '*.png']\nfilters: {include: *them}\n"
    assert the_job(parse_manifest(SOUND + text, path=JOB).manifest).filters.include == ("*.jpg", "*.png")


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    levels = [b"x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    levels += [b"x-%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)]
    started = time.process_time()
    (found,) = refusals(SOUND + b"\n".join(levels))
    assert found.message == "aliases repeat more than 1,000 values"
    assert time.process_time() - started < 2


def test_hundreds_of_thousands_of_values_are_refused() -> None:
    (found,) = refusals(b"a: [" + b"x," * (MAX_NODES + 1) + b"]")
    assert found.message == "more than 100,000 values"


def test_deep_nesting_is_refused_fast() -> None:
    started = time.process_time()
    refusals(b"a: " + b"[" * 500_000)
    refusals(b"\n".join(b" " * n + b"a:" for n in range(1_000)))
    assert time.process_time() - started < 2


@pytest.mark.sampled(1)
@pytest.mark.parametrize("line", ["k%d: 1", "k%d: ${y}"])
def test_tens_of_thousands_of_faults_are_cut_off_fast(line: str) -> None:
    started = time.process_time()
    found = refusals(SOUND + "\n".join(line % number for number in range(40_000)).encode())
    assert len(found) == 101
    assert found[-1].message == "there is more; these are the first 100 findings"
    assert time.process_time() - started < 10


def test_a_byte_order_mark_is_ignored_with_a_warning() -> None:
    loaded = parse_manifest(b"\xef\xbb\xbf" + SOUND, path=JOB)
    (warning,) = loaded.warnings
    assert warning.message == "the file starts with a byte order mark, which is ignored"
    assert warning.severity is Severity.WARNING
    assert loaded.manifest.name == "job"


@pytest.mark.parametrize("line_break", [b"\r\n", b"\r"])
def test_other_line_breaks_keep_their_places(line_break: bytes) -> None:
    (found,) = refusals(SOUND.replace(b"\n", line_break) + b"mode: x" + line_break)
    assert (found.line, found.column, found.source_line) == (5, 7, "mode: x")


def test_an_end_of_document_marker_and_yaml_1_2_are_fine() -> None:
    assert parse_manifest(b"%YAML 1.2\n---\n" + SOUND + b"...\n", path=JOB).manifest.name == "job"


@given(st.text(max_size=200))
def test_any_text_is_loaded_or_refused_in_our_words(text: str) -> None:
    try:
        parse_manifest(text.encode(errors="surrogatepass"), path=JOB)
    except ManifestInvalid as error:
        rendered = str(error)
    else:
        return
    assert "ruamel" not in rendered
    assert "Input should" not in rendered


@given(st.binary(max_size=200))
def test_any_bytes_after_a_sound_manifest_are_loaded_or_refused(tail: bytes) -> None:
    try:
        parse_manifest(SOUND + tail, path=JOB)
    except ManifestInvalid as error:
        rendered = str(error)
    else:
        return
    assert all(character.isprintable() or character == "\n" for character in rendered)


WORDS = st.sampled_from(
    ["a", "- ", ": ", "\n", "  ", "*x", "&x ", "!t ", "${", "x-", "name", "run", *"{}[]'\"|>?%@#,~"]
)


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_mix_of_yaml_s_own_characters_is_loaded_or_refused(text: str) -> None:
    try:
        parse_manifest(text.encode(), path=JOB)
    except ManifestInvalid as error:
        found = error.diagnostics
    else:
        return
    lines = text.split("\n")
    assert all(item.line == 0 or item.column <= len(lines[item.line - 1]) + 1 for item in found)
