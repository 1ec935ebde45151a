"""SSE-C on the strict server: journeys, and what is refused before any request is sent."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest
from fakes.customer_keys import ONE, THREE, TWO, put, read_all, set_keys, sse_c
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import MIB, Workplace
from functional.customer_key_journeys import CustomerKeyJourneys


class TestCustomerKeys(CustomerKeyJourneys):
    pass


@pytest.fixture
def planned(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """One object to be copied from under key one to under key two, which a file holds."""
    set_keys(place, monkeypatch)
    place.buckets()
    put(place, "source", "key", b"bytes", ONE)
    write_key(place, TWO)
    place.manifest(source=sse_c("decryption", ONE), destination=by_file("two.key"))
    place.plan()
    return place


def by_file(path: str) -> dict[str, object]:
    return {"encryption": {"type": "sse-c", "key": {"file": path}}}


def write_key(place: Workplace, key: bytes, *, mode: int = 0o600) -> Path:
    path = place.folder / "two.key"
    path.write_bytes(key)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("executor", ["threads", "processes", "dask"])
def test_another_key_than_the_planned_one_is_refused_before_any_request(planned: Workplace, executor: str) -> None:
    write_key(planned, THREE)
    before = len(planned.server.log())
    ended = planned.command.run("apply", planned.plan_file, "--yes", "--executor", executor)
    assert ended.exit_code == 4, ended.output
    assert "two.key holds another key of SSE-C than when the plan was made" in ended.stderr
    assert len(planned.server.log()) == before
    write_key(planned, TWO)
    ended = planned.command.run("apply", planned.plan_file, "--yes", "--executor", executor)
    assert ended.exit_code == 0, ended.output
    assert read_all(planned, "destination", TWO) == {"key": b"bytes"}


def test_a_key_that_is_missing_is_refused_before_any_request(planned: Workplace) -> None:
    before = len(planned.server.log())
    del planned.command.variables["ONE"]  # type: ignore[attr-defined]  # a dict, as set_keys has it
    ended = planned.command.run("apply", planned.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "the environment variable ONE is not set here" in ended.stderr
    assert len(planned.server.log()) == before


def test_without_a_key_there_is_no_plan(place: Workplace) -> None:
    place.buckets()
    place.manifest(destination=sse_c("encryption", ONE))
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "the environment variable ONE is not set here; it has to hold the key of SSE-C" in ended.stderr
    assert place.server.log() == []
    assert not place.plan_file.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no key of SSE-C"),
        (b"x" * 33, "holds no key of SSE-C: that is 32 bytes as they are, base64 of them, or 64 hex digits; 33 bytes"),
        (ONE.hex().encode()[:-1] + b"g\n", "65 bytes are there"),
        (b"x" * 100_000, "1,024 or more bytes are there"),
        (None, "two.key, which has to hold the key of SSE-C: no such file or directory"),
    ],
)
def test_a_file_that_holds_no_key_is_not_quoted(place: Workplace, content: bytes | None, said: str) -> None:
    place.buckets()
    if content is not None:
        write_key(place, content)
    place.manifest(destination=by_file("two.key"))
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert said in ended.stderr
    assert ONE.hex()[:16] not in ended.output


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_only_a_regular_file_is_read(place: Workplace, kind: str) -> None:
    place.buckets()
    path = place.folder / "two.key"
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    place.manifest(destination=by_file("two.key"))
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "two.key has to hold the key of SSE-C, and is no regular file" in ended.stderr


def test_a_plan_says_who_may_read_the_key_and_names_it(planned: Workplace) -> None:
    path = write_key(planned, TWO, mode=0o644)
    made = planned.plan()
    assert made.header.warnings == (f"the key in {path} may be read by others (mode 0644): chmod 600 it",)
    shown = planned.command.run("show", planned.plan_file).stdout
    assert f"SSE-C with the key in the file {path} (fingerprint " in shown
    assert "SSE-C with the key in the environment variable ONE (fingerprint " in shown
    assert "encryption: sse-c with a key of yours, so that ETags say nothing of the bytes" in shown


@pytest.mark.parametrize("way", ["server-side", "relay"])
def test_what_stands_there_under_no_key_or_another_one_is_overwritten_whatever_its_size(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    set_keys(place, monkeypatch)
    place.buckets()
    content = {"large": os.urandom(6 * MIB), "other": os.urandom(6 * MIB), "small": b"new"}
    for name, body in content.items():
        put(place, "source", name, body, None)
        put(place, "destination", name, body[:-1], THREE if name == "other" else None)
    run = {"multipart_threshold": "5MiB", "part_size": "5MiB"}
    place.manifest(destination=sse_c("encryption", ONE), transfer=way, run=run, overwrite="always")
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert read_all(place, "destination", ONE) == content


def test_a_retry_finds_the_keys_again(planned: Workplace) -> None:
    put(planned, "source", "other", b"under three", THREE)  # which key one does not open
    planned.plan()
    ended = planned.command.run("apply", planned.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    put(planned, "source", "other", b"under one", ONE)
    ended = planned.command.run("retry", planned.plan_file)
    assert ended.exit_code in {0, 2}, ended.output
    (retried,) = planned.folder.rglob("*retry*.s3plan")
    ended = planned.command.run("apply", retried, "--yes")
    assert ended.exit_code == 0, ended.output
    assert read_all(planned, "destination", TWO) == {"key": b"bytes", "other": b"under one"}


def test_an_upload_in_parts_goes_on_under_its_key(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(place, monkeypatch)
    place.buckets()
    write_files(place.folder / "photos", "large", size=11 * MIB)
    write_folder_job(
        place,
        source="./photos",
        destination={"url": "s3://destination/", **sse_c("encryption", ONE)},
        run={"multipart_threshold": "5MiB", "part_size": "5MiB", "retries": {"attempts": 1}},
    )
    place.plan()
    refused = Fault(kind=FaultKind.SLOW_DOWN, operation="CompleteMultipartUpload", key="large")
    place.server.faults([refused])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert read_all(place, "destination", ONE) == files_below(place.folder / "photos")
    sent = [each.operation for each in place.server.log() if each.bucket == "destination" and each.key == "large"]
    assert (sent.count("CreateMultipartUpload"), sent.count("UploadPart")) == (1, 3)
    assert "ListParts" in sent


def test_a_bucket_that_blocks_sse_c_is_explained(planned: Workplace) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    planned.s3.put_bucket_encryption(
        Bucket="destination", ServerSideEncryptionConfiguration={"Rules": [rule | blocked]}
    )
    ended = planned.command.run("apply", planned.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    failures = planned.command.run("failures", planned.plan_file).output
    assert "the bucket may block SSE-C" in failures


def test_a_key_that_looks_like_the_path_of_a_file_is_not_printed_when_there_is_no_such_file(place: Workplace) -> None:
    place.buckets()
    written = b64encode(b"\xff" + ONE[1:]).decode()
    assert written.startswith("/")
    place.manifest(destination=by_file(written))
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "the file that is named, which has to hold the key of SSE-C: no such file" in ended.stderr
    assert written[:12] not in ended.output


def test_nothing_is_written_to_a_store_that_takes_no_notice_of_keys(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_keys(place, monkeypatch)
    place.buckets()
    put(place, "source", "key", b"", None)
    place.manifest(destination=sse_c("encryption", ONE))
    place.plan()
    place.server.set_mode(ignores_customer_keys=True)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "this store takes no notice of keys of SSE-C" in ended.stderr
    assert place.keys("destination") == set()
    place.server.set_mode(ignores_customer_keys=False)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == {"key"}


def test_objects_under_a_key_are_deleted_by_their_names(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a list is asked for, which takes the key."""
    set_keys(place, monkeypatch)
    place.buckets("logs")
    for name in ("old", "kept"):
        put(place, "logs", name, b"bytes", ONE)
    (place.folder / "keys.txt").write_text("old\n")
    document = {
        "version": 1,
        "name": "job",
        "mode": "delete",
        "connections": {"store": {"endpoint": place.server.endpoint, "region": "us-east-1"}},
        "location": {"url": "s3://logs/", "connection": "store", **sse_c("decryption", ONE)},
        "filters": {"list": "keys.txt"},
        "guards": {"max_delete": 1},
    }
    (place.folder / "job.yaml").write_text(json.dumps(document))
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.keys("logs") == {"kept"}
