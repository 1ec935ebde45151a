"""The canonical bytes of a value: what every digest of a plan is taken over. Specified in docs/plan-format.md.

One value, one encoding; two values that differ in type or content never share one. No encoding is the beginning of
another, so encodings can be put one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

Encodable = None | bool | int | str | bytes | tuple["Encodable", ...]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def encode(value: Encodable) -> bytes:
    """Return the canonical encoding of None, a bool, int, str, bytes or a tuple of these.

    Types are exact: an enum, a named tuple or a list raises TypeError. An int outside 64 bits or a str that is not
    Unicode text (a lone surrogate) raises ValueError.
    """
    return _encode_each((value,))


def _encode_each(values: Sequence[Any]) -> bytes:
    """Encode one value after another; by type, because a column of a plan's rows mostly has one or two."""
    types = set(map(type, values))
    if len(types) == 1:
        return b"".join(_encoder_of(types.pop())(values))
    parts = {kind: iter(_encoder_of(kind)([each for each in values if type(each) is kind])) for kind in types}
    return b"".join([next(parts[type(each)]) for each in values])


def _nones(values: Sequence[None]) -> Iterable[bytes]:
    return repeat(b"n", len(values))


def _bools(values: Sequence[bool]) -> Iterable[bytes]:
    return [b"t" if value else b"f" for value in values]


def _ints(values: Sequence[int]) -> Iterable[bytes]:
    if min(values) < _LEAST or max(values) > _MOST:
        raise ValueError("an int of a plan must fit into 64 bits")
    return map(b"i%d;".__mod__, values)


def _texts(values: Sequence[str]) -> Iterable[bytes]:
    return [b"s%d:%b" % (len(data), data) for data in map(str.encode, values)]


def _binaries(values: Sequence[bytes]) -> Iterable[bytes]:
    return [b"b%d:%b" % (len(data), data) for data in values]


def _tuples(values: Sequence[tuple[Any, ...]]) -> Iterable[bytes]:
    return [b"(%d:%b" % (len(items), _encode_each(items)) for items in values]


_ENCODERS: dict[type, Callable[[Sequence[Any]], Iterable[bytes]]] = {
    type(None): _nones,
    bool: _bools,
    int: _ints,
    str: _texts,
    bytes: _binaries,
    tuple: _tuples,
}


def _encoder_of(kind: type) -> Callable[[Sequence[Any]], Iterable[bytes]]:
    try:
        return _ENCODERS[kind]
    except KeyError:
        raise TypeError(f"a plan has no encoding for values of type {kind.__name__}") from None
