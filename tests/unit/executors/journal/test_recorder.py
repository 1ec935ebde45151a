"""What waits to be written: in blocks, soon enough, all or nothing, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.scheduled import DIGEST, FakeClock
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.schemas.bitmaps import numbers_in
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.rows import Batch
from s3plan.schemas.tasks import KnownUpload


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "job.s3run", plan_digest=DIGEST, now_ms=1) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recorder(journal: Journal, clock: FakeClock) -> Recorder:
    return Recorder(journal, clock=clock)


def a_state(number: int = 1, *, actions: int = 2000) -> BatchState:
    return BatchState(Batch(number, 2, 1, 2, 1, actions, 0, b""))


def done(recorder: Recorder, state: BatchState, position: int, *, had_outcome: bool = False) -> None:
    recorder.note_done(state, position, had_outcome=had_outcome)
    state.mark(position, OutcomeKind.DONE)


def bad(position: int, kind: OutcomeKind = OutcomeKind.UNKNOWN) -> OutcomeRecord:
    return OutcomeRecord(1, position, kind, "503", "", None, 1, 1)


def written(journal: Journal) -> dict[int, list[int]]:
    return {record.id: list(numbers_in(record.done)) for record in journal.batches()}


def test_a_batch_begins_durably_at_once_with_all_that_waits(recorder: Recorder, journal: Journal) -> None:
    first, second = a_state(1), a_state(2)
    done(recorder, first, 5)
    second.is_open, second.generation = True, 1
    recorder.begin_batch(second)
    assert written(journal) == {1: [5], 2: []}
    assert [record.is_open for record in journal.batches()] == [False, True]


def test_a_block_is_written_after_a_second(recorder: Recorder, journal: Journal, clock: FakeClock) -> None:
    state = a_state()
    done(recorder, state, 0)
    recorder.flush_if_due()
    assert written(journal) == {}
    clock.advance(1.0)
    recorder.flush_if_due()
    assert written(journal) == {1: [0]}


def test_a_block_is_written_after_a_thousand_outcomes(recorder: Recorder, journal: Journal) -> None:
    state = a_state()
    for position in range(999):
        done(recorder, state, position)
        recorder.flush_if_due()
    assert written(journal) == {}
    recorder.note_outcome(bad(1500))
    recorder.flush_if_due()
    assert written(journal) == {1: list(range(999))}
    assert [record.position for record in journal.outcomes()] == [1500]


@pytest.mark.parametrize("flushed_between", [False, True])
def test_done_after_unknown_leaves_no_outcome_row(recorder: Recorder, journal: Journal, flushed_between: bool) -> None:
    state = a_state()
    recorder.note_outcome(bad(3))
    state.mark(3, OutcomeKind.UNKNOWN)
    if flushed_between:
        recorder.flush()
    done(recorder, state, 3, had_outcome=True)
    recorder.flush()
    assert list(journal.outcomes()) == []
    assert written(journal) == {1: [3]}


@pytest.mark.parametrize("flushed_between", [False, True])
def test_the_newest_of_two_outcomes_stands(recorder: Recorder, journal: Journal, flushed_between: bool) -> None:
    recorder.note_outcome(bad(3))
    if flushed_between:
        recorder.flush()
    recorder.note_outcome(bad(3, OutcomeKind.STALE))
    recorder.flush()
    assert [record.kind for record in journal.outcomes()] == [OutcomeKind.STALE]


@pytest.mark.parametrize("flushed_between", [False, True])
def test_an_upload_that_ended_is_forgotten(recorder: Recorder, journal: Journal, flushed_between: bool) -> None:
    recorder.note_upload(1, KnownUpload(0, "one", 5, ()))
    recorder.note_part(1, 0, "one", 1, "e")
    if flushed_between:
        recorder.flush()
        assert journal.uploads(1) == (KnownUpload(0, "one", 5, ((1, "e"),)),)
    recorder.note_upload_ended(1, 0)
    recorder.flush()
    assert journal.uploads(1) == ()


@pytest.mark.parametrize("flushed_between", [False, True])
def test_an_upload_after_another_has_its_own_parts_alone(
    recorder: Recorder, journal: Journal, flushed_between: bool
) -> None:
    recorder.note_upload(1, KnownUpload(0, "one", 5, ()))
    recorder.note_part(1, 0, "one", 1, "e")
    recorder.note_part(1, 7, "other action's", 1, "e")
    if flushed_between:
        recorder.flush()
    recorder.note_upload_ended(1, 0)
    recorder.note_upload(1, KnownUpload(0, "two", 6, ()))
    recorder.note_part(1, 0, "two", 2, "e2")
    recorder.flush()
    assert journal.uploads(1) == (KnownUpload(0, "two", 6, ((2, "e2"),)),)


def test_what_could_not_be_written_is_not_forgotten(recorder: Recorder, journal: Journal) -> None:
    state = a_state()
    done(recorder, state, 1)
    connection = journal._connection
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(S3PlanError):
        recorder.flush()
    connection.execute("PRAGMA query_only = OFF")
    recorder.flush()
    assert written(journal) == {1: [1]}
