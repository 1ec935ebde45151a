"""What a new object carries: what its source carries, and what the job gives each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from s3plan.schemas.files.mtimes import MTIME, mtime_text
from s3plan.schemas.requests.attributes import NO_ATTRIBUTES, GivenAttributes, ObjectAttributes
from s3plan.storage.transfer.attributes.content_types import content_type_of

_TYPE = "ContentType"
# What S3 gives an object of which nothing is said; other stores guess, or keep that of a copy's source.
_DEFAULT_TYPE = "binary/octet-stream"
# S3 copies no redirect of a website with an object, so none goes along where we set again what is kept.
_NEVER_KEPT = frozenset({"WebsiteRedirectLocation"})


def attributes_of_copy(given: GivenAttributes, key: str, source: ObjectAttributes) -> ObjectAttributes:
    """Return what the copy of an object carries under a (whole) key; `source` with its tags, if those are kept.

    It does not matter how the bytes come there. The values of what is kept are as the store told them.
    """
    headers = source.headers if given.keeps_content else {_TYPE: _DEFAULT_TYPE}
    metadata = {name.lower(): value for name, value in source.metadata.items()}  # some stores tell them in capitals
    return ObjectAttributes(
        _changed(metadata if given.keeps_metadata else {}, given.metadata, given.dropped_metadata),
        _headers(given, key, headers, guesses_type=given.guesses_type),
        _changed(source.tags if given.keeps_tags else {}, given.tags, given.dropped_tags),
    )


def attributes_of_file(given: GivenAttributes, key: str, *, mtime_ns: int | None) -> ObjectAttributes:
    """Return what a file carries under a (whole) key: its time if that goes with it, and a type by the key's ending."""
    headers = _headers(given, key, {}, guesses_type=_TYPE not in given.headers)
    kept = {} if mtime_ns is None else {MTIME: mtime_text(mtime_ns)}
    if not (headers or kept or given.metadata or given.tags):
        return NO_ATTRIBUTES
    return ObjectAttributes({**kept, **given.metadata}, headers, given.tags)


def _changed(kept: Mapping[str, str], given: Mapping[str, str], dropped: frozenset[str]) -> Mapping[str, str]:
    return {name: value for name, value in kept.items() if name not in dropped} | dict(given)


def _headers(given: GivenAttributes, key: str, kept: Mapping[str, str], *, guesses_type: bool) -> Mapping[str, str]:
    headers = {name: value for name, value in kept.items() if name not in _NEVER_KEPT}
    guessed = content_type_of(key) if guesses_type else None
    if guessed is not None:
        headers[_TYPE] = guessed
    return headers | dict(given.headers)
