"""A store that loses replies, throttles, breaks off, refuses: all ends as planned, or the exit code says why."""

from __future__ import annotations

import time

import pytest
from fakes.command import Command
from fakes.odd_keys import XML_UNSAFE_KEYS
from fakes.s3server import Fault, FaultKind
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, PROBE, Workplace, counted

pytestmark = BY_BOTH_ENGINES

PARTS_RUN = {"multipart_threshold": "5MiB", "part_size": "5MiB"}
CONFIRMING_COPIES = 2  # one for the source's condition, one for the destination's
LOST = {
    "reply lost": Fault(kind=FaultKind.REPLY_LOST),
    "500 after commit": Fault(kind=FaultKind.INTERNAL_ERROR, after_commit=True),
    "reset after commit": Fault(kind=FaultKind.RESET, after_commit=True),
    "503 after commit": Fault(kind=FaultKind.SLOW_DOWN, after_commit=True),
}


def ready(place: Workplace, **sections: object) -> None:
    """Plan, with all conditions probed, so that faults hit the run alone."""
    place.manifest(**sections)
    place.plan(probe=True)
    place.server.reset_stats()


def lose(place: Workplace, fault: Fault, operation: str, *, times: int | None = 1, after: int = 0) -> None:
    """Lose replies to requests of the run; those that confirm what is known of the store come through."""
    place.server.faults(
        [
            Fault(
                kind=fault.kind,
                operation=operation,
                bucket="destination",
                spares=PROBE,
                times=times,
                after=after,
                after_commit=fault.after_commit,
            )
        ]
    )


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fault", [*LOST, "error in 200"])
@pytest.mark.parametrize("state", ["absent", "present", "same-etag"])
def test_a_copy_whose_reply_is_lost_is_already_done(place: Workplace, fault: str, state: str) -> None:
    place.seed("source", *"abc", size_bytes=10)
    place.buckets("destination")
    if state != "absent":
        place.seed("destination", *"abc", size_bytes=10, seed=1 if state == "present" else 0, modified_s=1)
    ready(place, overwrite="always")
    error_in_200 = Fault(kind=FaultKind.ERROR_IN_200, after_commit=True)
    lose(place, LOST.get(fault, error_in_200), "CopyObject", times=2)
    report = place.apply()
    # A 503 counts as not executed: the copy is sent again, and where the same bytes stand by now its pin holds.
    is_repeated = state == "same-etag" and fault == "503 after commit"
    expected = {"done": 3} if is_repeated else {"done": 1, "already-done": 2}
    assert (report.exit_code, counted(report)) == (0, expected)
    assert place.server.stats().requested("CopyObject") <= 5 + CONFIRMING_COPIES
    assert set(place.writes().values()) == ({1, 2} if is_repeated else {1})
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.etag for key, row in destination.items()} == {key: row.etag for key, row in source.items()}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"])
def test_a_multipart_copy_whose_reply_is_lost_completes(place: Workplace, operation: str, fault: str) -> None:
    place.seed("source", "big", size_bytes=21 * MIB, parts=3)
    place.buckets("destination")
    ready(place, run=PARTS_RUN)
    lose(place, LOST[fault], operation)
    report = place.apply()
    assert report.exit_code == 0, report
    assert counted(report) == ({"already-done": 1} if operation == "CompleteMultipartUpload" else {"done": 1})
    assert place.listed("destination")["big"].size_bytes == 21 * MIB
    # What a lost reply of a create has opened is left alone: nothing says whose it is.
    assert place.untold_uploads() == [], place.told
    assert place.writes() == {"big": 1}
    assert place.server.stats().answered("UploadPartCopy") <= 6
    place.assert_nothing_left()


def test_a_repeated_complete_that_the_store_answers_again_is_done(place: Workplace) -> None:
    place.server.set_mode(complete_again=True)
    place.seed("source", "big", size_bytes=11 * MIB)
    place.buckets("destination")
    ready(place, run=PARTS_RUN)
    lose(place, LOST["reply lost"], "CompleteMultipartUpload")
    assert place.apply().exit_code == 0
    assert place.writes() == {"big": 1}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("operation", ["DeleteObjects", "DeleteObject"])
