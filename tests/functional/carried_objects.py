"""What objects carry, as a table: jobs that keep, set, add and drop, and what boto3 has to find of each then."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from fakes.folder_jobs import write_files
from fakes.workplace import MIB, WorkplaceOn

SMALL, LARGE = "small.txt", "large.txt"
_SIZES = {SMALL: 100, LARGE: 5 * MIB + 1}
KEY = "arn:aws:kms:us-east-1:111122223333:key/0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
HEADERS = {
    "content_type": "text/x-set",
    "cache_control": "max-age=60",
    "content_disposition": 'attachment; filename="a b"',
    "content_encoding": "gzip",
    "content_language": "de",
    "expires": "Wed, 02 Jan 2030 02:04:05 GMT",
}
_OF_SOURCE = {
    "content_type": "text/x-kept",
    "cache_control": "no-store",
    "content_disposition": "inline",
    "content_encoding": "br",
    "content_language": "en, fr",
    "expires": "Thu, 03 Jan 2030 02:04:05 GMT",
}
_NAMES = {
    "content_type": "ContentType",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "expires": "ExpiresString",
}


@dataclass(frozen=True)
class Carried:
    """What boto3 finds of an object besides its bytes."""

    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    encryption: tuple[str | None, str | None, bool] = ("AES256", None, False)


NOTHING = Carried({"content_type": "binary/octet-stream"})
SOURCE = Carried(_OF_SOURCE, {"team": "media", "old": "1"}, {"class": "raw", "a b": "c/d"}, "STANDARD_IA")


@dataclass(frozen=True)
class Case:
    """A job: what its destination says, what it preserves, and what its objects carry then."""

    expected: Carried
    destination: Mapping[str, Any] = field(default_factory=dict)
    preserve: list[str] | None = None


WRITTEN = {**HEADERS, "expires": "2030-01-02T02:04:05Z"}
_SET: Mapping[str, Any] = {
    **WRITTEN,
    "metadata": {"team": "print"},
    "tags": {"class": "fine"},
    "storage_class": "ONEZONE_IA",
    "encryption": {"type": "aws:kms", "key_id": KEY, "bucket_key": True},
}
COPIES = {
    "kept": Case(SOURCE),
    "kept-only-metadata": Case(replace(NOTHING, metadata=SOURCE.metadata), preserve=["metadata"]),
    "kept-only-content": Case(replace(NOTHING, headers=SOURCE.headers), preserve=["content"]),
    "kept-only-tags": Case(replace(NOTHING, tags=SOURCE.tags), preserve=["tags"]),
    "kept-only-class": Case(replace(NOTHING, storage_class="STANDARD_IA"), preserve=["storage_class"]),
    "dropped": Case(NOTHING, preserve=[]),
    "dropped-by-name": Case(
        replace(SOURCE, metadata={"team": "media"}, tags={"class": "raw"}),
        {"metadata": {"drop": ["old"]}, "tags": {"drop": ["a b"]}},
    ),
    "added": Case(
        replace(SOURCE, metadata={**SOURCE.metadata, "new": "2"}, tags={**SOURCE.tags, "new": "3"}),
        {"metadata": {"new": "2"}, "tags": {"new": "3"}},
    ),
    "set": Case(
        Carried(
            HEADERS,
            {**SOURCE.metadata, "team": "print"},
            {**SOURCE.tags, "class": "fine"},
            "ONEZONE_IA",
            ("aws:kms", KEY, True),
        ),
        _SET,
    ),
    "set-alone": Case(
        Carried(HEADERS, {"team": "print"}, {"class": "fine"}, "ONEZONE_IA", ("aws:kms", KEY, True)), _SET, []
    ),
    "guessed": Case(
        replace(SOURCE, headers={**SOURCE.headers, "content_type": "text/plain"}), {"content_type": "guess"}
    ),
    "encrypted": Case(replace(SOURCE, encryption=("AES256", None, False)), {"encryption": {"type": "AES256"}}),
}
_GUESSED = Carried({"content_type": "text/plain"})
UPLOADS = {
    "up-plain": Case(_GUESSED),
    "up-set": Case(Carried(HEADERS, {"team": "print"}, {"class": "fine"}, "ONEZONE_IA", ("aws:kms", KEY, True)), _SET),
    "up-with-time": Case(
        replace(_GUESSED, metadata={"mtime": "1700000000.5", "team": "print"}),
        {"metadata": {"team": "print"}},
        ["mtime"],
    ),
}
RELAYS = {f"relayed-{name}": case for name, case in COPIES.items()}
CASES = {**COPIES, **RELAYS, **UPLOADS}


def prepare(place: WorkplaceOn[Any], *, source: Carried = SOURCE) -> None:
    """Put one small and one large object, and files of the same sizes, where the jobs take them from."""
    place.buckets("source", "destination")
    for key, size_bytes in _SIZES.items():
        place.s3.put_object(
            Bucket="source",
            Key=key,
            Body=key[:1].encode() * size_bytes,
            Metadata=dict(source.metadata),
            StorageClass=source.storage_class,
            **({"Tagging": urlencode(source.tags, quote_via=quote)} if source.tags else {}),
            **{name.removesuffix("String"): source.headers[word] for word, name in _NAMES.items()},
        )
        write_files(place.folder / "files", key, content=key[:1].encode() * size_bytes)
        os.utime(place.folder / "files" / key, ns=(1_700_000_000_500_000_000,) * 2)


def write_jobs(place: WorkplaceOn[Any], cases: Mapping[str, Case] = CASES) -> None:
    """Write the manifest of a job for each case, each to a folder of its own."""
    jobs: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        there = {"url": f"s3://destination/{name}/", "connection": "store", **case.destination}
        here = "./files" if name in UPLOADS else {"url": "s3://source/", "connection": "store"}
        jobs[name] = {"source": here, "destination": there}
        if name in RELAYS:
            jobs[name]["transfer"] = "relay"
        if case.preserve is not None:
            jobs[name]["preserve"] = case.preserve
    document = {
        "version": 1,
        "name": "job",
        "connections": {
            "store": {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine},
        },
        "run": {"multipart_threshold": "5MiB", "part_size": "5MiB"},
        "jobs": jobs,
    }
    (place.folder / "job.yaml").write_text(json.dumps(document))


def carried(s3: Any, bucket: str, key: str, *, has_tags: bool = True) -> Carried:
    """Return what boto3 finds; tags are not asked for where the store has none."""
    found = s3.head_object(Bucket=bucket, Key=key)
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] if has_tags else []
    return Carried(
        {word: found[name] for word, name in _NAMES.items() if name in found},
        found["Metadata"],
        {tag["Key"]: tag["Value"] for tag in tags},
        found.get("StorageClass", "STANDARD"),
        (found.get("ServerSideEncryption"), found.get("SSEKMSKeyId"), found.get("BucketKeyEnabled", False)),
    )
