"""The command is killed after a write, before it has learnt whether the store has the bytes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from fakes.folder_jobs import write_files, write_folder_job
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

MIB = 1 << 20
KMS = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
pytestmark = BY_BOTH_ENGINES


@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
@pytest.mark.parametrize("size", [100, 20 * MIB])
def test_killed_between_a_write_and_its_look_the_next_run_ends_the_same(
    place: Workplace, operation: str, size: int
) -> None:
    place.buckets()
    folder = place.folder / "photos"
    folder.mkdir()
    write_files(folder, "a", size=size)
    place.s3.put_bucket_encryption(Bucket="destination", ServerSideEncryptionConfiguration=KMS)
    write_folder_job(place, source="./photos", destination="s3://destination/up/")
    place.plan()
    place.server.set_mode(ignores_checksums=True)
    kill_at(place, Fault(kind=FaultKind.STALL, operation=operation, prefix="up/a", times=None))
    assert place.body("destination", "up/a") == Path(folder, "a").read_bytes()
    ended = place.command.run("apply", str(place.plan_file), "--yes", "--json")
    said = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.exit_code, said["counts"], said["unverified"]) == (0, {"already-done": 1}, 0), ended.output
    assert said["verified"] == {"checksum": 1} or (size > 100 and said["verified"] == {"ETag": 1})


def test_killed_before_the_look_at_other_bytes_nothing_is_called_done(place: Workplace) -> None:
    place.buckets()
    folder = place.folder / "photos"
    folder.mkdir()
    write_files(folder, "a")
    place.s3.put_bucket_encryption(Bucket="destination", ServerSideEncryptionConfiguration=KMS)
    write_folder_job(place, source="./photos", destination="s3://destination/up/")
    place.plan()
    place.server.set_mode(ignores_checksums=True, flips_keys=["up/a"])
    kill_at(place, Fault(kind=FaultKind.STALL, operation="HeadObject", prefix="up/a", times=None))
    ended = place.command.run("apply", str(place.plan_file), "--yes")
    assert (ended.exit_code, "1 stale" in ended.output) == (3, True), ended.output
    failures = place.command.run("failures", str(place.plan_file)).output
    assert "if this run has written it: verification: its CRC64NVME is " in failures
    assert place.body("destination", "up/a") != Path(folder, "a").read_bytes()


def kill_at(place: Workplace, fault: Fault) -> None:
    """Kill an apply whose requests of that kind are never answered, once there is one."""
    place.server.faults([fault])
    with place.command.start("apply", place.plan_file, "--yes") as started:
        while not any(place.server.fired()):
            assert started.is_running, started.wait().output
            time.sleep(0.02)
        started.kill()
    place.server.clear_faults()
