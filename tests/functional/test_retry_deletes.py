"""Deletes that `s3plan retry` takes up: they run only if every copy of the first plan is known to be as planned."""

from __future__ import annotations

from pathlib import Path

import pytest
import s3plan
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace
from s3plan.app.plans.retrying import make_retry_plan
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.lock import JournalLock
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.planfile.reader import open_plan
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.rows import PhaseName

RETRY = ".s3plan/job.retry-1.s3plan"
ALL = {"max_delete": "100%"}


def planned(place: Workplace, *sources: str, **sections: object) -> None:
    """A mirror of these keys, where the destination has one object too many."""
    place.seed("source", *sources, size_bytes=10)
    place.seed("destination", "extra", size_bytes=5)
    place.manifest(guards=ALL, **{**MIRROR, **sections})
    place.plan(probe=True)


def archive(place: Workplace, key: str) -> None:
    place.s3.copy_object(Bucket="source", Key=key, CopySource={"Bucket": "source", "Key": key}, StorageClass="GLACIER")


def retried(plan: Path) -> Path:
    made = make_retry_plan(plan)
    assert made is not None
    return made.path


def withheld(plan: Path) -> str:
    """Apply a plan whose deletes are held back; why they are."""
    report = s3plan.apply(plan)
    assert report.exit_code == 3, report
    return "".join(message for message in report.messages if "withheld" in message)


def ends_well(plan: Path) -> bool:
    return s3plan.apply(plan).exit_code == 0


@BY_BOTH_ENGINES
def test_a_conflict_holds_the_deletes_back_in_a_retry_too(place: Workplace) -> None:
    planned(place, "a", "k" * 1_020, destination="s3://destination/below/")
    place.seed("destination", "below/extra", size_bytes=5)
    place.plan(probe=True)
    assert "1 source object could not be planned" in withheld(place.plan_file)
    retry = retried(place.plan_file)
    assert "1 source object could not be planned" in withheld(retry)
    again = retried(retry)
    assert "1 source object could not be planned" in withheld(again)
    assert place.keys("destination") == {"below/a", "below/extra", "extra"}


@BY_BOTH_ENGINES
def test_a_copy_that_was_skipped_since_its_source_is_archived_holds_them_back(place: Workplace) -> None:
    planned(place, "a", "b")
    archive(place, "b")
    assert "the copy of b is" in withheld(place.plan_file)
    retry = retried(place.plan_file)
    with open_plan(retry) as plan:
        assert plan.header.warnings[-1].startswith("apply will withhold the deletes: 1 object (b)")
    assert "only be told by a new plan" in withheld(retry)
    again = retried(retry)  # of a retry: what that one knew is not forgotten
    assert "only be told by a new plan" in withheld(again)
    assert place.keys("destination") == {"a", "extra"}


def test_an_object_that_was_renamed_meanwhile_holds_them_back(place: Workplace) -> None:
    """What goes by another name now is at neither name of the destination: the old ones must not go first."""
    planned(place, "a", "b")
    place.s3.copy_object(Bucket="source", Key="c", CopySource={"Bucket": "source", "Key": "b"})
    place.s3.delete_object(Bucket="source", Key="b")
    withheld(place.plan_file)
    retry = retried(place.plan_file)
    assert "1 object (b)" in withheld(retry)
    assert "extra" in place.keys("destination")
    place.plan()
    assert ends_well(place.plan_file)
    assert place.keys("destination") == {"a", "c"}


def test_with_when_no_failures_one_that_is_gone_is_only_stale(place: Workplace) -> None:
    planned(place, "a", "b", "c", delete={"extraneous": True, "when": "no-failures"}, run={"max_failures": 0})
    place.s3.delete_object(Bucket="source", Key="b")
    record(place, {"a": OutcomeKind.FAILED, "b": OutcomeKind.STALE}, held="withheld: the copy of a is failed")
    retry = retried(place.plan_file)
    assert ends_well(retry)
    assert place.keys("destination") == {"a", "c"}


def test_copies_that_were_never_tried_are_taken_up_with_withheld_deletes_and_hold_back_new_ones(
    place: Workplace,
) -> None:
    planned(place, "a", "b", "c")
    record(place, {"a": OutcomeKind.STALE, "b": None}, held="withheld: the copy of a is stale")
    retry = retried(place.plan_file)
    assert ends_well(retry)
    assert place.keys("destination") == {"a", "b", "c"}


