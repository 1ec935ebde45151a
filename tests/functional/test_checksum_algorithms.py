"""A destination's `checksum_algorithm`: what boto3 finds with each new object, whatever way it took."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import write_files
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace, WorkplaceOn
from s3plan.storage.digests import new_digest

ALGORITHMS = ("crc64nvme", "crc32", "crc32c", "sha1", "sha256")
PART_BYTES = 5 * MIB
CONTENTS = {"small": b"s" * 100, "large": b"a" * PART_BYTES + b"b" * PART_BYTES + b"c"}
WAYS = ("copy", "relay", "upload")


def digest_of(content: bytes, algorithm: str) -> str:
    digest = new_digest(algorithm.upper())
    digest.update(memoryview(content))
    return digest.text()


def expected(key: str, algorithm: str) -> tuple[str, str]:
    """Return the checksum that S3 has of it, and its type."""
    content = CONTENTS[key]
    if key == "small" or algorithm.startswith("crc"):
        return digest_of(content, algorithm), "FULL_OBJECT"
    cuts = range(0, len(content), PART_BYTES)
    sums = [hashlib.new(algorithm, content[at : at + PART_BYTES]).digest() for at in cuts]
    return f"{b64encode(hashlib.new(algorithm, b''.join(sums)).digest()).decode()}-{len(sums)}", "COMPOSITE"


def found(s3: Any, key: str, algorithm: str) -> tuple[str, str]:
    told = s3.head_object(Bucket="destination", Key=key, ChecksumMode="ENABLED")
    names = {name for name in told if name.startswith("Checksum")} - {"ChecksumType"}
    assert names == {f"Checksum{algorithm.upper()}"}, (key, names)
    return told[f"Checksum{algorithm.upper()}"], told["ChecksumType"]


def prepare(place: WorkplaceOn[Any]) -> None:
    place.buckets("source", "destination")
    for key, content in CONTENTS.items():
        place.s3.put_object(Bucket="source", Key=key, Body=content)
        write_files(place.folder / "files", key, content=content)


def write_jobs(
    place: WorkplaceOn[Any], *, ways: tuple[str, ...] = WAYS, algorithms: tuple[str, ...] = ALGORITHMS
) -> Path:
    jobs: dict[str, dict[str, Any]] = {}
    for way in ways:
        for algorithm in algorithms:
            there = {"url": f"s3://destination/{way}-{algorithm}/", "connection": "store"}
            here: Any = "./files" if way == "upload" else {"url": "s3://source/", "connection": "store"}
            job = {"source": here, "destination": {**there, "checksum_algorithm": algorithm}}
            jobs[f"{way}-{algorithm}"] = job | ({"transfer": "relay"} if way == "relay" else {})
    connection = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine}
    document = {
        "version": 1,
        "name": "job",
        "connections": {"store": connection},
        "run": {"multipart_threshold": "5MiB", "part_size": "5MiB"},
        "jobs": jobs,
    }
    path = place.folder / "job.yaml"
    path.write_text(json.dumps(document))
    return path


@BY_BOTH_ENGINES
def test_each_new_object_has_the_checksum_that_was_asked_for_whatever_way_it_took(place: Workplace) -> None:
    prepare(place)
    path = write_jobs(place)
    place.plan()
    report = place.apply()
    assert (report.exit_code, report.messages) == (0, ()), report
    wrong = {
        (way, algorithm, key): (is_there, wanted)
        for way in WAYS
        for algorithm in ALGORITHMS
        for key in CONTENTS
        if (is_there := found(place.s3, f"{way}-{algorithm}/{key}", algorithm)) != (wanted := expected(key, algorithm))
    }
    assert wrong == {}
    for way in WAYS:
        for key, content in CONTENTS.items():
            read = place.s3.get_object(Bucket="destination", Key=f"{way}-sha256/{key}")["Body"].read()
            assert read == content
    assert not s3plan.plan(path, output=place.folder / "again.s3plan").has_changes


def test_a_plan_keeps_the_algorithm_and_says_it(place: Workplace) -> None:
    prepare(place)
    write_jobs(place, ways=("copy",), algorithms=("sha256",))
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 0, ended.output
    assert "checksum: SHA256" in " ".join(ended.stdout.split())
    told = json.loads(place.command.run("show", place.plan_file, "--json").stdout)
    assert told["header"]["jobs"][0]["settings"]["checksum_algorithm"] == "SHA256"


@pytest.mark.parametrize("way", WAYS)
def test_an_object_under_kms_is_still_proved_where_its_checksum_is_one_of_its_parts(place: Workplace, way: str) -> None:
    """Neither its ETag nor its checksum says anything of the bytes: they are read, and compared with the source's."""
    prepare(place)
    path = write_jobs(place, ways=(way,), algorithms=("sha256",))
    document = json.loads(path.read_text())
    document["jobs"][f"{way}-sha256"]["destination"]["encryption"] = {"type": "aws:kms"}
    document["run"]["verify"] = "checksum"
    path.write_text(json.dumps(document))
    place.plan()
    report = place.apply()
    assert report.exit_code == 0, report
    for key in CONTENTS:
        assert found(place.s3, f"{way}-sha256/{key}", "sha256") == expected(key, "sha256")
    ended = place.command.run("status", "--json")
    told = json.loads(ended.stdout)
    assert "not comparable" not in json.dumps(told)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("algorithm", ["sha256", "crc32c"])
@pytest.mark.parametrize("way", WAYS)
def test_after_a_kill_the_parts_that_are_there_still_have_their_checksums(
    place: Workplace, way: str, algorithm: str
) -> None:
    """Those of sha256 must be named with the complete: the killed process alone knew them, and the store."""
    prepare(place)
    write_jobs(place, ways=(way,), algorithms=(algorithm,))
    place.plan()
    operation = "UploadPartCopy" if way == "copy" else "UploadPart"
    key = f"{way}-{algorithm}/large"
    place.server.faults([Fault(kind=FaultKind.STALL, operation=operation, key=key, after=2, times=1)])
    with place.command.start("apply", place.plan_file, "--yes", "--allow-checked") as started:
        while (
            sum(
                logged.operation == operation and logged.key == key and logged.status == "200"
                for logged in place.server.log()
            )
            < 2
        ):
            assert started.is_running
            time.sleep(0.02)
        time.sleep(0.5)  # until they are journaled, too
        started.kill()
    before = len(place.server.log())
    ended = place.command.run("apply", place.plan_file, "--yes", "--allow-checked")
    assert ended.exit_code == 0, ended.output
    assert found(place.s3, key, algorithm) == expected("large", algorithm)
    again = [logged.operation for logged in place.server.log()[before:] if logged.key == key]
    assert (again.count("CreateMultipartUpload"), again.count(operation)) == (0, 1)


@pytest.mark.parametrize("way", ["relay", "upload"])
def test_an_object_under_kms_whose_reply_was_lost_is_known_by_the_checksum_that_it_has(
    place: Workplace, way: str
) -> None:
    prepare(place)
    path = write_jobs(place, ways=(way,), algorithms=("sha256",))
    document = json.loads(path.read_text())
    document["jobs"][f"{way}-sha256"]["destination"]["encryption"] = {"type": "aws:kms"}
    document["run"]["verify"] = "etag"  # so that nothing is read to find out
    path.write_text(json.dumps(document))
    place.plan()
    key = f"{way}-sha256/small"
    place.server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="PutObject", key=key, times=1)])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert [logged.operation for logged in place.server.log() if logged.key == key].count("PutObject") == 1
    assert found(place.s3, key, "sha256") == expected("small", "sha256")
