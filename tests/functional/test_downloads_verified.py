"""What is known of bytes that come down from a store which states no checksum of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.folder_jobs import files_below, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
pytestmark = BY_BOTH_ENGINES


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets()
    return place.folder / "photos"


def put(place: Workplace, key: str, size: int, **more: str) -> bytes:
    """Put an object of which nothing is stated but its ETag."""
    content = os.urandom(size)
    client = place.server.client(request_checksum_calculation="when_required")
    client.put_object(Bucket="source", Key=key, Body=content, **more)
    return content


def put_parts(place: Workplace, key: str, *sizes: int) -> bytes:
    client = place.server.client(request_checksum_calculation="when_required")
    address = {"Bucket": "source", "Key": key}
    upload = {**address, "UploadId": client.create_multipart_upload(**address)["UploadId"]}
    contents = [os.urandom(size) for size in sizes]
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=content)["ETag"]}
        for number, content in enumerate(contents, start=1)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return b"".join(contents)


def write_job(place: Workplace, verify: str | None = None) -> None:
    asked = {} if verify is None else {"verify": verify}
    write_folder_job(place, source="s3://source/", destination="./photos", run={**asked, "retries": {"attempts": 2}})


def applied(place: Workplace) -> tuple[int, str]:
    ended = place.command.run("apply", str(place.plan_file), "--yes")
    return ended.exit_code, " ".join(ended.output.split())


@pytest.mark.parametrize(
    ("verify", "said"),
    [
        (None, "verified 5: 3 by MD5, 2 by MD5 of the parts"),
        ("checksum", "verified 5: 3 by MD5, 2 by MD5 of the parts"),
        ("etag", "verified 1: 1 by MD5; 4 not comparable"),
        ("none", "verified 0; 5 not comparable"),
    ],
)
def test_bytes_without_a_stated_checksum_are_proved_by_the_etag(
    place: Workplace, folder: Path, verify: str | None, said: str
) -> None:
    made = {
        "small": put(place, "small", 100),
        "middling": put(place, "middling", 3 * MIB),
        "large": put(place, "large", 20 * MIB),
        "parts": put_parts(place, "parts", 8 * MIB, 8 * MIB, 5),
        "odd parts": put_parts(place, "odd parts", 7 * MIB, 2 * MIB),
    }
    write_job(place, verify)
    place.plan()
    code, output = applied(place)
    assert (code, files_below(folder)) == (0, made)
    assert said in output


@pytest.mark.parametrize("size", [100, 3 * MIB, 20 * MIB])
def test_of_what_nothing_is_known_strict_jobs_make_no_file(place: Workplace, folder: Path, size: int) -> None:
    content = put(place, "kms", size, ServerSideEncryption="aws:kms")
    write_job(place)
    place.plan()
    code, output = applied(place)
    assert (code, files_below(folder)) == (0, {"kms": content})
    assert "verified 0; 1 not comparable" in output
    (folder / "kms").unlink()
    write_job(place, "checksum")
    place.plan()
    code, output = applied(place)
    assert (code, files_below(folder)) == (9, {}), output
    assert "verification: nothing that the store states" in place.command.run("failures", str(place.plan_file)).output


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_bytes_that_are_not_those_of_the_etag_are_fetched_again_and_never_get_a_name(
    place: Workplace, folder: Path, size: int
) -> None:
    content = put(place, "a", size)
    write_job(place)
    place.plan()
    place.server.faults([Fault(kind=FaultKind.FLIPPED_BIT, operation="GetObject", times=2)])
    code, output = applied(place)
    assert (code, files_below(folder)) == (9, {}), output
    assert "verified 0; 1 FAILED" in output
    assert "its MD5 is " in place.command.run("failures", str(place.plan_file)).output
    place.server.clear_faults()
    place.server.faults([Fault(kind=FaultKind.FLIPPED_BIT, operation="GetObject", times=1)])
    code, output = applied(place)
    assert (code, files_below(folder)) == (0, {"a": content}), output