@pytest.mark.parametrize("conditions", ["all", "none"])
def test_a_delete_whose_reply_is_lost_is_already_done(
    place: Workplace, operation: str, fault: str, conditions: str
) -> None:
    place.server.set_mode(conditions=conditions)
    extraneous = XML_UNSAFE_KEYS if operation == "DeleteObject" else tuple("wxyz")
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", *extraneous, size_bytes=10)
    ready(place, mode="mirror", delete={"extraneous": True, "unpinned": "allow"}, guards={"max_delete": "100%"})
    is_confirmed = operation == "DeleteObjects" and conditions == "all"
    lose(place, LOST[fault], operation, after=1 if is_confirmed else 0)  # a batch has no key that could be spared
    report = place.apply()
    assert report.exit_code == 0, report
    found_gone = len(extraneous) if operation == "DeleteObjects" else 1
    if fault == "503 after commit" and conditions == "all":
        found_gone = 0  # a 503 counts as not executed: the delete is sent again, and of a missing key it is a success
    assert counted(report).get("already-done", 0) == found_gone
    assert place.keys("destination") == {"kept"}
    place.assert_nothing_left()


def test_a_batch_delete_that_refuses_some_keys_tells_each_end(place: Workplace) -> None:
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", *(f"old-{number}" for number in range(6)), size_bytes=10)
    ready(place, **MIRROR, guards={"max_delete": "100%"})
    place.seed("destination", "old-1", "old-4", size_bytes=11)
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 4, "stale": 2})
    assert place.keys("destination") == {"kept", "old-1", "old-4"}


STORMS = {
    "503 on half": [Fault(kind=FaultKind.SLOW_DOWN, operation="CopyObject", share=0.5, times=40, seed=1)],
    "500s": [Fault(kind=FaultKind.INTERNAL_ERROR, operation="CopyObject", share=0.4, times=40, seed=2)],
    "500s after commit": [
        Fault(kind=FaultKind.INTERNAL_ERROR, operation="CopyObject", share=0.4, times=40, seed=3, after_commit=True)
    ],
    "resets": [Fault(kind=FaultKind.RESET, operation="CopyObject", share=0.4, times=40, seed=4)],
    "conflicts": [Fault(kind=FaultKind.CONFLICT, operation="CopyObject", share=0.4, times=40, seed=5)],
    "errors in 200": [Fault(kind=FaultKind.ERROR_IN_200, operation="CopyObject", share=0.4, times=40, seed=6)],
    "everything": [
        Fault(kind=kind, bucket="destination", share=0.15, times=20, seed=number)
        for number, kind in enumerate(
            (FaultKind.SLOW_DOWN, FaultKind.RESET, FaultKind.REPLY_LOST, FaultKind.INTERNAL_ERROR)
        )
    ],
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("storm", STORMS)
def test_a_storm_passes_and_everything_is_done_once(place: Workplace, storm: str) -> None:
    place.seed("source", count=120, size_bytes=10)
    place.seed("source", "big-1", "big-2", size_bytes=12 * MIB)
    place.seed("destination", "old-1", "old-2", *(f"data/{number:09d}.bin" for number in range(20)), size_bytes=9)
    run = PARTS_RUN | {"retries": 30}  # which requests are hit is a matter of timing: one key may be hit often
    ready(place, **MIRROR, run=run, guards={"max_delete": "100%"})
    place.server.faults(STORMS[storm])
    report = place.apply()
    assert report.exit_code == 0, (report, report.messages)
    assert sum(place.server.fired()) > 10
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.size_bytes for key, row in destination.items()} == {
        key: row.size_bytes for key, row in source.items()
    }
    assert set(place.writes().values()) == {1}
    assert place.untold_uploads() == [], place.told
    place.server.clear_faults()
    place.assert_nothing_left()


