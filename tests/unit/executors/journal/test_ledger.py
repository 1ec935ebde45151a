"""The standing of batches: folded from the journal, kept up in memory, the same either way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, load_states, total_counts
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord, ProofRecord
from s3plan.schemas.bitmaps import numbers_in
from s3plan.schemas.errors import JournalRefused
from s3plan.schemas.outcomes import Evidence, OutcomeKind
from s3plan.schemas.plan.rows import Batch

DIGEST = "d" * 64


def batch_of(actions: int, number: int = 1) -> Batch:
    return Batch(number, 2, 1, 2, 1, actions, 10 * actions, b"")


def state_with(ends: dict[int, OutcomeKind], *, actions: int = 20) -> BatchState:
    state = BatchState(batch_of(actions))
    for position, kind in ends.items():
        state.mark(position, kind)
    return state


ENDS = st.dictionaries(st.integers(0, 19), st.sampled_from(list(OutcomeKind)))


@given(ENDS)
def test_todo_is_what_has_no_outcome_or_may_be_tried_again(ends: dict[int, OutcomeKind]) -> None:
    again = {None, OutcomeKind.FAILED, OutcomeKind.UNKNOWN}
    state = state_with(ends)
    assert state.todo() == [position for position in range(20) if ends.get(position) in again]
    assert {position: kind for position in range(20) if (kind := state.end_of(position))} == ends
    assert state.counts() == Counter(ends.values())
    not_done = {position: ends.get(position) for position in range(20)}
    assert dict(state.not_done()) == {at: kind for at, kind in not_done.items() if not (kind and kind.is_success)}


@given(ENDS, st.sets(st.integers(0, 19)), st.booleans(), st.booleans())
def test_what_an_attempt_of_unclear_end_may_have_done_is_doubtful(
    ends: dict[int, OutcomeKind], unclear: set[int], is_open: bool, all_doubtful: bool
) -> None:
    state = state_with({})
    for position, kind in ends.items():
        state.mark(position, kind, unclear_since_ms=5 if position in unclear else None)
    state.is_open, state.all_doubtful = is_open, all_doubtful
    todo = state.todo()
    doubtful = set(numbers_in(state.doubtful(todo)))
    since = {position: 5 for position in todo if position in unclear and position in ends}
    assert doubtful == (set(todo) if is_open or all_doubtful else set(since))
    assert state.doubtful_since_ms(todo) == since


def test_the_first_unclear_attempt_counts_until_the_action_has_ended() -> None:
    state = state_with({})
    for since_ms in (None, 5, 9, None):
        state.mark(3, OutcomeKind.UNKNOWN, unclear_since_ms=since_ms)
    assert state.unclear_since_ms(3) == 5
    state.mark(3, OutcomeKind.STALE)
    assert state.unclear_since_ms(3) is None


@pytest.mark.parametrize(("is_open", "all_doubtful"), [(False, False), (True, False), (False, True)])
def test_a_batch_counts_from_its_attempt_unless_an_earlier_one_has_no_end(is_open: bool, all_doubtful: bool) -> None:
    state = state_with({})
    state.begin(now_ms=10)
    state.is_open, state.all_doubtful = is_open, all_doubtful
    state.begin(now_ms=20)
    assert (state.begun_at_ms, state.generation, state.is_open) == (10 if is_open or all_doubtful else 20, 2, True)


def test_what_already_done_actions_rest_on_is_counted() -> None:
    state = state_with({0: OutcomeKind.DONE, 1: OutcomeKind.ALREADY_DONE})
    for position, evidence in enumerate([*Evidence, Evidence.BY_SIZE_AND_TIME], start=2):
        state.mark(position, OutcomeKind.ALREADY_DONE, evidence=evidence)
    assert state.evidence() == {**dict.fromkeys(Evidence, 1), Evidence.BY_SIZE_AND_TIME: 2}
    assert state.counts() == {OutcomeKind.DONE: 1, OutcomeKind.ALREADY_DONE: 2 + len(Evidence)}
    assert all(end is OutcomeKind.ALREADY_DONE for end in map(state.end_of, range(1, 3 + len(Evidence))))
    assert state.todo() == list(range(3 + len(Evidence), 20))


@given(ENDS)
def test_a_record_brings_back_what_is_done(ends: dict[int, OutcomeKind]) -> None:
    state = state_with(ends)
    state.generation, state.begun_at_ms, state.is_open, state.withheld = 3, 77, True, "withheld: because"
    again = BatchState(batch_of(20))
    assert again.take_record(state.record())
    assert again.record() == state.record()
    for position in range(20):
        assert again.end_of(position) == (OutcomeKind.DONE if ends.get(position) is OutcomeKind.DONE else None)


def test_withheld_actions_count_as_skipped_and_are_not_to_do() -> None:
    state = state_with({0: OutcomeKind.DONE})
    state.withheld = "withheld: because"
    assert state.todo() == []
    assert state.counts() == {OutcomeKind.DONE: 1, OutcomeKind.SKIPPED: 19}
    assert total_counts([state, state]) == {OutcomeKind.DONE: 2, OutcomeKind.SKIPPED: 38}


@pytest.mark.parametrize(
    ("actions", "done"), [(21, b"\x00\x00\x00"), (20, b"\x00\x00"), (20, b"\x00" * 4), (20, b"\x00\x00\x10")]
)
def test_a_record_of_another_batch_does_not_fit(actions: int, done: bytes) -> None:
    assert not BatchState(batch_of(20)).take_record(BatchRecord(1, 1, 1, is_open=False, actions=actions, done=done))


def outcome(batch: int, position: int) -> OutcomeRecord:
    return OutcomeRecord(batch, position, OutcomeKind.STALE, "", "", None, 1, 1)


@pytest.mark.parametrize(
    ("records", "outcomes"),
    [
        ([BatchRecord(3, 1, 1, is_open=False, actions=4, done=b"\x00")], []),
        ([BatchRecord(1, 1, 1, is_open=False, actions=5, done=b"\x00")], []),
        ([], [outcome(3, 0)]),
        ([], [outcome(1, 4)]),
        ([], [outcome(1, -1)]),
        ([], [replace(outcome(1, 0), kind=OutcomeKind.DONE)]),
        ([BatchRecord(1, 1, 1, is_open=False, actions=4, done=b"\x01")], [outcome(1, 0)]),
    ],
)
def test_a_journal_that_does_not_fit_the_plan_is_refused(
    tmp_path: Path, records: list[BatchRecord], outcomes: list[OutcomeRecord]
) -> None:
    batches = [batch_of(4, 1), batch_of(4, 2)]
    with Journal.open(tmp_path / "a.s3run", plan_digest=DIGEST, now_ms=1) as journal:
        assert set(load_states(batches, journal)) == {1, 2}
        journal.write(batches=records, outcomes=outcomes)
        with pytest.raises(JournalRefused, match=r"not those of the plan|what no journal does"):
            load_states(batches, journal)


@pytest.mark.parametrize(
    "proofs",
    [
        [ProofRecord(3, "MD5", b"\x01")],
        [ProofRecord(1, "MD5", b"\x01\x00")],
        [ProofRecord(1, "MD5", b"\x10")],
        [ProofRecord(1, "MD5", b"\x04")],  # not done
        [ProofRecord(1, "MD5", b"\x01"), ProofRecord(1, "CRC64NVME", b"\x01")],
        [ProofRecord(1, "hearsay", b"\x01")],
    ],
)
def test_a_journal_with_proofs_of_what_is_not_done_is_refused(tmp_path: Path, proofs: list[ProofRecord]) -> None:
    with Journal.open(tmp_path / "a.s3run", plan_digest=DIGEST, now_ms=1) as journal:
        done = BatchRecord(1, 1, 1, is_open=False, actions=4, done=b"\x03")
        journal.write(batches=[done], proofs=proofs)
        with pytest.raises(JournalRefused, match=r"not those of the plan|what no journal does"):
            load_states([batch_of(4, 1)], journal)


def test_what_is_proved_is_counted_by_what_and_comes_back_from_the_journal(tmp_path: Path) -> None:
    state = BatchState(batch_of(4))
    state.mark(0, OutcomeKind.DONE, evidence="MD5")
    state.mark(1, OutcomeKind.DONE, evidence="of another executor's making")
    state.mark(2, OutcomeKind.ALREADY_DONE, evidence="by size and time")
    state.mark(3, OutcomeKind.UNKNOWN)
    state.mark(3, OutcomeKind.DONE, evidence="CRC64NVME")
    assert state.todo() == []
    assert +state.verified() == {"MD5": 1, "CRC64NVME": 1, "not comparable": 2}
    with Journal.open(tmp_path / "a.s3run", plan_digest=DIGEST, now_ms=1) as journal:
        journal.write(batches=[state.record()], proofs=state.new_proofs())
        (loaded,) = load_states([state.batch], journal).values()
    assert +loaded.verified() == {"MD5": 1, "CRC64NVME": 1, "not comparable": 1}
    assert loaded.todo() == [2]