def test_of_a_plan_that_is_not_through_nothing_is_deleted(place: Workplace) -> None:
    """A key went from the source: it is extraneous now, but copies of the first plan were not tried yet."""
    place.seed("destination", "a", size_bytes=3)
    planned(place, "a", "b", "c", delete={"extraneous": True, "when": "no-failures"})
    place.s3.delete_object(Bucket="source", Key="a")
    record(place, {"a": OutcomeKind.STALE, "b": None}, held=None)
    retry = retried(place.plan_file)
    assert "had not been tried; apply that one" in withheld(retry)
    assert place.keys("destination") == {"a", "c", "extra"}


@pytest.mark.parametrize("kind", [OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN, OutcomeKind.FAILED, OutcomeKind.STALE])
def test_whatever_did_not_end_well_is_taken_up_before_the_deletes(place: Workplace, kind: OutcomeKind) -> None:
    planned(place, "a", "b")
    record(place, {"b": kind}, held="withheld: the copy of b is not done")
    place.seed("source", "b", size_bytes=11)
    retry = retried(place.plan_file)
    with open_plan(retry) as plan:
        assert [action.kind.value for _, action in plan.iter_actions()] == ["copy", "delete"]
    assert ends_well(retry)
    assert place.keys("destination") == {"a", "b"}


def test_the_guard_of_a_retry_of_a_retry_counts_the_whole_job(place: Workplace) -> None:
    place.seed("source", count=100, size_bytes=10)
    place.seed("destination", count=50, size_bytes=10)
    place.seed("destination", count=4, start=100, size_bytes=5)
    place.manifest(guards={"max_delete": "10%"}, **MIRROR)
    place.plan(probe=True)
    key = sorted(place.keys("source"))[70]
    place.seed("source", key, size_bytes=11)
    withheld(place.plan_file)
    retry = retried(place.plan_file)
    place.seed("source", key, size_bytes=12)
    withheld(retry)
    again = retried(retry)
    assert ends_well(again)
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_a_retry_whose_first_journal_is_lost_by_now_goes_on_by_what_its_plan_says(place: Workplace) -> None:
    planned(place, "a", "b")
    archive(place, "b")
    withheld(place.plan_file)
    retry = retried(place.plan_file)
    place.journal.unlink()
    place.plan_file.unlink()
    assert "only be told by a new plan" in withheld(retry)
    retry.with_suffix(".s3run").unlink()
    assert "only be told by a new plan" in withheld(retry)
    assert place.keys("destination") == {"a", "extra"}


def test_a_plan_is_not_retried_while_it_is_being_applied(place: Workplace) -> None:
    planned(place, "a", "b")
    place.seed("source", "b", size_bytes=11)
    withheld(place.plan_file)
    with open_plan(place.plan_file) as plan:
        digest = plan.digest
    with JournalLock(place.journal.with_name("job.s3run.lock"), plan_digest=digest, now_ms=1):
        ended = place.command.run("retry", place.plan_file)
    assert (ended.exit_code, ended.stdout) == (7, "")
    assert "is being applied; wait for its end, or end it with `s3plan cancel`" in ended.stderr
    assert not (place.folder / RETRY).exists()


def record(place: Workplace, ends: dict[str, OutcomeKind | None], *, held: str | None) -> None:
    """Do what the plan says of all copies but these, and write the journal of a run that ended so."""
    with open_plan(place.plan_file) as plan:
        names = {batch.id: plan.phases_by_id[batch.phase].name for batch in plan.batches}
        actions = {batch.id: plan.actions(batch) for batch in plan.batches}
        digest = plan.digest
    batches, outcomes = [], []
    for number, found in actions.items():
        done = bytearray((len(found) + 7) // 8)
        if names[number] is PhaseName.DELETE:
            if held is not None:
                batches.append(BatchRecord(number, 0, 0, False, len(found), bytes(done), held))
            continue
        for position, action in enumerate(found):
            key = action.key.decode()
            kind = ends.get(key, OutcomeKind.DONE)
            if kind is OutcomeKind.DONE:
                done[position >> 3] |= 1 << (position & 7)
                place.s3.copy_object(Bucket="destination", Key=key, CopySource={"Bucket": "source", "Key": key})
            elif kind is not None:
                failure = FailureKind.INVALID if kind is OutcomeKind.FAILED else None
                outcomes.append(OutcomeRecord(number, position, kind, "scripted", "", failure, 1, 1))
        batches.append(BatchRecord(number, 1, 1, False, len(found), bytes(done)))
    with Journal.open(place.journal, plan_digest=digest, now_ms=1) as journal:
        run = journal.begin_run(now_ms=1, host="h", pid=1, executor="threads", tool_version="0", engines=[])
        journal.write(batches=batches, outcomes=outcomes)
        journal.end_run(run, state="partial", reason=None, now_ms=2)
