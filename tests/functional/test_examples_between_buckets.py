"""Examples between two buckets do what their READMEs say: planned, applied and planned again by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes.examples import MIB, Example, at, contents, numbered, rows, totals
from fakes.s3server import ServerProcess


def test_copy_across_regions_makes_the_bucket_there_and_every_object_in_it(
    server: ServerProcess, tmp_path: Path
) -> None:
    server.seed(
        "example-images",
        region="eu-central-1",
        key_format="originals/{:04d}.jpg",
        count=40,
        size_bytes=100,
        synthetic=False,
        metadata={"artist": "somebody"},
        headers={"content-type": "image/jpeg"},
        tags={"album": "one"},
    )
    server.seed("example-images", region="eu-central-1", keys=["elsewhere/0001.jpg"])
    example = Example("copy-across-regions", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    client = server.client()
    assert totals(made) == {"copy": 40}
    assert made["header"]["jobs"][0]["destination"]["bucket_exists"] is False
    region = client.head_bucket(Bucket="example-images-dr")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]
    assert region == "us-west-2"
    copied = contents(client, "example-images-dr")
    assert copied == contents(client, "example-images", below="originals/")
    assert {row["StorageClass"] for row in rows(client, "example-images-dr")} == {"STANDARD_IA"}
    head = client.head_object(Bucket="example-images-dr", Key="originals/0001.jpg")
    assert (head["Metadata"], head["ContentType"]) == ({"artist": "somebody"}, "image/jpeg")
    tags = client.get_object_tagging(Bucket="example-images-dr", Key="originals/0001.jpg")["TagSet"]
    assert tags == [{"Key": "album", "Value": "one"}]


def test_planning_across_regions_does_not_make_the_bucket(server: ServerProcess, tmp_path: Path) -> None:
    server.seed("example-images", region="eu-central-1", keys=["originals/0001.jpg"])

    Example("copy-across-regions", folder=tmp_path, server=server).plan()

    buckets = [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]]
    assert buckets == ["example-images"]


def test_assets_then_pages_publishes_in_that_order_and_deletes_last(server: ServerProcess, tmp_path: Path) -> None:
    common: dict[str, Any] = {"size_bytes": 20, "synthetic": False}
    server.seed("example-build", keys=numbered("site/assets/{}.png", range(8)), **common)
    server.seed("example-build", keys=["site/index.html", "site/a/b.html", "site/notes.txt"], **common)
    server.seed("example-site", keys=["assets/old.png", "assets/0.png", "index.html"], size_bytes=9, synthetic=False)
    example = Example("assets-then-pages", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    assert totals(made)["delete"] == 1
    client = server.client()
    published = contents(client, "example-build", below="site/assets/")
    assert set(contents(client, "example-site")) == {key.removeprefix("site/") for key in published} | {
        "index.html",
        "a/b.html",
    }
    changes = [asked for asked in server.log() if asked.operation in {"CopyObject", "DeleteObjects"}]
    is_page = [(asked.key or "").endswith(".html") for asked in changes]
    assets = [number for number, asked in enumerate(changes) if (asked.key or "").endswith(".png")]
    assert max(assets) < is_page.index(True)
    assert "DeleteObjects" in {asked.operation for asked in changes[len(is_page) - is_page[::-1].index(True) :]}


def test_filters_copies_what_its_readme_says_and_nothing_else(server: ServerProcess, tmp_path: Path) -> None:
    def album(key: str, *, size_bytes: int = 1000, year: int = 2025, storage_class: str = "STANDARD") -> None:
        server.seed(
            "example-photos",
            keys=[f"albums/{key}"],
            size_bytes=size_bytes,
            modified_s=at(year),
            storage_class=storage_class,
        )

    album("summer-2024/beach.jpg")
    album("summer-2024/crop/beach.png")
    album("winter-2025/snow.jpg", storage_class="STANDARD_IA")
    album("summer-2024/edge.jpg", size_bytes=50 * MIB)
    album("spring-2025/rain.jpg")
    album("summer-2024/raw/beach.jpg")
    album("summer-2024/beach-draft.jpg")
    album("summer-2024/beach.JPG")
    album("summer-2024/empty.jpg", size_bytes=0)
    album("summer-2024/huge.jpg", size_bytes=50 * MIB + 1)
    album("summer-2024/first.jpg", year=2023)
    album("summer-2024/rare.jpg", storage_class="GLACIER_IR")
    album("winter-2025/kept.jpg", year=2024)
    server.seed("example-web", keys=["albums/winter-2025/kept.jpg"], size_bytes=7, modified_s=at(2025))
    example = Example("filters", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    copied = contents(server.client(), "example-web", below="albums/")
    assert copied.pop("albums/winter-2025/kept.jpg")[1] == 7
    assert {key.removeprefix("albums/"): size for key, (_, size) in copied.items()} == {
        "summer-2024/beach.jpg": 1000,
        "summer-2024/crop/beach.png": 1000,
        "summer-2024/edge.jpg": 50 * MIB,
        "winter-2025/snow.jpg": 1000,
    }
    assert totals(made) == {"copy": 4, "skipped": 4, "unchanged": 1}
    assert made["header"]["jobs"][0]["source"]["left_out"] == 4


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