def test_a_store_that_denies_everything_ends_the_run_early(place: Workplace) -> None:
    place.seed("source", count=3_000, size_bytes=10)
    place.buckets("destination")
    ready(place, run={"in_flight": 8, "workers": 1})
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", times=None)])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 1
    assert "s3:PutObject" in ended.output
    # Twenty refusals decide; how many more are sent until that is known is a matter of the machine's speed.
    assert place.server.stats().requested("CopyObject") < 1_500
    place.server.clear_faults()
    assert place.apply().exit_code == 0
    place.assert_nothing_left()


def test_single_denied_objects_are_failed_and_the_others_done(place: Workplace) -> None:
    place.seed("source", count=60, size_bytes=10)
    place.buckets("destination")
    ready(place)
    place.server.faults(
        [Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", prefix="data/00000003", times=None)]
    )
    report = place.apply()
    assert (report.exit_code, counted(report)) == (3, {"done": 50, "failed": 10})
    ended = place.command.run("failures", place.plan_file, "--json")
    assert ended.exit_code == 0
    assert [line["failure"] for line in ended.events] == ["denied"] * 10
    place.server.clear_faults()
    assert counted(place.apply()) == {"done": 60}


def test_expired_credentials_end_the_run_with_10_and_good_ones_resume_it(place: Workplace) -> None:
    place.seed("source", count=300, size_bytes=10)
    place.buckets("destination")
    ready(place, run={"in_flight": 4})
    place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, bucket="destination", after=80, times=None)])
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 10
    assert "the credentials cannot be used any more" in ended.stdout
    assert "to go on:" in ended.stdout
    place.server.clear_faults()
    assert 0 < len(place.keys("destination")) < 300
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0
    assert ended.event("run-ended")["counts"].keys() <= {"done", "already-done"}
    assert set(place.writes().values()) == {1}
    assert len(place.writes()) == 300
    place.assert_nothing_left()


def test_credentials_that_expire_in_the_middle_are_renewed_and_the_run_goes_on(place: Workplace) -> None:
    """As with a profile that somebody, or a tool, writes anew while a long run goes on."""
    place.seed("source", count=300, size_bytes=10)
    place.buckets("destination")
    ready(place, run={"in_flight": 4})
    place.server.set_mode(latency_s=0.03, credential=None)
    profile = place.folder / "credentials"
    variables = {name: value for name, value in place.command.variables.items() if not name.endswith("_KEY_ID")}
    variables = {name: value for name, value in variables.items() if not name.endswith("_ACCESS_KEY")}
    command = Command(place.folder, variables | {"AWS_SHARED_CREDENTIALS_FILE": str(profile)})

    def write(key_id: str) -> None:
        profile.write_text(f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n")

    write(ACCESS_KEY_ID)
    with command.start("apply", place.plan_file, "--yes") as started:
        until_s = time.monotonic() + 30
        while place.server.stats().answered("CopyObject") < 20 and time.monotonic() < until_s:
            time.sleep(0.02)
        write("AKIDTWO")
        place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation="CopyObject")])
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert place.server.fired() == [1]
    assert len(place.writes()) == 300
    assert set(place.writes().values()) == {1}
    place.assert_nothing_left()


def test_max_failures_stops_the_run_with_8(place: Workplace) -> None:
    place.seed("source", count=400, size_bytes=10)
    place.buckets("destination")
    ready(place, run={"in_flight": 4, "max_failures": 5})
    place.server.faults(
        [Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", prefix="data/0000001", times=None)]
    )
    place.server.set_mode(latency_s=0.02)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 8
    assert 5 < ended.event("run-ended")["counts"]["failed"] < 100
    place.server.set_mode(latency_s=0)
    place.server.clear_faults()
    assert place.apply().exit_code == 0
    place.assert_nothing_left()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_limit_does_so_many_first_and_the_same_command_goes_on(place: Workplace, limit: int) -> None:
    place.seed("source", count=1010, size_bytes=10)
    place.seed("destination", "old", size_bytes=10)
    ready(place, **MIRROR, guards={"max_delete": "100%"})
    report = place.apply(limit=limit)
    assert (report.exit_code, counted(report), report.remaining) == (8, {"done": limit}, 1011 - limit)
    assert len(place.writes()) == limit
    assert "old" in place.keys("destination")
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 1011})
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()
