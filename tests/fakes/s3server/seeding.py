"""Objects that are there before a test begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from fakes.s3server.body import Body
from fakes.s3server.etags import multipart_etag, seeded_etag, written_etag
from fakes.s3server.properties import META
from fakes.s3server.store import STANDARD, Properties, Store, StoredObject

DEFAULT_FORMAT = "data/{:09d}.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What to put into a bucket, which is created in `region` where it is missing. Nothing counts as a write.

    keys, or count and key_format from `start`: which keys; `skip_every=k` leaves out each k-th, beginning with the
    first. body: the same text for all; otherwise `size_bytes` long, zeros with a made-up ETag, or where `synthetic`
    is false bytes of its own for each key. ETags of equal index, size and seed are equal, whatever the key.
    changed, changed_every: the indices whose content is that of `seed + 1`, and `changed_size_bytes` long if given.
    parts: an ETag as of a multipart upload in so many parts. modified_s: seconds since 1970, the clock's if absent.
    """

    bucket: str
    region: str = "us-east-1"
    keys: Sequence[str] | None = None
    count: int = 0
    start: int = 0
    key_format: str = DEFAULT_FORMAT
    skip_every: int = 0
    size_bytes: int = 0
    body: str | None = None
    synthetic: bool = True
    seed: int = 0
    changed: Sequence[int] = ()
    changed_every: int = 0
    changed_size_bytes: int | None = None
    parts: int = 0
    storage_class: str = STANDARD
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    modified_s: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Seed:
        if unknown := sorted(set(values) - {item.name for item in fields(cls)}):
            raise ValueError(f"no such field of a seed: {', '.join(unknown)}")
        return cls(**values)  # type: ignore[arg-type]  # JSON values; a test that sends a wrong type fails itself


def plant(store: Store, seed: Seed, *, now_s: float) -> int:
    """Put the seed's objects into its bucket; returns how many."""
    bucket = store.buckets.get(seed.bucket) or store.create_bucket(seed.bucket, region=seed.region, now_s=now_s)
    properties = Properties(
        headers={**seed.headers, **{META + name.lower(): value for name, value in seed.metadata.items()}},
        tags=tuple(seed.tags.items()),
        storage_class=seed.storage_class,
        encryption=bucket.encryption,
    )
    modified_s = int(now_s if seed.modified_s is None else seed.modified_s)
    changed = frozenset(seed.changed)
    zeros = {size: Body.zeros(size) for size in {seed.size_bytes, seed.changed_size_bytes or 0}}
    keys = (
        seed.keys
        if seed.keys is not None
        else [seed.key_format.format(index) for index in range(seed.start, seed.start + seed.count)]
    )
    planted = 0
    for index, key in enumerate(keys, start=seed.start):
        if seed.skip_every and index % seed.skip_every == 0:
            continue
        differs = index in changed or bool(seed.changed_every and index % seed.changed_every == 0)
        body, etag = _content(seed, index, differs=differs, properties=properties, zeros=zeros)
        bucket.put(key, StoredObject(body, etag, modified_s, properties))
        planted += 1
    return planted


def _content(
    seed: Seed, index: int, *, differs: bool, properties: Properties, zeros: Mapping[int, Body]
) -> tuple[Body, str]:
    """The body and ETag of one object; bodies of zeros are shared, so that a million of them stay small."""
    size = seed.size_bytes
    if differs and seed.changed_size_bytes is not None:
        size = seed.changed_size_bytes
    number = seed.seed + differs
    if seed.body is None and seed.synthetic:
        return zeros[size], seeded_etag(size_bytes=size, seed=number, index=index, parts=seed.parts)
    if seed.body is not None:
        data = seed.body.encode() + (b" changed" if differs else b"")
    else:
        pattern = f"{number}:{index};".encode()
        data = (pattern * (size // len(pattern) + 1))[:size]
    body = Body.real(data)
    if seed.parts:
        step = -(-max(len(data), 1) // seed.parts)
        cut = [body.part(low, low + step).md5_hex() for low in range(0, step * seed.parts, step)]
        return body, multipart_etag(cut)
    return body, written_etag(body, properties, serial=index)
