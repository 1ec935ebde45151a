"""This machine's clock jumps between plan, kill and resume. What decides is the store's clock, so nothing changes."""

from __future__ import annotations

import pytest
from fakes.faulty_engine import Fault, ProcessKilled
from fakes.memory_world import (
    DESTINATION,
    QUICK_RETRIES,
    SOURCE,
    START_MS,
    MemoryWorld,
    Stored,
    memory_world,
    without_checksums,
)
from fakes.workplace import counted
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import CopyObject, Request
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadPartCopy

MINUTE_MS, DAY_MS = 60_000, 86_400_000
JUMPS = pytest.mark.parametrize(
    "jump_ms", [20 * MINUTE_MS, -20 * MINUTE_MS, 2 * DAY_MS, -2 * DAY_MS], ids=["+20m", "-20m", "+2d", "-2d"]
)
LARGE = b"L" * (11 * 2**20)  # three parts
KMS = {"url": "s3://right/out/", "encryption": {"type": "aws:kms"}}  # ETags that say nothing
IN_PARTS = {"executor": "serial", "multipart_threshold": "5MiB", "part_size": "5MiB", "retries": QUICK_RETRIES}


def killed_apply(world: MemoryWorld, fault: Fault, *, number: int = 1, operation: type | None = None) -> None:
    world.engine.fail(fault, number=number, operation=operation)
    with pytest.raises(ProcessKilled):
        world.apply()
    world.engine.mend()


@JUMPS
def test_a_foreign_object_of_the_same_size_is_never_taken_for_our_own(jump_ms: int) -> None:
    """It was there before the first request of the run, whatever this machine's clock says now."""
    with memory_world() as world:
        world.put(SOURCE, {"a": Stored(b"ours"), "b": Stored(b"ours, too")})
        world.manifest(destination=KMS)
        world.plan()
        world.now_ms += 5 * MINUTE_MS
        world.put(DESTINATION, {"a": Stored(b"them", mtime_ms=world.now_ms)})
        world.now_ms += 5 * MINUTE_MS
        killed_apply(world, Fault.KILLED, operation=CopyObject)
        world.skew_ms = jump_ms
        report = world.apply()
        assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 1})
        assert world.tree(DESTINATION)["a"].body == b"them"


@JUMPS
def test_our_own_copy_whose_end_was_never_journaled_is_recognised(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"a": Stored(b"ours")})
        world.manifest(destination=KMS)
        world.plan()
        world.engine.answer = without_checksums
        killed_apply(world, Fault.KILLED_AFTER, operation=CopyObject)
        world.skew_ms = jump_ms
        world.now_ms += MINUTE_MS
        report = world.apply()
        assert (report.exit_code, counted(report)) == (0, {"already-done": 1})
        assert set(world.engine.writes.values()) == {1}


@JUMPS
def test_a_clock_that_jumps_while_a_run_goes_on_changes_nothing(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"a": Stored(b"ours"), "b": Stored(b"them"), "c": Stored(b"more")})
        world.manifest(destination=KMS)
        world.plan()
        world.put(DESTINATION, {"b": Stored(b"else", mtime_ms=world.now_ms)})
        world.now_ms += 10 * MINUTE_MS
        world.engine.answer = without_checksums
        world.engine.fail(Fault.LOST, number=1, operation=CopyObject)
        jump_at_the_first_copy(world, jump_ms)
        report = world.apply()
        assert (report.exit_code, counted(report)) == (3, {"already-done": 1, "stale": 1, "done": 1})
        assert world.tree(DESTINATION)["b"].body == b"else"


def jump_at_the_first_copy(world: MemoryWorld, jump_ms: int) -> None:
    tick = world.engine.on_request

    def tick_and_jump(request: Request) -> None:
        if isinstance(request, CopyObject):
            world.skew_ms = jump_ms
        tick(request)

    world.engine.on_request = tick_and_jump


@JUMPS
def test_an_upload_whose_id_was_lost_is_left_alone_and_told_of(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"big": Stored(LARGE)})
        world.manifest(run=IN_PARTS)
        world.plan()
        killed_apply(world, Fault.KILLED_AFTER, operation=CreateMultipartUpload)
        assert len(world.open_uploads) == 1
        world.skew_ms = jump_ms
        assert world.apply().exit_code == 0
        assert world.untold_uploads == [], "left alone, as it might be somebody else's, and named"
        assert world.engine.asked(CreateMultipartUpload) == 2
        assert world.tree(DESTINATION)["big"].body == LARGE


