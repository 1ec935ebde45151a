"""`s3plan verify` says what is so about two places that other tools have filled, and by what; it changes nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.ended import Ended
from fakes.folder_jobs import write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
UP = "s3://source/up/"


@pytest.fixture
def photos(place: Workplace) -> Path:
    place.buckets()
    write_folder_job(place, source="./photos", destination=UP)
    folder = place.folder / "photos"
    folder.mkdir()
    return folder


def put(place: Workplace, folder: Path, *names: str, bucket: str = "source", **what: Any) -> None:
    """Put files into the bucket as a tool does that states no checksums."""
    client = place.server.client(request_checksum_calculation="when_required")
    for name in names:
        client.put_object(Bucket=bucket, Key=f"up/{name}", Body=(folder / name).read_bytes(), **what)


def send_in_parts(place: Workplace, key: str, content: bytes, sizes: list[int], *, bucket: str = "source") -> None:
    client = place.server.client(request_checksum_calculation="when_required")
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    parts, first = [], 0
    for number, size in enumerate(sizes, start=1):
        what = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        answer = client.upload_part(Body=content[first : first + size], **what)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        first += size
    assert first == len(content)
    client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def told(place: Workplace, *options: str, exit_code: int) -> tuple[dict[str, str], dict[str, int], dict[str, int]]:
    """Return what was found of each key, how many keys of each kind there are, and the evidence."""
    ended = place.command.run("verify", "job.yaml", "--json", *options)
    assert ended.exit_code == exit_code, ended.output
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    job = lines[-1]["jobs"][0]
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("verified", exit_code)
    found = {
        line["key"]: f"{line['finding']}: {line.get('reason', '')}" for line in lines if line["event"] == "finding"
    }
    return found, {kind: count["objects"] for kind, count in job["counts"].items() if count["objects"]}, job["evidence"]


def written(place: Workplace) -> set[str]:
    asked = {entry.operation for entry in place.server.log()}
    return asked - {"HeadBucket", "HeadObject", "ListObjectsV2", "GetBucketEncryption", "GetObject", "GetObjectTagging"}


@BY_BOTH_ENGINES
def test_what_other_tools_have_put_is_found_the_same_by_the_evidence_that_it_has(
    place: Workplace, photos: Path
) -> None:
    write_files(photos, "empty", size=0)
    write_files(photos, "small", "a/b c", "\x1b[2J")
    write_files(photos, "large", size=5 * MIB)
    write_files(photos, "eight", size=17 * MIB)
    write_files(photos, "odd-parts", size=14 * MIB)
    put(place, photos, "empty", "small", "a/b c", "\x1b[2J")
    place.s3.put_object(
        Bucket="source", Key="up/large", Body=(photos / "large").read_bytes(), ChecksumAlgorithm="CRC64NVME"
    )
    send_in_parts(place, "up/eight", (photos / "eight").read_bytes(), [8 * MIB, 8 * MIB, MIB])
    send_in_parts(place, "up/odd-parts", (photos / "odd-parts").read_bytes(), [7 * MIB, 7 * MIB])
    place.server.reset_stats()
    found, counts, evidence = told(place, exit_code=0)
    assert (found, counts) == ({}, {"same": 7})
    assert evidence == {"MD5": 3, "being empty": 1, "CRC64NVME": 1, "MD5 of the parts": 2}
    assert written(place) == set()


@BY_BOTH_ENGINES
def test_differences_of_each_kind_are_named_and_end_with_9(place: Workplace, photos: Path) -> None:
    write_files(photos, "changed", "longer", "missing", "same", "\x1b[2J")
    put(place, photos, "changed", "longer", "same", "\x1b[2J")
    for name in ("changed", "\x1b[2J"):
        content = bytearray((photos / name).read_bytes())
        content[50] ^= 1
        (photos / name).write_bytes(content)
    (photos / "longer").write_bytes(b"1234")
    (photos / "link").symlink_to("same")
    place.s3.put_object(Bucket="source", Key="up/extra", Body=b"1")
    place.s3.put_object(Bucket="source", Key="up/link", Body=b"shielded")
    found, counts, evidence = told(place, exit_code=9)
    assert counts == {"same": 1, "different": 3, "missing": 1, "extra": 1, "left out": 1}
    assert evidence == {"MD5": 1}
    assert found["longer"] == "different: size 4 at the source, 100 at the destination"
    assert found["missing"] == "missing: "
    assert found["extra"] == "extra: "
    assert found["changed"].startswith("different: MD5 ")
    ended = place.command.run("verify", "job.yaml")
    assert "\x1b" not in ended.output
    assert "different       \\x1b[2J: MD5 " in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith(
        "Not all the same: 1 the same (1 by MD5), 3 different, 1 missing, 1 extra, in "
    )


def test_extra_objects_count_only_where_the_mode_is_mirror(place: Workplace, photos: Path) -> None:
    write_files(photos, "a")
    put(place, photos, "a")
    place.s3.put_object(Bucket="source", Key="up/extra", Body=b"1")
    _, counts, _ = told(place, exit_code=0)
    assert counts == {"same": 1, "extra": 1}
    assert "counts for nothing: only mode: mirror" in place.command.run("verify", "job.yaml").stdout
    mirror = {"mode": "mirror", "delete": {"extraneous": True}}
    write_folder_job(place, source="./photos", destination=UP, **mirror)
    told(place, exit_code=9)


def test_filters_hold_on_both_sides_as_they_do_in_a_plan(place: Workplace, photos: Path) -> None:
    write_files(photos, "a.jpg", "b.txt", "missing.txt")
    write_files(photos, "large.jpg", size=2000)
    put(place, photos, "a.jpg")
    place.s3.put_object(Bucket="source", Key="up/extra.txt", Body=b"1")
    filters = {"include": ["*.jpg"], "size": {"max": "1KiB"}}
    write_folder_job(place, source="./photos", destination=UP, filters=filters)
    assert told(place, exit_code=0)[1] == {"same": 1, "left out": 1}


def test_a_large_object_of_foreign_parts_is_told_from_its_file_by_a_single_byte(place: Workplace, photos: Path) -> None:
    content = random.Random(1).randbytes(17 * MIB)
    (photos / "large").write_bytes(content)
    send_in_parts(place, "up/large", content, [6 * MIB, 6 * MIB, 5 * MIB])
    assert told(place, exit_code=0)[2] == {"MD5 of the parts": 1}
    (photos / "large").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found, _, _ = told(place, exit_code=9)
    assert found["large"].startswith("different: MD5 of the parts ")


def test_what_nothing_can_be_said_about_ends_with_3_and_is_read_where_that_is_asked_for(
    place: Workplace, photos: Path
) -> None:
    content = random.Random(2).randbytes(13 * MIB)
    (photos / "uneven").write_bytes(content)
    send_in_parts(place, "up/uneven", content, [5 * MIB, 7 * MIB, MIB])
    found, counts, _ = told(place, exit_code=3)
    assert counts == {"not comparable": 1}
    assert "--checksum reads" in found["uneven"]
    place.server.reset_stats()
    assert told(place, "--checksum", exit_code=0)[2] == {"SHA256": 1}
    assert len([entry for entry in place.server.log() if entry.operation == "GetObject"]) == 2
    (photos / "uneven").write_bytes(b"1" + content[1:])
    assert told(place, "--checksum", exit_code=9)[0]["uneven"].startswith("different: SHA256 ")


def test_under_kms_an_etag_that_differs_proves_nothing(place: Workplace, photos: Path) -> None:
    write_files(photos, "secret")
    put(place, photos, "secret", ServerSideEncryption="aws:kms")
    assert told(place, exit_code=3)[1] == {"not comparable": 1}
    assert told(place, "--checksum", exit_code=0)[2] == {"SHA256": 1}


@BY_BOTH_ENGINES
def test_two_buckets_are_compared_with_their_attributes(place: Workplace) -> None:
    place.buckets()
    for bucket in ("source", "destination"):
        is_copy = bucket == "destination"
        content = {"CacheControl": "no-cache" if is_copy else "max-age=60", "ContentType": "text/plain"}
        metadata = {"team": "b" if is_copy else "a", "kept": "1"}
        place.s3.put_object(Bucket=bucket, Key="a", Body=b"1", Metadata=metadata, Tagging=f"x={is_copy}", **content)
        place.s3.put_object(Bucket=bucket, Key="b", Body=b"2", Metadata={"m": "1"}, Tagging="t=1", ContentType="a/b")
    place.manifest()
    assert told(place, exit_code=0)[1:] == ({"same": 2}, {"MD5": 2})
    found, counts, _ = told(place, "--attributes", exit_code=9)
    assert counts == {"same": 1, "different": 1}
    assert found["a"] == ("different: Cache-Control max-age=60 -> no-cache; metadata differ: team; tags differ: x")


def test_two_objects_of_parts_are_the_same_by_their_etag_and_different_where_they_were_cut_alike(
    place: Workplace,
) -> None:
    place.buckets()
    content = random.Random(3).randbytes(11 * MIB)
    cut = [5 * MIB, 5 * MIB, MIB]
    for key, other in (("same", content), ("other", b"1" + content[1:])):
        send_in_parts(place, key, content, cut)
        send_in_parts(place, key, other, cut, bucket="destination")
    send_in_parts(place, "cut-otherwise", content, cut)
    send_in_parts(place, "cut-otherwise", content, [6 * MIB, 5 * MIB], bucket="destination")
    place.manifest()
    found, counts, evidence = told(place, exit_code=9)
    assert counts == {"same": 1, "different": 1, "not comparable": 1}
    assert evidence == {"MD5 of the parts": 1}
    assert found["other"].startswith("different: MD5 of the parts ")


def test_a_bucket_comes_out_as_it_was_also_where_keys_can_be_no_files(place: Workplace) -> None:
    place.buckets("source")
    for key in ("up/a", "up/b//c", "up/../../etc/passwd", "up/d/"):
        place.s3.put_object(Bucket="source", Key=key, Body=b"" if key.endswith("/") else b"1")
    write_files(place.folder / "down", "a", content=b"1")
    write_folder_job(place, source=UP, destination="./down")
    found, counts, _ = told(place, exit_code=3)
    assert counts == {"same": 1, "unreadable": 2, "left out": 1}
    assert found["b//c"] == "unreadable: no file can have this key: its path would have an empty component"


def test_a_destination_that_is_not_there_lacks_everything(place: Workplace, photos: Path) -> None:
    write_files(photos, "a")
    put(place, photos, "a")
    write_folder_job(place, source=UP, destination="./nowhere")
    assert told(place, exit_code=9)[0] == {"a": "missing: "}
    assert not (place.folder / "nowhere").exists()


def test_csv_has_a_row_for_every_key_that_a_spreadsheet_may_open(place: Workplace, photos: Path) -> None:
    write_files(photos, "=1+1", "a", "\x1b[2J")
    put(place, photos, "a", "\x1b[2J")
    ended = place.command.run("verify", "job.yaml", "--csv")
    assert ended.exit_code == 9, ended.output
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [(row["key"], row["finding"], row["evidence"]) for row in rows] == [
        ("\\x1b[2J", "same", "MD5"),
        ("'=1+1", "missing", ""),
        ("a", "same", "MD5"),
    ]
    assert ended.stderr.startswith("Not all the same: 2 the same (2 by MD5), 1 missing, in ")
    both = place.command.run("verify", "job.yaml", "--csv", "--json")
    assert both.exit_code == 64


def test_a_store_that_refuses_checksums_or_throttles_is_asked_once_more(place: Workplace, photos: Path) -> None:
    write_files(photos, "large", size=5 * MIB)
    put(place, photos, "large")
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="HeadObject")])
    place.server.faults([Fault(kind=FaultKind.SLOW_DOWN, operation="HeadObject")])
    place.server.reset_stats()
    assert told(place, exit_code=0)[2] == {"MD5": 1}
    modes = [
        entry.headers.get("x-amz-checksum-mode") for entry in place.server.log() if entry.operation == "HeadObject"
    ]
    assert modes == ["ENABLED", None, "ENABLED"]


def test_what_the_store_does_not_let_be_looked_at_is_not_comparable_unless_its_listing_proves_it(
    place: Workplace, photos: Path
) -> None:
    write_files(photos, "small")
    write_files(photos, "parts", size=6 * MIB)
    put(place, photos, "small")
    send_in_parts(place, "up/parts", (photos / "parts").read_bytes(), [5 * MIB + 7, MIB - 7])
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="HeadObject", times=None)])
    found, counts, _ = told(place, exit_code=3)
    assert counts == {"same": 1, "not comparable": 1}
    assert "s3:GetObject may be missing" in found["parts"]


def test_refused_credentials_end_with_10(place: Workplace, photos: Path) -> None:
    write_files(photos, "large", size=5 * MIB)
    put(place, photos, "large")
    place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, times=None)])
    ended = place.command.run("verify", "job.yaml", "--json")
    assert ended.exit_code == 10, ended.output
    assert json.loads(ended.stdout.splitlines()[-1])["event"] == "error"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named_and_is_no_difference(place: Workplace, photos: Path) -> None:
    write_files(photos, "closed", "open")
    put(place, photos, "closed", "open")
    (photos / "closed").chmod(0)
    found, counts, _ = told(place, exit_code=3)
    assert counts == {"same": 1, "unreadable": 1}
    assert found["closed"].startswith("unreadable: the file cannot be read")


def test_a_listing_that_turns_out_to_be_out_of_order_is_sorted_and_every_key_told_once(place: Workplace) -> None:
    for bucket in ("source", "destination"):
        place.seed(bucket, "b", "a/x", "c", "a-b")
    place.server.set_mode(order="unsorted")
    place.manifest()
    assert told(place, exit_code=0)[1] == {"same": 4}


def test_links_are_followed_where_the_job_says_so(place: Workplace, photos: Path) -> None:
    write_files(place.folder / "elsewhere", "a")
    (photos / "link").symlink_to(place.folder / "elsewhere")
    client = place.server.client(request_checksum_calculation="when_required")
    client.put_object(Bucket="source", Key="up/link/a", Body=(place.folder / "elsewhere" / "a").read_bytes())
    assert told(place, exit_code=0)[1] == {"left out": 2}
    write_folder_job(place, source={"url": "./photos", "symlinks": "follow"}, destination=UP)
    assert told(place, exit_code=0)[1] == {"same": 1}


def test_ctrl_c_ends_an_audit_at_once_and_says_so(place: Workplace, photos: Path) -> None:
    write_files(photos, "large", size=5 * MIB)
    put(place, photos, "large")
    place.server.faults([Fault(kind=FaultKind.STALL, operation="HeadObject", times=None)])
    with place.command.start("verify", "job.yaml", "--json") as started:
        while not place.server.stats().requested("HeadObject"):
            assert started.is_running
            time.sleep(0.02)
        started.signal(signal.SIGINT)
        ended = started.wait()
    assert (ended.exit_code, ended.stderr) == (130, "s3plan: interrupted\n")


def test_jobs_are_selected_and_words_that_do_not_go_together_refused(place: Workplace, photos: Path) -> None:
    write_files(photos, "a")

    def run(*words: str) -> Ended:
        return place.command.run("verify", *words)

    assert run("job.yaml", "--select", "other").exit_code == 64
    assert run("job.yaml", "--no-dependencies").exit_code == 64
    assert run("absent.yaml").exit_code != 0
    assert run().exit_code == 64


@pytest.mark.parametrize(
    ("run", "keys", "least_s"),
    [({}, 3, 0.0), ({"rate": "20/s"}, 10, 0.9), ({"bandwidth": "16MiB/s"}, 1, 1.2)],
    ids=["none", "rate", "bandwidth"],
)
def test_an_audit_keeps_to_the_rate_and_the_bandwidth_of_the_manifest(
    place: Workplace, run: dict[str, str], keys: int, least_s: float
) -> None:
    """Of ETags that are made in different ways nothing is known: both are asked for, and both objects are read."""
    place.buckets()
    content = os.urandom(12 * MIB if "bandwidth" in run else 10)
    client = place.server.client(request_checksum_calculation="when_required")
    for number in range(keys):
        client.put_object(Bucket="source", Key=f"up/{number}", Body=content)
        send_in_parts(place, f"up/{number}", content, [len(content)], bucket="destination")
    place.manifest(source={"url": UP}, destination={"url": "s3://destination/up/"}, run=run)
    report = s3plan.verify(place.folder / "job.yaml", reads=True)
    assert report.exit_code == 0, report
    assert report.elapsed_s >= least_s
    assert place.server.stats().requested("HeadObject") >= 2 * keys
