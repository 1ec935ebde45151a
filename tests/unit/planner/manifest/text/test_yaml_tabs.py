from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.manifest.text.yaml_document import Node, YamlRefused, parse_yaml

DOCUMENT = "a: b{0}\nc:{0}\n  d: 'e'{0}\n  f: [1, 2]{0}\n{0}\ng:{0}\n- h{0}\n- {{i: j}}{0}\nk: |\n  text\nl: \"m\"{0}\n"


def _shape(node: Node | None) -> object:
    entries = getattr(node, "entries", None)
    if entries is not None:
        return {key.text: _shape(value) for key, value in entries}
    items = getattr(node, "items", None)
    return getattr(node, "text", None) if items is None else [_shape(item) for item in items]


@given(st.text(" \t", min_size=1, max_size=4), st.sampled_from(["", "# c", "#\tc # d"]))
def test_white_space_before_a_comment_or_a_line_end_is_white_space(space: str, comment: str) -> None:
    assert _shape(parse_yaml(DOCUMENT.format(space + comment))) == _shape(parse_yaml(DOCUMENT.format("")))


def test_tabs_in_texts_stay() -> None:
    assert _shape(parse_yaml('a: "x\t# y"\nb: |\n  z\t# z\nc: b#c\n')) == {"a": "x\t# y", "b": "z\t# z\n", "c": "b#c"}


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("a:\n\tb: c\n", "a tab cannot indent YAML; use spaces", 1),
        ("a:\tb\n", "a tab cannot stand here; use spaces", 3),
        ("a: |\t# c\n  b\n", "a tab cannot stand here; use spaces", 5),
    ],
)
def test_where_a_tab_stays_an_error_the_message_is_true(text: str, message: str, column: int) -> None:
    with pytest.raises(YamlRefused) as caught:
        parse_yaml(text)
    assert caught.value.message == message
    assert caught.value.mark is not None
    assert caught.value.mark.column == column
