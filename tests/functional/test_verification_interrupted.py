"""Looks at what was written that come too early or are not got to, and what is done about what they find."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from fakes.command import Ended
from fakes.folder_jobs import write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
KMS = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
UP = "s3://destination/up/"
_PATIENCE_S = 30


@pytest.fixture
def folder(place: Workplace) -> Path:
    """A folder whose uploads nothing proves but their bytes: no ETag there is an MD5 sum, no checksum is kept."""
    place.buckets()
    place.s3.put_bucket_encryption(Bucket="destination", ServerSideEncryptionConfiguration=KMS)
    place.server.set_mode(ignores_checksums=True)
    made = place.folder / "photos"
    made.mkdir()
    return made


def plan_job(place: Workplace, **run: object) -> None:
    write_folder_job(place, source="./photos", destination=UP, run={**run, "retries": {"attempts": 2}})
    place.plan()


def applied(place: Workplace, plan: Path | None = None) -> Ended:
    return place.command.run("apply", plan or place.plan_file, "--yes")


def wait_for(place: Workplace, operation: str, key: str) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not any((each.operation, each.key) == (operation, key) for each in place.server.log()):
        assert time.monotonic() < until_s
        time.sleep(0.01)


@BY_BOTH_ENGINES
@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
def test_a_store_that_shows_a_moment_later_what_it_has_taken_is_waited_for(
    place: Workplace, folder: Path, operation: str
) -> None:
    write_files(folder, "a")
    plan_job(place)
    place.server.faults([Fault(kind=FaultKind.ERROR, code="NoSuchKey", operation=operation, key="up/a", times=2)])
    ended = applied(place)
    assert (ended.exit_code, "verified 1: 1 by CRC64NVME" in ended.output) == (0, True), ended.output


def test_an_object_that_is_gone_before_the_look_is_written_again(place: Workplace, folder: Path) -> None:
    write_files(folder, "a")
    plan_job(place)
    place.server.faults([Fault(kind=FaultKind.ERROR, code="NoSuchKey", operation="HeadObject", key="up/a", times=4)])
    ended = applied(place)
    assert ended.exit_code == 9, ended.output
    assert "the store took it, and says now that no object is there" in ended.output
    place.s3.delete_object(Bucket="destination", Key="up/a")
    assert applied(place).exit_code == 0
    assert place.body("destination", "up/a") == (folder / "a").read_bytes()


@BY_BOTH_ENGINES
@pytest.mark.parametrize("size", [100, 40 * MIB])
def test_a_run_that_is_stopped_before_its_looks_takes_no_wrong_bytes_for_done(
    place: Workplace, folder: Path, size: int
) -> None:
    write_files(folder, "bad", "good", size=size)
    place.server.set_mode(flips_keys=["up/bad"])
    plan_job(place)
    place.server.faults(
        [Fault(kind=FaultKind.SLOW_DOWN, operation="HeadObject", key=f"up/{key}") for key in ("bad", "good")]
    )
    with place.command.start("apply", place.plan_file, "--yes") as started:
        wait_for(place, "HeadObject", "up/bad")
        started.signal(signal.SIGINT)
        ended = started.wait()
    assert "not comparable" not in ended.output
    assert "2 done" not in ended.output
    ended = applied(place)
    assert ended.exit_code == 9, ended.output
    assert "verification: its CRC64NVME is " in place.command.run("failures", place.plan_file).output
    assert "bad: " in place.command.run("failures", place.plan_file).output
    assert "1 FAILED" in ended.output


@BY_BOTH_ENGINES
def test_a_retry_writes_anew_what_failed_by_its_verification(place: Workplace, folder: Path) -> None:
    """Size and time say that it is there: they are those of the write that went wrong."""
    write_files(folder, "bad", "good")
    place.server.set_mode(flips_keys=["up/bad"])
    plan_job(place)
    assert applied(place).exit_code == 9
    place.server.set_mode(flips_keys=[])
    retried = place.command.run("retry", place.plan_file)
    assert "its verification failed" in retried.stdout
    ended = applied(place, place.plan_file.with_name("job.retry-1.s3plan"))
    assert (ended.exit_code, "verified 1: 1 by CRC64NVME" in ended.output) == (0, True), ended.output
    assert place.body("destination", "up/bad") == (folder / "bad").read_bytes()


def test_a_retry_leaves_alone_what_was_mended_since(place: Workplace, folder: Path) -> None:
    write_files(folder, "bad")
    place.server.set_mode(flips_keys=["up/bad"])
    plan_job(place)
    assert "s3plan retry" in applied(place).output
    place.server.set_mode(flips_keys=[], ignores_checksums=False)
    body = (folder / "bad").read_bytes()
    place.s3.put_object(Bucket="destination", Key="up/bad", Body=body, ChecksumAlgorithm="CRC64NVME")
    assert "Nothing to do" in place.command.run("retry", place.plan_file).stdout


@BY_BOTH_ENGINES
@pytest.mark.parametrize(("verify", "expected"), [(None, 0), ("checksum", 3)])
def test_what_somebody_overwrites_before_the_look_is_no_failed_verification(
    place: Workplace, folder: Path, verify: str | None, expected: int
) -> None:
    write_files(folder, "a")
    plan_job(place, **({} if verify is None else {"verify": verify}))
    place.server.faults([Fault(kind=FaultKind.SLOW_DOWN, operation="HeadObject", key="up/a", times=2)])
    with place.command.start("apply", place.plan_file, "--yes") as started:
        wait_for(place, "HeadObject", "up/a")
        place.s3.put_object(Bucket="destination", Key="up/a", Body=b"z" * 100)
        ended = started.wait()
    assert (ended.exit_code, "overwritten right after it was written" in ended.output) == (expected, True), ended.output
    assert place.body("destination", "up/a") == b"z" * 100


@BY_BOTH_ENGINES
def test_that_an_object_is_made_of_our_parts_does_not_prove_their_bytes(place: Workplace, folder: Path) -> None:
    """The reply to its complete is lost, so that its ETag is all that shows whose it is; under SSE-KMS it is no sum."""
    write_files(folder, "bad", "good", size=20 * MIB)
    place.server.set_mode(flips_keys=["up/bad"])
    plan_job(place)
    place.server.faults(
        [
            Fault(kind=FaultKind.REPLY_LOST, operation="CompleteMultipartUpload", key=f"up/{key}")
            for key in ("bad", "good")
        ]
    )
    ended = applied(place)
    assert ended.exit_code == 9, ended.output
    assert "1 already-done (1 by checksum), 1 failed" in ended.output
    assert "verified 1: 1 by checksum; 1 FAILED" in ended.output
