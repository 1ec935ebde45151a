"""How two objects of the same bytes differ in what else they carry: content headers, metadata, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from s3plan.schemas.requests.objects import ObjectFound

_UNSET = {"ContentType": "binary/octet-stream"}  # what S3 says where nobody has said anything
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_NAMES = 5
_MOST_CHARACTERS = 60


def differing_attributes(
    source: ObjectFound, destination: ObjectFound, *, tags: tuple[Mapping[str, str], Mapping[str, str]]
) -> Iterator[str]:
    """Yield a clause for each header that differs, one for all metadata and one for all tags."""
    ours, theirs = ({**_UNSET, **each.attributes.headers} for each in (source, destination))
    for name in _differing(ours, theirs):
        yield f"{_WORDS.sub('-', name)} {_short(ours.get(name))} -> {_short(theirs.get(name))}"
    one, other = (_small(each.attributes.metadata) for each in (source, destination))
    yield from _named("metadata", _differing(one, other))
    yield from _named("tags", _differing(*tags))


def _small(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata by names in small letters: some stores give them back in capitals."""
    return {name.lower(): value for name, value in metadata.items()}


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _named(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield f"{what} differ: {', '.join(names[:_MOST_NAMES])}{more}"


def _short(value: str | None) -> str:
    if value is None:
        return "(none)"
    return value if len(value) <= _MOST_CHARACTERS else f"{value[:_MOST_CHARACTERS]}..."
