"""The pins, not the journal, make resuming safe: a plan whose journal was lost is applied again and ends the same."""

from __future__ import annotations

import time

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, PROBE, Workplace, counted

pytestmark = BY_BOTH_ENGINES

OBJECTS = 1200
PARTS_RUN = {"multipart_threshold": "5MiB", "part_size": "5MiB"}


def half_done(place: Workplace, **sections: object) -> None:
    """A run that was stopped after half of the copies."""
    place.seed("source", count=OBJECTS, size_bytes=10)
    place.seed("destination", count=100, size_bytes=9, modified_s=1)
    place.manifest(**{"run": PARTS_RUN, **sections})
    place.plan()
    assert place.apply(limit=OBJECTS // 2).exit_code == 8


@pytest.mark.sampled(1)
@pytest.mark.parametrize("conditions", ["all", "none"])
def test_a_journal_deleted_half_way_changes_nothing(place: Workplace, conditions: str) -> None:
    place.server.set_mode(conditions=conditions)
    half_done(place)
    before = place.listed("destination")
    place.journal.unlink()
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    counts = ended.event("run-ended")["counts"]
    assert (counts["done"], counts["already-done"]) == (OBJECTS // 2, OBJECTS // 2)
    after = place.listed("destination")
    done_before = {key for key, row in before.items() if row.size_bytes == 10}
    assert {key: after[key] for key in done_before} == {key: before[key] for key in done_before}
    place.assert_all_done_once()


def test_a_journal_and_a_lock_deleted_half_way_change_nothing(place: Workplace) -> None:
    half_done(place)
    place.journal.unlink()
    place.journal.with_name("job.s3run.lock").unlink()
    report = place.apply()
    assert report.exit_code == 0
    assert counted(report).keys() == {"done", "already-done"}
    place.assert_all_done_once()


def test_a_finished_plan_whose_journal_is_lost_is_applied_again_and_writes_nothing(place: Workplace) -> None:
    half_done(place, **MIRROR, guards={"max_delete": "100%"})
    place.seed("destination", "extraneous", size_bytes=5)  # not in the plan: stays
    assert place.apply().exit_code == 0
    place.journal.unlink()
    writes = place.writes()
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"already-done": OBJECTS})
    assert place.writes() == writes
    assert "extraneous" in place.keys("destination")


def test_deletes_done_before_the_journal_was_lost_are_already_done(place: Workplace) -> None:
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", *(f"old-{number}" for number in range(20)), size_bytes=10)
    place.manifest(**MIRROR, guards={"max_delete": "100%"})
    place.plan()
    assert place.apply(limit=8).exit_code == 8
    assert len(place.keys("destination")) == 13
    place.journal.unlink()
    report = place.apply()
    assert report.exit_code == 0
    assert sum(counted(report).values()) == 20
    assert place.keys("destination") == {"kept"}


@pytest.mark.parametrize("is_completed", [True, False], ids=["completed", "in the middle"])
def test_large_objects_are_found_again_without_a_journal(place: Workplace, is_completed: bool) -> None:
    place.seed("source", "big-1", "big-2", size_bytes=41 * MIB, parts=5)
    place.buckets("destination")
    place.manifest(run={**PARTS_RUN, "in_flight": 2, "workers": 1})
    place.plan(probe=True)
    place.server.reset_stats()
    if is_completed:
        # Only what came to be in a later second than the attempt began is known for ours by its time.
        late = Fault(kind=FaultKind.DELAY, operation="CompleteMultipartUpload", spares=PROBE, delay_s=1.1)
        place.server.faults([late])
        assert place.apply(limit=1).exit_code == 8
    else:
        place.server.faults([Fault(kind=FaultKind.DELAY, operation="UploadPartCopy", after=5, times=None, delay_s=2)])
        with place.command.start("apply", place.plan_file, "--yes") as started:
            until_s = time.monotonic() + 30
            while place.server.stats().answered("UploadPartCopy") < 5 and time.monotonic() < until_s:
                time.sleep(0.02)
            started.kill()
        place.server.clear_faults()
        assert len(place.server.uploads("destination")) == 1
    place.journal.unlink()
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    stats = place.server.stats()
    if not is_completed:  # its id was lost with the journal: nobody knows any more whose it is
        (left,) = place.server.uploads("destination")
        assert left.upload_id in ended.output
        place.told.append(ended.output)
    of_the_applies = 2  # each makes sure, by an upload that it aborts, that the store still refuses wrong conditions
    assert stats.answered("CreateMultipartUpload") == 2 + (not is_completed) + of_the_applies
    assert stats.answered("UploadPartCopy") <= 2 * 9 + 9
    place.assert_all_done_once()


def test_rebuild_journal_sets_a_damaged_one_aside(place: Workplace) -> None:
    half_done(place)
    damaged = bytearray(place.journal.read_bytes())
    damaged[: len(damaged) // 2] = bytes(len(damaged) // 2)
    place.journal.write_bytes(damaged)
    refused = place.command.run("apply", place.plan_file, "--yes")
    assert refused.exit_code == 4
    assert "--rebuild-journal" in refused.stderr
    ended = place.command.run("apply", place.plan_file, "--yes", "--rebuild-journal")
    assert ended.exit_code == 0, ended.output
    place.assert_all_done_once()
