"""Large objects go from store to store in parts: ranges of one object, each sent as soon as it has come."""

from __future__ import annotations

import os
from hashlib import md5

from fakes.relay_place import RelayPlace
from fakes.workplace import BY_BOTH_ENGINES, MIB

PART = 5 * MIB
RUN = {"part_size": "5MiB", "multipart_threshold": "5MiB"}

pytestmark = BY_BOTH_ENGINES


def put(place: RelayPlace, key: str, size: int) -> bytes:
    content = os.urandom(size)
    place.s3.put_object(Bucket="source", Key=key, Body=content)
    return content


def test_large_objects_are_sent_in_equal_parts(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    content = put(place, "film", 3 * PART + 7)
    place.carry_out(run=RUN)
    sums = [md5(content[at : at + PART]).digest() for at in range(0, len(content), PART)]
    etag = place.s3.head_object(Bucket="destination", Key="film")["ETag"].strip('"')
    assert etag == f"{md5(b''.join(sums)).hexdigest()}-4"
    film = [logged for logged in place.origin.log() if logged.operation == "GetObject" and logged.key == "film"]
    assert sorted(logged.headers.get("range", "") for logged in film) == sorted(
        f"bytes={at}-{min(at + PART, len(content)) - 1}" for at in range(0, len(content), PART)
    )
    assert all(logged.headers.get("if-match") for logged in film)
