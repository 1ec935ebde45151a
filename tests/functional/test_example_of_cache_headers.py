"""The example that gives objects the headers of caches does what its README says; see test_examples.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes.examples import Example, totals
from fakes.s3server import ServerProcess


def test_set_cache_headers_keeps_what_the_originals_carry_and_adds_what_caches_go_by(
    server: ServerProcess, tmp_path: Path
) -> None:
    carried: dict[str, Any] = {
        "metadata": {"artist": "somebody"},
        "headers": {"content-type": "binary/octet-stream", "content-language": "en"},
        "tags": {"album": "one", "draft": "yes"},
    }
    server.seed("example-originals", keys=["images/a.jpg", "images/b/c.png"], size_bytes=20, synthetic=False, **carried)
    server.seed("example-originals", keys=["images/notes.txt"])
    server.seed("example-cdn", keys=[])
    example = Example("set-cache-headers", folder=tmp_path, server=server)

    assert totals(example.plan_and_apply()) == {"copy": 2}

    client = server.client()
    for key, kind in {"images/a.jpg": "image/jpeg", "images/b/c.png": "image/png"}.items():
        head = client.head_object(Bucket="example-cdn", Key=key)
        assert (head["ContentType"], head["CacheControl"]) == (kind, "max-age=31536000, immutable")
        assert (head["ContentLanguage"], head["Metadata"]) == ("en", {"artist": "somebody", "team": "media"})
        tags = client.get_object_tagging(Bucket="example-cdn", Key=key)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"album": "one", "class": "public"}
