"""A store of unknown kind that takes no notice of `checksum_algorithm`: found by trying, before the first change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.folder_jobs import write_files
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, WorkplaceOn

CONTENTS = {"small": b"s" * 100, "large": b"a" * 5 * MIB + b"b"}


def prepare(place: WorkplaceOn[Any], *, keys: tuple[str, ...] = ("small", "large")) -> None:
    place.buckets("source", "destination")
    for key in keys:
        place.s3.put_object(Bucket="source", Key=key, Body=CONTENTS[key])
        write_files(place.folder / "files", key, content=CONTENTS[key])


def write_job(
    place: WorkplaceOn[Any], *, way: str = "copy", algorithm: str | None = "sha256", **sections: object
) -> None:
    connection = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine}
    wanted = {} if algorithm is None else {"checksum_algorithm": algorithm}
    document = {
        "version": 1,
        "name": "job",
        "connections": {"store": connection},
        "source": "./files" if way == "upload" else {"url": "s3://source/", "connection": "store"},
        "destination": {"url": "s3://destination/", "connection": "store", **wanted},
        **({"transfer": "relay"} if way == "relay" else {}),
        "run": {"multipart_threshold": "5MiB", "part_size": "5MiB"},
        **sections,
    }
    (place.folder / "job.yaml").write_text(json.dumps(document))


def keys_of(place: WorkplaceOn[Any]) -> set[str]:
    return {each["Key"] for each in place.s3.list_objects_v2(Bucket="destination").get("Contents", [])}


def sums_of(place: WorkplaceOn[Any], key: str) -> set[str]:
    told = place.s3.head_object(Bucket="destination", Key=key, ChecksumMode="ENABLED")
    return {name for name in told if name.startswith("Checksum")}


def said(text: str) -> str:
    return " ".join(text.split())


@BY_BOTH_ENGINES
@pytest.mark.parametrize("way", ["copy", "relay", "upload"])
def test_a_store_that_keeps_no_checksum_is_given_nothing_until_the_manifest_allows_that_loss(
    place: Workplace, way: str
) -> None:
    prepare(place)
    place.server.set_mode(ignores_checksums=True)
    write_job(place, way=way)
    place.plan()
    refused = place.command.run("apply", place.plan_file, "--yes")
    assert refused.exit_code == 5, refused.output
    assert "do not get their SHA256: the store states none, or another one" in said(refused.stderr)
    assert "allow_loss: [checksum]" in said(refused.stderr)
    assert keys_of(place) == set()
    assert place.s3.list_multipart_uploads(Bucket="destination").get("Uploads", []) == []

    write_job(place, way=way, allow_loss="checksum")
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert "the store states none, or another one; allowed by allow_loss" in said(ended.stderr)
    assert keys_of(place) == {"small", "large"}
    for key, content in CONTENTS.items():
        assert place.s3.get_object(Bucket="destination", Key=key)["Body"].read() == content


@pytest.mark.parametrize(
    ("way", "key", "operation", "how"),
    [
        ("copy", "small", "CopyObject", "copied"),
        ("relay", "small", "PutObject", "put"),
        ("upload", "small", "PutObject", "put"),
        ("copy", "large", "CompleteMultipartUpload", "made of parts"),
        ("upload", "large", "CompleteMultipartUpload", "made of parts"),
    ],
)
def test_each_way_in_which_the_job_writes_is_tried_and_no_other(
    place: Workplace, way: str, key: str, operation: str, how: str
) -> None:
    prepare(place, keys=(key,))
    write_job(place, way=way)
    place.plan()
    place.server.set_mode(drops_checksums_of=[operation])
    refused = place.command.run("apply", place.plan_file, "--yes")
    assert refused.exit_code == 5, refused.output
    assert f"objects that are {how} do not get their SHA256" in said(refused.stderr)
    others = {"CopyObject", "PutObject", "CompleteMultipartUpload"} - {operation}
    place.server.set_mode(drops_checksums_of=sorted(others))
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert "ChecksumSHA256" in sums_of(place, key)


@pytest.mark.parametrize("way", ["copy", "upload"])
@pytest.mark.parametrize("key", ["small", "large"])
def test_a_store_that_states_a_wrong_checksum_is_given_nothing(place: Workplace, way: str, key: str) -> None:
    prepare(place, keys=(key,))
    write_job(place, way=way)
    place.plan()
    place.server.set_mode(misstates_checksums=[""])
    refused = place.command.run("apply", place.plan_file, "--yes")
    assert refused.exit_code == 5, refused.output
    assert keys_of(place) == set()


def test_a_job_that_asks_for_none_is_not_held_and_nothing_is_tried(place: Workplace) -> None:
    prepare(place)
    place.server.set_mode(ignores_checksums=True)
    write_job(place, algorithm=None)
    place.plan()
    assert place.apply().exit_code == 0
    assert not [logged for logged in place.server.log() if (logged.key or "").endswith(("-checksum", "-checksum-copy"))]


@pytest.mark.sampled(4)
@BY_BOTH_ENGINES
@pytest.mark.parametrize(
    ("way", "algorithm"),
    [
        ("copy", "crc64nvme"),  # as its source has; of others the bytes are read on both sides, and prove it
        *[("relay", each) for each in ("crc64nvme", "crc32", "crc32c", "sha1", "sha256")],
        *[("upload", each) for each in ("crc32", "crc32c", "sha1", "sha256")],  # PutObject itself states CRC64NVME
    ],
)
def test_an_object_of_which_the_store_states_another_checksum_is_not_told_as_done(
    place: Workplace, way: str, algorithm: str
) -> None:
    """It states the right ones of others, so that a trial shows nothing; under KMS no ETag proves the bytes."""
    prepare(place, keys=("small",))
    write_job(place, way=way, algorithm=algorithm, run={"verify": "checksum"})
    document = json.loads((place.folder / "job.yaml").read_text())
    document["destination"]["encryption"] = {"type": "aws:kms"}
    (place.folder / "job.yaml").write_text(json.dumps(document))
    place.plan()
    place.server.set_mode(misstates_checksums=["small"])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code != 0, ended.output
