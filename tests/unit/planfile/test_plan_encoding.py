from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planfile.encoding import Encodable, encode
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind
from unit.planfile.plan_samples import encoded

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=20)


def _decode(data: bytes) -> tuple[Any, bytes]:
    """Return the value at the start of `data`, and what follows it."""
    tag, rest = data[:1], data[1:]
    if tag in b"ntf":
        return {b"n": None, b"t": True, b"f": False}[tag], rest
    number, _, rest = rest.partition(b";" if tag == b"i" else b":")
    if tag == b"i":
        return int(number), rest
    if tag == b"(":
        items = []
        for _ in range(int(number)):
            item, rest = _decode(rest)
            items.append(item)
        return tuple(items), rest
    content, rest = rest[: int(number)], rest[int(number) :]
    return (content.decode() if tag == b"s" else content), rest


def _typed(value: Any) -> Any:
    """Return the value so that True and 1 differ."""
    return (type(value), tuple(map(_typed, value)) if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, b"n"),
        (True, b"t"),
        (False, b"f"),
        (0, b"i0;"),
        (-12, b"i-12;"),
        ("", b"s0:"),
        ("é", b"s2:\xc3\xa9"),
        (b"\x00\xff", b"b2:\x00\xff"),
        ((), b"(0:"),
        ((1, ("a", None)), b"(2:i1;(2:s1:an"),
    ],
)
def test_each_kind_of_value_has_the_documented_bytes(value: Encodable, data: bytes) -> None:
    assert encode(value) == data


@given(_VALUES)
def test_what_was_encoded_can_be_told_from_its_bytes_alone_with_its_types(value: Any) -> None:
    found, rest = _decode(encode(value))
    assert rest == b""
    assert _typed(found) == _typed(value)


@given(_VALUES)
def test_columns_are_encoded_as_their_values_one_by_one(value: Any) -> None:
    assert encode(value) == encoded(value)


@pytest.mark.parametrize("value", [1.0, [1], {"a": 1}, bytearray(b"a"), ActionKind.COPY, ObjectRow(b"a", 1, "e", 0)])
def test_any_other_type_is_refused_also_inside_a_tuple(value: Any) -> None:
    with pytest.raises(TypeError, match="no encoding"):
        encode(value)
    with pytest.raises(TypeError, match="no encoding"):
        encode(("a", (value,)))


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, (0, 1 << 64), "\ud800"])
def test_numbers_beyond_64_bits_and_lone_surrogates_are_refused(value: Encodable) -> None:
    with pytest.raises(ValueError):
        encode(value)
