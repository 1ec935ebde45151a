"""What a run asks of its writes whose replies prove nothing, and how it ends where the bytes are others."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fakes.folder_jobs import write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, PROBE, Workplace

MIB = 1 << 20
KMS = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
UP = "s3://destination/up/"


@pytest.fixture
def folder(place: Workplace) -> Path:
    place.buckets()
    made = place.folder / "photos"
    made.mkdir()
    return made


def encrypt(place: Workplace, bucket: str = "destination") -> None:
    """Have ETags of that bucket be no MD5 sums."""
    place.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=KMS)


def write_job(place: Workplace, verify: str | None = None, **run: object) -> None:
    asked = {} if verify is None else {"verify": verify}
    write_folder_job(place, source="./photos", destination=UP, run={**run, **asked, "retries": {"attempts": 2}})


def applied(place: Workplace, *options: str) -> tuple[int, str]:
    ended = place.command.run("apply", str(place.plan_file), "--yes", *options)
    return ended.exit_code, " ".join(ended.output.split())


def status(place: Workplace) -> dict[str, object]:
    ended = place.command.run("status", str(place.plan_file), "--json")
    found: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return found


def looks(place: Workplace) -> tuple[int, int]:
    """Return how many HeadObjects and GetObjects the store was asked for."""
    stats = place.server.stats()
    return stats.requested("HeadObject"), stats.requested("GetObject")


def puts(place: Workplace, key: str) -> int:
    return sum((each.operation, each.key) == ("PutObject", key) for each in place.server.log())


@BY_BOTH_ENGINES
def test_nothing_is_asked_where_replies_prove_the_bytes(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", "b")
    write_files(folder, "large", size=20 * MIB)
    write_job(place, "checksum")
    place.plan()
    place.server.reset_stats()
    assert applied(place)[0] == 0
    assert looks(place) == (0, 0)


@BY_BOTH_ENGINES
@pytest.mark.parametrize(
    ("verify", "asked", "said"),
    [
        (None, (1, 1), "verified 1: 1 by CRC64NVME"),
        ("checksum", (1, 1), "verified 1: 1 by CRC64NVME"),
        ("etag", (1, 0), "verified 0; 1 not comparable"),
        ("size", (1, 0), "verified 0; 1 not comparable"),
        ("none", (0, 0), "verified 0; 1 not comparable"),
    ],
)
def test_an_upload_is_read_back_where_neither_reply_nor_head_says_what_lies_there(
    place: Workplace, folder: Path, verify: str | None, asked: tuple[int, int], said: str
) -> None:
    write_files(folder, "a")
    encrypt(place)
    place.server.set_mode(ignores_checksums=True)
    write_job(place, verify)
    place.plan()
    place.server.reset_stats()
    code, output = applied(place)
    assert (code, looks(place)) == (0, asked), output
    assert said in output


@BY_BOTH_ENGINES
@pytest.mark.parametrize("size", [100, 40 * MIB])
def test_bytes_that_suffered_where_they_lie_are_found_by_reading_and_stay(
    place: Workplace, folder: Path, size: int
) -> None:
    write_files(folder, "bad", "good", size=size)
    encrypt(place)
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/bad"])
    write_job(place)
    place.plan()
    code, output = applied(place)
    assert code == 9, output
    assert "1 done, 1 failed" in output
    assert "verified 1: 1 by CRC64NVME; 1 FAILED" in output
    assert place.keys("destination") == {"up/bad", "up/good"}
    failures = place.command.run("failures", str(place.plan_file)).output
    assert "verification: its CRC64NVME is " in failures
    assert "[verification, 1 attempt]" in failures
    assert (status(place)["unverified"], status(place)["verified"]) == (1, {"CRC64NVME": 1})


@BY_BOTH_ENGINES
def test_applied_again_it_is_looked_at_again_and_nothing_is_sent(place: Workplace, folder: Path) -> None:
    write_files(folder, "bad", "good")
    encrypt(place)
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/bad"])
    write_job(place)
    place.plan()
    assert applied(place)[0] == 9
    place.server.reset_stats()
    code, output = applied(place, "--json")
    ended = json.loads(place.command.run("status", str(place.plan_file), "--json").stdout)
    assert (code, ended["unverified"]) == (9, 1), output
    assert puts(place, "up/bad") == 0
    place.server.set_mode(flips_keys=[])
    place.s3.put_object(Bucket="destination", Key="up/bad", Body=(folder / "bad").read_bytes())
    code, output = applied(place)
    assert (code, status(place)["unverified"]) == (0, 0), output


@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_workers_of_every_kind_look_at_what_they_wrote_and_again_at_the_next_apply(
    place: Workplace, folder: Path, executor: str
) -> None:
    write_files(folder, "bad", "good")
    encrypt(place)
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/bad"])
    write_job(place, executor=executor, workers=1)
    place.plan()
    assert applied(place)[0] == 9
    assert (status(place)["unverified"], status(place)["verified"]) == (1, {"CRC64NVME": 1})
    place.server.reset_stats()
    assert applied(place)[0] == 9
    assert puts(place, "up/bad") == 0


@BY_BOTH_ENGINES
def test_a_store_whose_etag_tells_that_it_has_other_bytes_is_found_out_by_one_head(
    place: Workplace, folder: Path
) -> None:
    write_files(folder, "bad", "good")
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/bad"])
    write_job(place, "etag")
    place.plan()
    place.server.reset_stats()
    code, output = applied(place)
    assert (code, looks(place)) == (9, (1, 0)), output
    assert "verification: its MD5 is " in place.command.run("failures", str(place.plan_file)).output


@BY_BOTH_ENGINES
def test_a_store_that_always_refuses_the_checksum_fails_the_verification(place: Workplace, folder: Path) -> None:
    write_files(folder, "a", "large", size=100)
    write_files(folder, "large", size=20 * MIB)
    write_job(place)
    place.plan()
    place.server.faults(
        [
            Fault(kind=FaultKind.ERROR, code="BadDigest", operation=operation, prefix="up/", spares=PROBE, times=100)
            for operation in ("PutObject", "UploadPart")
        ]
    )
    code, output = applied(place)
    assert code == 9, output
    assert "verified 0; 2 FAILED" in output
    place.server.clear_faults()
    assert applied(place)[0] == 0
    assert place.keys("destination") == {"up/a", "up/large"}


@BY_BOTH_ENGINES
@pytest.mark.parametrize(("verify", "expected"), [(None, 0), ("checksum", 9)])
def test_a_store_that_may_not_be_asked_is_a_failure_only_where_checksums_were_asked_for(
    place: Workplace, folder: Path, verify: str | None, expected: int
) -> None:
    write_files(folder, "a")
    encrypt(place)
    write_job(place, verify)
    place.plan()
    place.server.set_mode(ignores_checksums=True)
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="HeadObject", prefix="up/", times=100)])
    code, output = applied(place)
    assert code == expected, output
    assert ("verified 0; 1 not comparable" if expected == 0 else "verified 0; 1 FAILED") in output
    assert place.keys("destination") == {"up/a"}


@BY_BOTH_ENGINES
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.CUT_BODY, operation="GetObject", times=1),
        Fault(kind=FaultKind.SLOW_DOWN, operation="GetObject", times=2),
        Fault(kind=FaultKind.SLOW_DOWN, operation="HeadObject", prefix="up/", times=2),
    ],
    ids=lambda fault: f"{fault.operation}-{fault.kind.value}",
)
def test_a_look_that_fails_is_repeated_and_the_write_is_not(place: Workplace, folder: Path, fault: Fault) -> None:
    write_files(folder, "a", size=3 * MIB)
    encrypt(place)
    place.server.set_mode(ignores_checksums=True)
    write_job(place)
    place.plan()
    place.server.reset_stats()
    place.server.faults([fault])
    code, output = applied(place)
    assert code == 0, output
    assert "verified 1: 1 by CRC64NVME" in output
    assert puts(place, "up/a") == 1


@BY_BOTH_ENGINES
@pytest.mark.parametrize(
    ("verify", "asked", "said"),
    [
        (None, (2, 0), "verified 1: 1 by MD5; 1 not comparable"),
        ("checksum", (2, 2), "verified 2: 1 by CRC64NVME, 1 by MD5"),
        ("none", (0, 0), "verified 1: 1 by MD5; 1 not comparable"),
    ],
)
def test_of_copies_only_those_are_looked_at_whose_etags_differ(
    place: Workplace, folder: Path, verify: str | None, asked: tuple[int, int], said: str
) -> None:
    place.seed("source", "a")
    client = place.server.client(request_checksum_calculation="when_required")
    client.put_object(Bucket="source", Key="kms", Body=b"x" * 100, ServerSideEncryption="aws:kms")
    place.manifest(run={} if verify is None else {"verify": verify})
    place.plan()
    place.server.set_mode(ignores_checksums=True)
    place.server.reset_stats()
    code, output = applied(place)
    assert (code, looks(place)) == (0, asked), output
    assert said in output


@BY_BOTH_ENGINES
@pytest.mark.parametrize("size", [100, 6 * MIB])
def test_a_copy_of_other_bytes_is_a_failure(place: Workplace, folder: Path, size: int) -> None:
    for key in ("bad", "good"):
        place.s3.put_object(Bucket="source", Key=key, Body=b"x" * size, ChecksumAlgorithm="CRC64NVME")
    run = {"multipart_threshold": "5MiB", "verify": "checksum"}
    place.manifest(run=run)
    place.plan()
    place.server.set_mode(ignores_checksums=True, flips_keys=["bad"])
    code, output = applied(place)
    assert code == (9 if size == 100 else 0), output  # parts are copied whole here
    assert place.keys("destination") == {"bad", "good"}


def test_the_evidence_of_each_object_is_a_line_of_csv(place: Workplace, folder: Path) -> None:
    write_files(folder, "bad", "good", "-later")
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/bad"])
    write_job(place, "etag", executor="serial")
    place.plan()

    def outcomes(*options: str) -> list[tuple[str, str, str]]:
        ended = place.command.run("show", str(place.plan_file), "--outcomes", "--csv", *options)
        assert ended.exit_code == 0, ended.output
        return [(row["key"], row["outcome"], row["evidence"]) for row in csv.DictReader(ended.stdout.splitlines())]

    assert outcomes() == [("'-later", "", ""), ("bad", "", ""), ("good", "", "")]
    assert applied(place)[0] == 9
    assert outcomes() == [("'-later", "done", "MD5"), ("bad", "failed", ""), ("good", "done", "MD5")]
    assert outcomes("--prefix", "g") == [("good", "done", "MD5")]
    place.journal.unlink()
    place.server.set_mode(flips_keys=[])
    place.s3.put_object(Bucket="destination", Key="up/bad", Body=(folder / "bad").read_bytes())
    assert applied(place)[0] == 0
    assert [row[1:] for row in outcomes()] == [("already-done", "by etag")] * 3
    refused = place.command.run("show", str(place.plan_file), "--outcomes")
    assert (refused.exit_code, "--outcomes goes with --csv" in refused.output) == (64, True)


def test_the_plan_says_what_will_be_asked_and_what_can_be_proved(place: Workplace, folder: Path) -> None:
    write_files(folder, "a")
    write_job(place)
    settings = place.plan().header.jobs[0].settings
    assert (settings.verify, settings.verify_is_strict) == ("checksum", False)
    shown = place.command.run("show", str(place.plan_file)).output
    assert "by the MD5 sums that the store answers; else the bytes are read back" in " ".join(shown.split())
    encrypt(place)
    assert "ETags there are not known to be MD5 sums" in place.plan().header.jobs[0].verification
    place.manifest()
    assert place.plan().header.jobs[0].settings.verify == "etag"
    place.manifest(run={"verify": "checksum"})
    assert place.plan().header.jobs[0].settings.verify_is_strict
