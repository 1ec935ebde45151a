from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.manifest.connections.connections_text import (
    CommentsLost,
    with_changes,
    with_connection,
    without_connection,
    written_text,
)
from s3plan.planner.manifest.connections.own_connections import parse_connections

BLOCK = dedent(
    """\
    # mine
    version: 1

    connections:  # by name
      # the cheap one
      r2:
        endpoint: https://r2.example   # account 7
        region: "auto"

      # the old one
      old: { profile: old, region: eu-west-1 }   # until May
      last:
        profile: me
    # the end
    """
)


def names(text: bytes) -> dict[str, dict[str, object]]:
    found = parse_connections(text, path=Path("x"))
    return {
        name: connection.model_dump(mode="json", exclude_defaults=True)
        for name, connection in found.connections.items()
    }


def added(text: str, name: str, **keys: str) -> str:
    return with_connection(text.encode(), name, {key: written_text(value) for key, value in keys.items()}).decode()


def changed(text: str, name: str, **keys: str | None) -> str:
    changes = {key: None if value is None else written_text(value) for key, value in keys.items()}
    return with_changes(text.encode(), name, changes).decode()


def removed(text: str, name: str) -> str:
    return without_connection(text.encode(), name).decode()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", "connections:\n  new:\n    region: auto\n"),
        ("# none yet", "# none yet\nconnections:\n  new:\n    region: auto\n"),
        ("version: 1\n", "version: 1\nconnections:\n  new:\n    region: auto\n"),
        ("connections: {}\n", "connections:\n  new:\n    region: auto\n"),
        ("connections: {}  # none", "connections: # none\n  new:\n    region: auto\n"),
        (
            "connections: { a: { profile: p } }\nversion: 1\n",
            "connections:\n  a:\n    profile: p\n  new:\n    region: auto\nversion: 1\n",
        ),
        (
            "connections: {\n  a: {\n    profile: p\n  }\n}\n# end\n",
            "connections:\n  a:\n    profile: p\n  new:\n    region: auto\n# end\n",
        ),
        (
            "connections:\n    a:\n        profile: p",
            "connections:\n    a:\n        profile: p\n    new:\n      region: auto\n",
        ),
        (
            "connections:\r\n  a:\r\n    profile: p\r\n",
            "connections:\r\n  a:\r\n    profile: p\r\n  new:\r\n    region: auto\r\n",
        ),
    ],
)
def test_a_connection_is_added_below_the_others(text: str, made: str) -> None:
    assert added(text, "new", region="auto") == made
    assert names(made.encode())["new"] == {"region": "auto"}


def test_what_others_have_written_stays_to_the_letter() -> None:
    made = added(BLOCK, "new", endpoint="https://new.example:9000", profile="with: colon")
    expected = BLOCK.replace(
        "    profile: me\n",
        '    profile: me\n  new:\n    endpoint: https://new.example:9000\n    profile: "with: colon"\n',
    )
    assert made == expected


def test_a_key_is_set_added_and_taken_away_where_it_stands() -> None:
    made = changed(BLOCK, "r2", endpoint="https://two.example", region=None, profile="two")
    assert made == BLOCK.replace("https://r2.example ", "https://two.example ").replace(
        '    region: "auto"\n', "    profile: two\n"
    )
    made = changed(BLOCK, "old", region="auto", profile=None, ca_bundle="/a,b")
    assert 'old: { region: auto, ca_bundle: "/a,b" }   # until May\n' in made
    assert names(made.encode())["old"] == {"region": "auto", "ca_bundle": "/a,b"}


def test_the_last_key_that_is_taken_away_leaves_an_empty_connection() -> None:
    made = changed(BLOCK, "last", profile=None)
    assert names(made.encode())["last"] == {}
    again = changed(made, "last", region="auto")
    assert names(again.encode())["last"] == {"region": "auto"}


def test_a_connection_goes_and_the_comments_stay() -> None:
    assert removed(BLOCK, "old") == BLOCK.replace("  old: { profile: old, region: eu-west-1 }   # until May\n", "")
    assert removed(BLOCK, "last") == BLOCK.replace("  last:\n    profile: me\n", "")
    left = removed(removed(removed(BLOCK, "r2"), "last"), "old")
    assert names(left.encode()) == {}
    assert "# the cheap one" in left
    assert names(added(left, "new", region="auto").encode()) == {"new": {"region": "auto"}}


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (
            "connections:\n  old: {\n    region: auto,  # the cheap one\n    profile: me }\n",
            partial(changed, name="old", region="us-1"),
        ),
        ("connections: {  # mine\n  old: { region: auto } }\n", partial(removed, name="old")),
        ("connections: {\n  # mine\n  old: { region: auto } }\n", partial(added, name="new", region="us-1")),
    ],
)
def test_comments_between_braces_are_not_taken_away_unasked(text: str, change: Callable[[str], str]) -> None:
    with pytest.raises(CommentsLost):
        change(text)


def test_what_looks_like_a_comment_behind_the_braces_stays() -> None:
    text = 'connections:\n  old: { profile: "a #b", region: auto }  # mine\n'
    assert changed(text, "old", region="us-1") == text.replace("auto", "us-1")


def test_one_of_those_between_braces_goes() -> None:
    text = "connections: { a: { profile: p }, b: { region: auto } }\n"
    assert removed(text, "a") == "connections:\n  b:\n    region: auto\n"
    assert removed("connections: { a: {profile: p} } # x\n", "a") == "connections: {} # x\n"


@pytest.mark.parametrize("text", ["true", "null", "a: b", "#x", "-", "x:", "a #b", "'", '"', "*a", "[", "é", "1 2"])
def test_a_text_reads_as_what_it_is(text: str) -> None:
    made = added("", "new", profile=text)
    assert names(made.encode()) == {"new": {"profile": text}}


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,6}", fullmatch=True)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "set", "unset", "remove"]), NAMES, st.sampled_from(["profile", "ca_bundle"]), TEXTS
    ),
    max_size=12,
)


@given(start=st.sampled_from(["", "connections: {}\n", BLOCK, BLOCK.replace("\n", "\r\n")]), steps=STEPS)
def test_any_row_of_changes_ends_as_the_same_row_on_a_plain_mapping(start: str, steps: list[tuple[str, ...]]) -> None:
    text, model = start, names(start.encode())
    comments = [line.strip() for line in start.splitlines() if line.strip().startswith("#")]
    for what, name, key, text_of_key in steps:
        # One way of writing a path: which of several is written down is not the question here.
        value = text_of_key if key == "profile" else f"/{text_of_key.replace('/', '')}x"
        if what == "add" and name not in model:
            text = added(text, name, **{key: value})
            model[name] = {key: value}
        if not model:
            continue
        chosen = name if name in model else min(model)
        if what == "set":
            text = changed(text, chosen, **{key: value})
            model[chosen] |= {key: value}
        elif what == "unset":
            text = changed(text, chosen, **{key: None})
            model[chosen].pop(key, None)
        elif what == "remove":
            text = removed(text, chosen)
            del model[chosen]
        assert names(text.encode()) == model
    assert [line.strip() for line in text.splitlines() if line.strip() in comments] == comments
