"""What executors report, folded into ledger and journal: each end once, each class of failure in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.scheduled import DIGEST, FakeClock, PlanInPhases
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.recorder import Recorder
from s3plan.executors.pace.outages import Outages
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.bookkeeping import TOLD, Bookkeeper
from s3plan.executors.run.progress_report import ProgressReporter
from s3plan.executors.run.retries import RetryPolicy
from s3plan.schemas.bitmaps import full_bitmap
from s3plan.schemas.events import ActionEnded, Event, Warned
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind, PartDone, Progress, Remark, UploadBegun, UploadEnded
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.tasks import BatchProgress, BatchTask, KnownUpload, TaskSettings
from unit.planfile.plan_samples import DESTINATION, SOURCE

THROTTLED = Outcome(0, OutcomeKind.UNKNOWN, "503", failure=FailureKind.THROTTLED)


class Desk:
    """A bookkeeper at work on a plan of one batch with three copies."""

    def __init__(self, journal: Journal, *, told: frozenset[OutcomeKind] = TOLD) -> None:
        self.plan = PlanInPhases(copies=[["a", "b", "c\x1b"]])
        self.clock = FakeClock()
        self.journal = journal
        self.recorder = Recorder(journal, clock=self.clock)
        self.control = RunControl(in_flight=1, clock=self.clock)
        self.state = BatchState(self.plan.batches[0])
        self.events: list[Event] = []
        reporter = ProgressReporter(
            actions=3,
            size_bytes=30,
            settled=Counter(),
            settled_bytes=0,
            control=self.control,
            on_event=self.events.append,
            clock=self.clock,
        )
        self.books = Bookkeeper(
            {1: self.state},
            recorder=self.recorder,
            control=self.control,
            retry=RetryPolicy(attempts=3, random=lambda: 0.5),
            outages=Outages({place_of(end): lambda _: None for end in (SOURCE, DESTINATION)}, clock=self.clock),
            reporter=reporter,
            on_event=self.events.append,
            now_ms=self.clock.now_ms,
            told=told,
        )

    def begin(self, positions: Sequence[int] = (0, 1, 2)) -> None:
        self.state.generation += 1
        self.state.is_open = True
        task = BatchTask(
            1,
            self.state.generation,
            self.plan.actions(self.state.batch),
            b"",
            full_bitmap(3),
            b"\x00",
            (),
            SOURCE,
            DESTINATION,
            TaskSettings(dict.fromkeys(Condition, Enforcement.ENFORCED), 1 << 30, None, None),
            1,
        )
        self.books.begin(self.state, task, list(positions))

    def take(
        self, *items: Progress, final: bool = False, error: str | None = None, generation: int | None = None
    ) -> bool:
        return self.books.take(BatchProgress(1, generation or self.state.generation, items, final=final, error=error))

    def attempt(self, *items: Progress, error: str | None = None) -> tuple[float, list[int]] | None:
        self.begin(self.state.todo())
        self.take(*items, final=True, error=error)
        return self.books.end(self.state)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Journal.open(tmp_path / "job.s3run", plan_digest=DIGEST, now_ms=1) as journal:
        yield Desk(journal)


def done(*positions: int) -> list[Outcome]:
    return [Outcome(position, OutcomeKind.DONE) for position in positions]


def test_a_batch_that_is_done_has_no_outcome_rows_and_no_retry(desk: Desk) -> None:
    assert desk.attempt(*done(0, 1, 2)) is None
    desk.recorder.flush()
    (record,) = desk.journal.batches()
    assert (record.done, record.is_open) == (b"\x07", False)
    assert list(desk.journal.outcomes()) == []
    assert desk.events == []


def test_what_an_earlier_attempt_may_have_begun_stays_doubtful_until_an_attempt_comes_to_it(desk: Desk) -> None:
    desk.begin()
    desk.books._attempts[1].task = replace(desk.books._attempts[1].task, doubtful=b"\x06")
    desk.take(*done(0, 1), final=True)  # the run was stopped before it came to the third
    assert desk.books.end(desk.state) is None
    desk.recorder.flush()
    (record,) = desk.journal.batches()
    assert record.is_open
    assert desk.state.doubtful([2]) == b"\x04"
    assert desk.state.counts()[OutcomeKind.UNKNOWN] == 0


def test_what_no_attempt_came_to_is_not_doubtful(desk: Desk) -> None:
    desk.attempt(*done(0))
    assert not desk.state.is_open
    assert desk.state.doubtful([1, 2]) == b"\x00"


def test_nothing_is_kept_of_actions_that_ended_after_a_retry(desk: Desk) -> None:
    """A store that throttles may have every action of a large plan tried again."""
    again = [THROTTLED._replace(position=position) for position in range(3)]
    desk.attempt(*again)
    desk.attempt(*again)
    assert len(desk.books._tries) == 3
    failed = Outcome(1, OutcomeKind.FAILED, "no", failure=FailureKind.INVALID)
    desk.attempt(*done(0), failed, Outcome(2, OutcomeKind.STALE, "moved"))
    assert not desk.books._tries
    desk.recorder.flush()
    assert [(record.position, record.attempts) for record in desk.journal.outcomes()] == [(1, 2), (2, 2)]


def test_nothing_is_kept_of_actions_that_are_out_of_tries(desk: Desk) -> None:
    transient = Outcome(0, OutcomeKind.UNKNOWN, "500", failure=FailureKind.TRANSIENT)
    for _ in range(3):
        desk.attempt(transient)
    assert desk.state.end_of(0) is OutcomeKind.FAILED
    assert not desk.books._tries


def test_a_report_of_another_generation_or_of_no_attempt_is_not_taken(desk: Desk) -> None:
    assert not desk.take(*done(0), generation=1)
    desk.begin()
    assert not desk.take(*done(0), generation=7)
    assert not desk.books.take(BatchProgress(99, 1, done(0), final=True))
    assert desk.take(*done(1), final=True)
    desk.books.end(desk.state)
    assert not desk.take(*done(2), final=True)
    assert [desk.state.end_of(position) for position in range(3)] == [None, OutcomeKind.DONE, None]


def test_an_outcome_for_what_was_not_asked_is_ignored(desk: Desk) -> None:
    desk.begin([1])
    desk.take(*done(0, 1, 2))
    assert [desk.state.end_of(position) for position in range(3)] == [None, OutcomeKind.DONE, None]


def test_what_failed_or_is_stale_is_told_once_and_what_is_tried_again_is_not(desk: Desk) -> None:
    stale, failed = Outcome(1, OutcomeKind.STALE, "source gone"), Outcome(2, OutcomeKind.FAILED, "no")
    desk.attempt(THROTTLED, stale, failed)
    told = [(event.key, event.outcome, event.reason) for event in desk.events if isinstance(event, ActionEnded)]
    assert told == [(b"b", OutcomeKind.STALE, "source gone"), (b"c\x1b", OutcomeKind.FAILED, "no")]


def test_who_asks_for_every_action_is_told_of_each_once_it_has_ended(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "job.s3run", plan_digest=DIGEST, now_ms=1) as journal:
        desk = Desk(journal, told=frozenset(OutcomeKind))
        desk.attempt(THROTTLED, *done(1), error="it died")
        desk.attempt(Outcome(0, OutcomeKind.ALREADY_DONE, "", "by etag"), Outcome(2, OutcomeKind.UNKNOWN, "stopped"))
    told = [(event.key, event.outcome, event.size_bytes) for event in desk.events if isinstance(event, ActionEnded)]
    assert told == [
        (b"b", OutcomeKind.DONE, 10),
        (b"a", OutcomeKind.ALREADY_DONE, 10),
        (b"c\x1b", OutcomeKind.UNKNOWN, 10),
    ]


def test_only_what_may_pass_is_tried_again_with_the_longest_wait(desk: Desk) -> None:
    again = desk.attempt(
        THROTTLED,
        Outcome(1, OutcomeKind.UNKNOWN, "504", failure=FailureKind.TRANSIENT, retry_after_s=9.0),
        Outcome(2, OutcomeKind.UNKNOWN, "interrupted"),
    )
    assert again == (9.0, [0, 1])


def test_tries_are_counted_for_each_action_by_itself(desk: Desk) -> None:
    unclear = [Outcome(at, OutcomeKind.UNKNOWN, "500", failure=FailureKind.TRANSIENT) for at in range(3)]
    assert desk.attempt(unclear[0], *done(2)) is not None
    assert desk.attempt(unclear[0], unclear[1]) is not None
    again = desk.attempt(unclear[0], unclear[1])
    assert again is not None
    assert again[1] == [1], "the first one is out of tries"
    desk.recorder.flush()
    records = {record.position: record for record in desk.journal.outcomes()}
    assert (records[0].kind, records[0].attempts) == (OutcomeKind.FAILED, 3)
    assert (records[1].kind, records[1].attempts) == (OutcomeKind.UNKNOWN, 2)


def test_throttling_is_passed_on_to_the_pace(desk: Desk) -> None:
    assert not desk.control.is_throttled
    desk.attempt(THROTTLED)
    assert desk.control.is_throttled


@pytest.mark.parametrize(
    ("side", "location"), [(Side.SOURCE, SOURCE), (Side.DESTINATION, DESTINATION), (None, DESTINATION)]
)
def test_the_place_that_throttled_is_slowed_down_and_no_other(
    desk: Desk, side: Side | None, location: PlanLocation
) -> None:
    desk.attempt(THROTTLED._replace(side=side))
    assert desk.control.pace().at.keys() == {place_of(location)}


def test_uploads_and_parts_are_kept_until_they_end(desk: Desk) -> None:
    desk.begin()
    desk.take(UploadBegun(0, "u", 5), PartDone(0, "u", 2, "e"))
    desk.recorder.flush()
    assert desk.journal.uploads(1) == (KnownUpload(0, "u", 5, ((2, "e"),)),)
    desk.take(UploadEnded(0, "u"))
    desk.recorder.flush()
    assert desk.journal.uploads(1) == ()


def test_a_remark_is_a_warning_that_names_its_key(desk: Desk) -> None:
    desk.begin()
    desk.take(Remark(0, "an upload is left alone"))
    assert desk.events == [Warned("a: an upload is left alone")]


def test_a_worker_that_broke_leaves_what_it_told_and_the_rest_unknown(desk: Desk) -> None:
    again = desk.attempt(*done(0), error="segfault")
    assert again == (0.0, [1, 2])
    assert desk.state.end_of(0) is OutcomeKind.DONE
    assert desk.state.end_of(1) is OutcomeKind.UNKNOWN
    assert desk.attempt(*done(1, 2)) is None


def test_a_worker_that_broke_is_a_warning_that_names_its_batch_and_cause(desk: Desk) -> None:
    desk.attempt(*done(0), error="its process was killed by SIGKILL")
    cause = "a worker broke at batch 1: its process was killed by SIGKILL; what it was at is looked at again"
    assert desk.events == [Warned(cause)]


def test_the_third_death_blames_the_batch(desk: Desk) -> None:
    assert desk.attempt(*done(0), error="oom") is not None
    assert desk.attempt(error="oom") is not None
    assert desk.attempt(error="oom") is None
    assert [desk.state.end_of(position) for position in range(3)] == [OutcomeKind.DONE, *[OutcomeKind.FAILED] * 2]
    assert desk.books.failures == 2


def test_a_batch_that_moves_on_between_the_deaths_of_its_workers_is_not_blamed(desk: Desk) -> None:
    for position in (0, 1):
        assert desk.attempt(error="killed") is not None
        assert desk.attempt(*done(position), error="killed") is not None
    assert desk.attempt(*done(2)) is None
    assert [desk.state.end_of(position) for position in range(3)] == [OutcomeKind.DONE] * 3
    assert desk.books.failures == 0


def test_an_outcome_that_nobody_knows_is_no_move_on(desk: Desk) -> None:
    unknown = Outcome(0, OutcomeKind.UNKNOWN, "503", failure=FailureKind.TRANSIENT)
    for _ in range(2):
        assert desk.attempt(unknown, error="killed") is not None
    assert desk.attempt(error="killed") is None
    assert desk.books.failures == 3


@pytest.mark.parametrize(
    "kind", [FailureKind.CREDENTIALS_EXPIRED, FailureKind.CREDENTIALS_REFUSED, FailureKind.CLOCK_SKEWED]
)
def test_refused_credentials_end_the_run_once(desk: Desk, kind: FailureKind) -> None:
    refused = [Outcome(position, OutcomeKind.UNKNOWN, "no", failure=kind) for position in range(3)]
    assert desk.attempt(*refused) is None
    assert desk.books.stop_reason == "credentials"
    assert len(desk.books.messages) == 1