@JUMPS
def test_somebody_elses_upload_from_before_the_run_is_left_alone(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"big": Stored(LARGE)})
        world.manifest(run=IN_PARTS)
        world.plan()
        world.engine.call(CreateMultipartUpload("right", "out/big", ObjectAttributes()))
        (foreign,) = world.open_uploads
        world.now_ms += 5 * MINUTE_MS
        killed_apply(world, Fault.KILLED, operation=CreateMultipartUpload)
        world.skew_ms = jump_ms
        assert world.apply().exit_code == 0
        assert world.open_uploads == world.untold_uploads == [foreign]


@JUMPS
@pytest.mark.parametrize("operation", [UploadPartCopy, CompleteMultipartUpload])
@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.KILLED_AFTER])
def test_a_large_object_killed_in_its_parts_ends_right(jump_ms: int, fault: Fault, operation: type) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"big": Stored(LARGE)})
        world.manifest(destination=KMS, run=IN_PARTS)
        world.plan()
        world.engine.answer = without_checksums
        killed_apply(world, fault, operation=operation)
        world.skew_ms = jump_ms
        report = world.apply()
        assert report.exit_code == 0, report
        assert world.untold_uploads == []
        assert set(world.engine.writes.values()) == {1}


@JUMPS
def test_a_journal_lost_before_the_jump_is_no_reason_to_believe_a_foreign_object(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"a": Stored(b"ours"), "b": Stored(b"ours, too")})
        world.manifest(destination=KMS)
        world.plan()
        world.now_ms += 5 * MINUTE_MS
        world.put(DESTINATION, {"a": Stored(b"them", mtime_ms=world.now_ms)})
        world.now_ms += 5 * MINUTE_MS
        world.engine.answer = without_checksums
        killed_apply(world, Fault.KILLED_AFTER, number=2, operation=CopyObject)
        world.journal.unlink()
        world.skew_ms = jump_ms
        report = world.apply()
        assert (report.exit_code, counted(report)) == (3, {"already-done": 1, "stale": 1})
        assert world.tree(DESTINATION)["a"].body == b"them"


@JUMPS
def test_a_run_that_was_killed_before_its_first_request_has_begun_nothing(jump_ms: int) -> None:
    """On a machine whose clock is wrong all the time; what is there when the next run begins is not its own."""
    with memory_world() as world:
        world.skew_ms = jump_ms
        world.put(SOURCE, {"a": Stored(b"ours"), "b": Stored(b"ours, too")})
        world.manifest(destination=KMS)
        world.plan()
        killed_apply(world, Fault.KILLED)
        world.journal.unlink()
        world.put(DESTINATION, {"a": Stored(b"them", mtime_ms=world.now_ms)})
        world.now_ms += 5 * MINUTE_MS
        report = world.apply()
        assert (report.exit_code, counted(report)) == (3, {"done": 1, "stale": 1})
        assert world.tree(DESTINATION)["a"].body == b"them"


@JUMPS
def test_ages_are_counted_by_the_stores_clock(jump_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"old": Stored(b"1", START_MS - DAY_MS), "new": Stored(b"2", START_MS - 10 * MINUTE_MS)})
        world.manifest(filters={"modified": {"older_than": "15m"}})
        world.skew_ms = jump_ms
        world.plan()
        assert world.apply().exit_code == 0
        assert world.tree(DESTINATION).keys() == {"old"}
        assert not world.plan().has_changes


@pytest.mark.parametrize(
    "mtime_ms", [-1, -5 * 365 * DAY_MS, 253_402_300_799_000], ids=["just before 1970", "1965", "the year 9999"]
)
def test_any_time_of_an_object_is_only_a_time_and_nothing_is_copied_again_for_it(mtime_ms: int) -> None:
    with memory_world() as world:
        world.put(SOURCE, {"changed": Stored(b"ours", mtime_ms), "same": Stored(b"same", mtime_ms)})
        world.put(DESTINATION, {"changed": Stored(b"they", mtime_ms), "same": Stored(b"same", mtime_ms)})
        world.manifest()
        world.plan()
        assert (world.apply().exit_code, world.tree(DESTINATION)["changed"].body) == (0, b"ours")
        assert not world.plan().has_changes


def test_the_run_at_a_store_that_lives_before_1970_goes_on_like_any_other() -> None:
    with memory_world() as world:
        world.now_ms = -30 * 365 * DAY_MS
        world.skew_ms = START_MS - world.now_ms
        world.put(SOURCE, {"a": Stored(b"a"), "b": Stored(b"b")})
        world.manifest()
        world.plan()
        killed_apply(world, Fault.KILLED, operation=CopyObject)
        assert world.apply().exit_code == 0
        world.journal.unlink()
        assert world.apply().exit_code == 0  # of the lost one, its lock says when it began
        assert world.apply(rebuild_journal=True).exit_code == 0
