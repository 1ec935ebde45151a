"""ETags: MD5 of the bytes where AWS gives it, something deterministic for bodies that do not exist."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fakes.s3server.body import Body
from fakes.s3server.store import Properties, StoredObject


def _hash(*words: object) -> str:
    return hashlib.md5("\0".join(map(str, words)).encode(), usedforsecurity=False).hexdigest()


def seeded_etag(*, size_bytes: int, seed: int, index: int, parts: int = 0) -> str:
    """The ETag of a synthetic object; with `parts` it looks like one of a multipart upload."""
    digest = _hash("seeded", size_bytes, seed, index, parts)
    return f"{digest}-{parts}" if parts else digest


def multipart_etag(part_etags: Iterable[str]) -> str:
    etags = list(part_etags)
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def written_etag(body: Body, properties: Properties, *, serial: int) -> str:
    """The ETag of one put or uploaded part. Under SSE-KMS it is no MD5 and differs from write to write."""
    return _opaque_under_kms(body.md5_hex(), properties, serial=serial)


def copied_etag(source: StoredObject, properties: Properties, *, serial: int) -> str:
    """The ETag that CopyObject makes: a single part's, whatever the source was uploaded as."""
    if "-" not in source.etag and not source.properties.hides_digests:
        digest = source.etag
    elif source.body.synthetic:
        digest = _hash("copied", source.etag)
    else:
        digest = source.body.md5_hex()
    return _opaque_under_kms(digest, properties, serial=serial)


def copied_part_etag(
    source: StoredObject, part: Body, properties: Properties, *, first: int, end: int, serial: int
) -> str:
    """The ETag of a part copied from `first` up to `end`; a synthetic source gives the same one each time."""
    digest = _hash("part", source.etag, first, end) if part.synthetic else part.md5_hex()
    return _opaque_under_kms(digest, properties, serial=serial)


def _opaque_under_kms(digest: str, properties: Properties, *, serial: int) -> str:
    return _hash("kms", digest, serial) if properties.hides_digests else digest
