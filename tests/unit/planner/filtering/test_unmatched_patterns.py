from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.filtering.filters import compile_key_filter
from s3plan.planner.filtering.patterns import PatternInvalid
from s3plan.planner.filtering.unmatched_patterns import UnmatchedPatterns
from s3plan.schemas.manifest.models import Filters


def _positions(include: list[str], *pages: list[bytes]) -> list[int]:
    patterns = UnmatchedPatterns(include)
    for page in pages:
        patterns.look(page)
    return patterns.positions


def test_what_no_page_holds_is_left() -> None:
    include = ["*.jpg", "*.JPG", "/2024/*/x", "!never"]
    assert _positions(include, [b"a.txt", b"b/c.jpg"], [b"2024/a/y", b"2024/b/c/x"]) == [1, 2]
    assert _positions(include, [b"2024/a/x/deep.JPG", b"z.jpg"]) == []
    assert _positions(include) == [0, 1, 2]


def test_text_of_two_keys_together_is_no_match() -> None:
    assert _positions(["a*b"], [b"a", b"b"]) == [0]
    assert _positions(["/a/b"], [b"a", b"/b"]) == [0]


def test_a_line_break_in_a_key_is_a_character_like_any_other() -> None:
    assert _positions(["a\nb"], [b"a\nb"]) == []
    assert _positions(["a?b"], [b"a\nb", b"c"]) == []


pieces = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "\\*", "é", "\n"]), max_size=6)


@given(st.lists(pieces.map("".join), min_size=1, max_size=3), st.lists(st.text("ab/*é\n\r", max_size=6), max_size=8))
def test_it_agrees_with_asking_each_pattern_for_each_key(include: list[str], names: list[str]) -> None:
    keys = [name.encode() for name in names]
    try:
        filters = [compile_key_filter(Filters.model_construct(include=(pattern,))) for pattern in include]
    except PatternInvalid:
        return
    expected = [at for at, passes in enumerate(filters) if passes is not None and not any(map(passes, keys))]
    assert _positions(include, keys) == expected
    assert _positions(include, *([key] for key in keys)) == expected
