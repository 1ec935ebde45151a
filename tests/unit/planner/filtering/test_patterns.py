from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings, target
from hypothesis import strategies as st
from s3plan.planner.filtering.filters import compile_key_filter
from s3plan.planner.filtering.patterns import PatternInvalid, common_prefix, parse_pattern
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.manifest.models import Filters


def matches(pattern: str, key: bytes) -> bool:
    passes = compile_key_filter(Filters.model_validate({"include": [pattern]}))
    return passes is None or passes(key)


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        # without a slash: the name of the object or of a folder, at any depth
        ("*.jpg", b"a.jpg", True),
        ("*.jpg", b"x/y/a.jpg", True),
        ("*.jpg", b"x/y.jpg/a.txt", True),
        ("*.jpg", b"a.jpg.txt", False),
        ("*.jpg", b"a.JPG", False),
        ("tmp", b"tmp", True),
        ("tmp", b"x/tmp/y", True),
        ("tmp", b"tmpx", False),
        ("tmp", b"x/atmp/y", False),
        ("*", b"", True),
        ("*", b"a//b", True),
        # with a slash at its end: folders only
        ("tmp/", b"tmp", False),
        ("tmp/", b"tmp/", True),
        ("tmp/", b"tmp/a", True),
        ("tmp/", b"x/tmp/y/z", True),
        ("tmp/", b"x/tmp", False),
        ("tmp/", b"atmp/x", False),
        ("tmp//", b"tmp//x", True),
        ("tmp//", b"tmp/x", False),
        # with a slash at its start or inside: from the location on
        ("/a.jpg", b"a.jpg", True),
        ("/a.jpg", b"x/a.jpg", False),
        ("/a.jpg", b"/a.jpg", False),
        ("//a.jpg", b"/a.jpg", True),
        ("//a.jpg", b"a.jpg", False),
        ("/*", b"lead", True),
        ("x/a", b"x/a", True),
        ("x/a", b"x/a/b", True),
        ("x/a", b"y/x/a", False),
        ("x/*.jpg", b"x/a.jpg", True),
        ("x/*.jpg", b"x/y/a.jpg", False),
        # keys as the bytes they are
        ("lead", b"/lead", True),
        ("/lead", b"/lead", False),
        ("a/b", b"a//b", False),
        ("a//b", b"a//b", True),
        ("a/*/b", b"a//b", True),
        ("a/**/b", b"a//b", True),
        ("x", b"./x", True),
        ("/x", b"./x", False),
        ("./x", b"./x", True),
        ("./x", b"x", False),
        ("../x", b"../x", True),
        ("../x", b"a/../x", False),
        ("dir", b"dir/", True),
        ("dir/", b"dir/", True),
        ("dir/*", b"dir/", True),
        ("/dir", b"dir/", True),
        (".", b".", True),
        (".", b"./x", True),
        (".", b"..", False),
        ("..", b"../x", True),
        ("a*b", b"a\nb", True),
        ("a?b", b"a\nb", True),
        ("a", b"a\n", False),
        ("*.log", b"a\n.log", True),
        ("*.log", b"a.log\n", False),
        ("a/**", b"a/b\nc", True),
        ("*.jpg", b"\xff\xfe.jpg", True),
        ("?.jpg", b"\xff.jpg", True),
        ("\u00e4.jpg", "\u00e4.jpg".encode(), True),
        ("\u00e4.jpg", "a\u0308.jpg".encode(), False),
        ("?.jpg", "\u00e4.jpg".encode(), True),
        ("?.jpg", "\U0001f600.jpg".encode(), True),
        ("[\u00e4\u00f6].jpg", "\u00f6.jpg".encode(), True),
        ("[\u00e4-\u00fc].jpg", "\u00f6.jpg".encode(), True),
        # wildcards
        ("a*c", b"abc", True),
        ("a*c", b"ac", True),
        ("a*c", b"a/c", False),
        ("a?c", b"ac", False),
        ("/a?c", b"a/c", False),
        ("*a*b*", b"xaxbx", True),
        ("*a*b*", b"xbxax", False),
        ("a*b", b"abab", True),
        ("*.tar.*", b"x.tar.gz", True),
        # two stars
        ("**/foo", b"foo", True),
        ("**/foo", b"a/b/foo", True),
        ("**/foo", b"a/b/foo/c", True),
        ("**/foo", b"xfoo", False),
        ("a/**", b"a/b", True),
        ("a/**", b"a/b/c", True),
        ("a/**", b"a/", True),
        ("a/**", b"a", False),
        ("a/**/b", b"a/b", True),
        ("a/**/b", b"a/x/b", True),
        ("a/**/b", b"a/x/y/b", True),
        ("a/**/b", b"a/xb", False),
        ("a/**/b/**/c", b"a/x/b/y/b/c", True),
        ("a/**/b/**/c", b"a/x/c/b", False),
        ("**/a/b", b"a/a/b", True),
        ("**/a/b/**/c", b"a/x/a/b/c", True),
        ("**", b"a/b", True),
        ("/**", b"/a", True),
        ("**/", b"a", False),
        ("**/", b"a/b", True),
        ("a**c", b"abbc", True),
        ("/a**c", b"a/c", False),
        ("**/_temporary/", b"x/_temporary/y", True),
        ("**/_temporary/", b"x/_temporary", False),
        ("a/**/**/b", b"a/b", True),
        # classes
        ("[a-c]x", b"bx", True),
        ("[a-c]x", b"dx", False),
        ("[!a-c]x", b"dx", True),
        ("[^a-c]x", b"dx", True),
        ("[!a-c]x", b"bx", False),
        ("[]x]y", b"]y", True),
        ("[!]x]y", b"]y", False),
        ("[a-]y", b"-y", True),
        ("[[:digit:]]x", b"7x", True),
        ("[[:alpha:]_]x", b"_x", True),
        ("[[:digit:]]x", b"ax", False),
        ("[\\]]x", b"]x", True),
        ("[a\\-c]x", b"bx", False),
        ("/a[+-9]b", b"a/b", False),
        ("/a[!x]b", b"a/b", False),
        ("[[]x", b"[x", True),
        ("[&&~|-]x", b"~x", True),
        # escapes
        ("\\*", b"*", True),
        ("\\*", b"a", False),
        ("\\!a", b"!a", True),
        ("\\#a", b"#a", True),
        ("\\a", b"a", True),
        ("\\\\", b"\\", True),
        ("a\\ ", b"a ", True),
        ("a ", b"a", True),
        ("a ", b"a ", False),
        (" a", b" a", True),
        ("a.b", b"axb", False),
        ("a+(b)", b"a+(b)", True),
        ("$a^", b"$a^", True),
    ],
)
def test_a_pattern_matches_keys_as_git_would(pattern: str, key: bytes, expected: bool) -> None:
    assert matches(pattern, key) is expected


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a[bc", r"write \["),
        ("[", "never closed"),
        ("[]", "never closed"),
        ("[a-", "never closed"),
        ("[[:digit:", "never closed"),
        ("[[:digits:]]", "[:digits:]"),
        ("[z-a]", "z-a"),
        ("a\\", "backslash"),
        ("a\\/", "backslash"),
        ("/", "names nothing"),
        ("!", "names nothing"),
        ("  ", "names nothing"),
        ("#a", "comment"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(PatternInvalid, match=re.escape(problem)) as caught:
        parse_pattern(pattern)
    assert repr(pattern) in str(caught.value)
    assert caught.value.exit_code is ExitCode.MANIFEST


@pytest.mark.parametrize(
    "pattern",
    ["*a*a*a*a*a*a*a*a*a*b", "**/a*/**/a*/**/a*/**/a*/**/a*/**/a*/b", "a*/**/*a*a*a/**/b", "**/a/**/a/**/a/**/a/x"],
)
def test_no_pattern_takes_long_on_any_key(pattern: str) -> None:
    keys = [b"a" * 1024, b"a/" * 512, b"aa/" * 341]
    began = time.process_time()
    assert not any(matches(pattern, key) for key in keys)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("patterns", "prefix"),
    [
        (["/photos/2024/"], b"photos/2024/"),
        (["photos/2024"], b"photos/2024"),
        (["/photos/"], b"photos/"),
        (["photos/2024-*.jpg"], b"photos/2024-"),
        (["photos/2024/", "photos/2025/**/x"], b"photos/202"),
        (["/a/x", "/a/**"], b"a/"),
        (["/a/x", "/b/x"], b""),
        (["//a/b"], b"/a/b"),
        (["/a\\*b\\?/c[d]"], b"a*b?/c"),
        (["/a /b\\ "], b"a /b "),
        (["/caf\u00e9/1", "/caf\u00ea/1"], b"caf"),
        (["photos"], b""),
        (["photos/"], b""),
        (["**/photos/x"], b""),
        (["/photos/x", "*.jpg"], b""),
        (["/photos/", "!/photos/raw/"], b"photos/"),
        (["!x", "/photos/", "!*.raw"], b"photos/"),
        (["/photos/", "!/other/", "*.jpg"], b""),
        (["!/photos/"], b""),
        (["/Photos/x", "/photos/x"], b""),
        (["/a\x01b/c"], b"a"),
        (["/a/\u202eb/c"], b"a/"),
        (["/a/\\\x7f"], b"a/"),
        ([], b""),
    ],
)
def test_a_listing_is_narrowed_to_what_all_patterns_begin_with(patterns: list[str], prefix: bytes) -> None:
    assert common_prefix(patterns) == prefix


WORDS: list[tuple[str, list[str]]] = [  # a piece of a pattern, and what it may stand for
    ("a", ["a"]),
    ("b/", ["b/"]),
    ("\u00e4", ["\u00e4"]),
    ("\u00ea", ["\u00ea"]),
    ("/", ["/"]),
    ("/**/", ["/", "/a/", "/b/\u00e4/"]),
    ("*", ["", "a", "\u00ea"]),
    ("?", ["a", "\u00e4"]),
    ("[ab]", ["a", "b"]),
    ("[!a]", ["b", "\u00e4"]),
    ("\\*", ["*"]),
    ("\\a", ["a"]),
    ("\x01", ["\x01"]),
]
EXTENSIONS = [None, "a", "\u00e4"]


@st.composite
def included_keys(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], bytes]:
    """Filters, and a key made after the first of their patterns: most of these pass."""
    made = draw(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), min_size=1, max_size=3))
    slashes = [draw(st.sampled_from(["/", "/", ""])) for _ in made]
    patterns = [slash + "".join(piece for piece, _ in words) for slash, words in zip(slashes, made, strict=True)]
    anywhere = "" if "/" in patterns[0].removesuffix("/") else draw(st.sampled_from(["", "a/", "/"]))
    stood_for = "".join(draw(st.sampled_from(meanings)) for _, meanings in made[0])
    taken_back = draw(st.sampled_from([[], [], ["!b"], ["!*\u00e4"], ["!/a/b"]]))
    extension = draw(st.sampled_from(EXTENSIONS))
    ends = ["", "/", "/a", "a", "\u00e4"] if extension is None else [f"/b.{extension}", f".{extension}"]
    key = anywhere + stood_for + draw(st.sampled_from(ends))
    filters = {"include": tuple(draw(st.permutations([*patterns, *taken_back])))}
    return filters | ({} if extension is None else {"extensions": (extension,)}), key.encode()


@settings(max_examples=400, deadline=None)
@given(included_keys())
def test_a_key_that_is_included_begins_with_the_common_prefix(case: tuple[dict[str, tuple[str, ...]], bytes]) -> None:
    words, key = case
    try:
        passes = compile_key_filter(Filters.model_construct(**words))  # type: ignore[arg-type]
    except PatternInvalid:
        assume(False)
    assert passes is not None
    assume(passes(key))
    prefix = common_prefix(words["include"])
    target(float(len(prefix)))
    assert key.startswith(prefix)


@given(
    st.lists(st.text("ab/*?[]\\! ", min_size=1, max_size=8), min_size=1, max_size=3),
    st.lists(st.text("ab/ *\\", min_size=1, max_size=8), min_size=1, max_size=30),
)
def test_no_pattern_matches_anything_outside_its_common_prefix(patterns: list[str], keys: list[str]) -> None:
    try:
        passes = compile_key_filter(Filters.model_construct(include=tuple(patterns)))
    except PatternInvalid:
        assume(False)
    prefix = common_prefix(patterns)
    for key in keys:
        assert passes is None or not passes(key.encode()) or key.encode().startswith(prefix)
