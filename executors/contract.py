"""What every executor does, wherever it runs its batches: tests for your executor, and for ours.

    class TestMyExecutor(ExecutorContract):
        traits = TRAITS

        def open(self, context):
            return open_executor(context)

Needs pytest. The performers pickle, so that executors may send them to other processes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from threading import Timer
from typing import ClassVar

import pytest
from s3plan.executors.contract_batches import (
    ELSEWHERE,
    HERE,
    PATIENCE_S,
    all_news,
    context_of,
    free_control,
    items_of,
    task_of,
)
from s3plan.executors.contract_performers import (
    EVERY_SORT,
    Breaks,
    BreaksAtOnce,
    CountsBatches,
    DoesAll,
    HangsUntilAbandoned,
    Opens,
    Refuses,
    SaysWhen,
    SaysWhere,
    TakesItsTime,
    TellsEverything,
    TellsItsWaits,
)
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.executor_traits import ExecutorTraits
from s3plan.executors.lease import Lease, lease_clock_s
from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.outcomes import Outcome, OutcomeKind
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.ports import Executor, Performer
from s3plan.schemas.tasks import BatchProgress


class ExecutorContract:
    """Subclass it, name the class Test..., and say how to open your executor, with two workers at the least."""

    traits: ClassVar[ExecutorTraits] = ExecutorTraits()
    """What the executor says of itself; held against what it does."""

    interrupts_waits: ClassVar[bool] = True
    """False if `wait` and `stop` are held up by a batch that tells nothing, as in an executor without concurrency."""

    def open(self, context: ExecutorContext) -> AbstractContextManager[Executor]:
        """Return what your entry point returns; it is left when the test has ended."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _contexts_are_left(self) -> Iterator[None]:
        with ExitStack() as self._contexts:
            yield

    def open_executor(self, performer: Performer, control: RunControl) -> Executor:
        """Return an executor with free slots whose batches `performer` performs under `control`."""
        return self._contexts.enter_context(self.open(context_of(performer, control)))

    def test_every_outcome_is_handed_over_exactly_once_with_its_batch_and_generation(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        executor.start(task_of(5_000, batch=7, generation=3))
        news = all_news(executor)
        assert {(progress.batch_id, progress.generation) for progress in news} == {(7, 3)}
        told = Counter(item for progress in news for item in progress.items)
        stale = {Outcome(position, OutcomeKind.STALE, "moved") for position in range(2, 5_000, 10)}
        done = {Outcome(position, OutcomeKind.DONE) for position in range(5_000) if position % 10 != 2}
        assert told == Counter(stale | done)

    def test_the_final_report_comes_exactly_once_and_last(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        for generation in (1, 2, 3):
            executor.start(task_of(700, generation=generation))
            news = all_news(executor)
            assert [progress.final for progress in news] == [False] * (len(news) - 1) + [True]
            assert [progress.error for progress in news] == [None] * len(news)
        assert list(executor.wait(0.05)) == []

    def test_only_what_is_to_do_is_handed_to_the_performer(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        executor.start(task_of(16, todo=b"\x21\x80"))
        assert [item.position for item in items_of(all_news(executor))] == [0, 5, 15]

    def test_batches_are_performed_where_the_executor_says(self) -> None:
        here, elsewhere = SaysWhere("given"), SaysWhere("opened")
        executor = self._contexts.enter_context(
            self.open(context_of(here, free_control(), open_performer=Opens(elsewhere)))
        )
        executor.start(task_of(1))
        (outcome,) = (item for item in items_of(all_news(executor)) if isinstance(item, Outcome))
        performer, process = outcome.evidence.split()
        is_here = process == str(os.getpid())
        if self.traits.shares_memory:
            assert (performer, is_here) == ("given", True)
        if self.traits.has_processes:
            assert (performer, is_here) == ("opened", False)
        assert is_here or performer == "opened", "what was opened here is of no use elsewhere"

    def test_no_more_batches_are_taken_than_the_executor_says_is_of_use(self) -> None:
        most = self.traits.most_workers
        executor = self._contexts.enter_context(self.open(context_of(DoesAll(), free_control(), workers=3)))
        assert most is None or executor.free_slots <= most

    def test_what_is_told_arrives_unchanged_and_in_order(self) -> None:
        executor = self.open_executor(TellsEverything(), free_control())
        executor.start(task_of(2))
        assert items_of(all_news(executor)) == list(EVERY_SORT)

    def test_a_batch_with_nothing_to_tell_still_ends(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        executor.start(task_of(8, todo=b"\x00"))
        (progress,) = all_news(executor)
        assert (progress.final, list(progress.items), progress.error) == (True, [], None)

    def test_slots_are_taken_by_a_start_and_free_again_after_the_final_report(self) -> None:
        executor = self.open_executor(TakesItsTime(), free_control())
        slots = executor.free_slots
        assert slots > 0
        for batch in range(slots):
            executor.start(task_of(4, batch=batch + 1))
            assert executor.free_slots == slots - batch - 1
        finals: list[int] = []
        while len(finals) < slots:
            finals += [progress.batch_id for progress in executor.wait(PATIENCE_S) if progress.final]
            assert executor.free_slots == len(finals)
        assert sorted(finals) == list(range(1, slots + 1))

    def test_waiting_for_nothing_returns_nothing_in_time(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        began_s = time.monotonic()
        assert list(executor.wait(0.2)) == []
        assert 0.15 <= time.monotonic() - began_s < 2, "either it spins, or it sleeps too long"
        assert list(executor.wait(0.0)) == []

    def test_what_is_known_is_told_while_the_batch_goes_on(self) -> None:
        control = free_control()
        executor = self.open_executor(TakesItsTime(0.01), control)
        executor.start(task_of(1_000))
        began_s = time.monotonic()
        news: list[BatchProgress] = []
        while not items_of(news):
            news += executor.wait(1.0)
            assert time.monotonic() - began_s < PATIENCE_S
        assert not any(progress.final for progress in news)
        assert time.monotonic() - began_s < 3, "at least once a second"
        control.stop()
        assert all_news(executor)[-1].final

    def test_a_performer_that_breaks_is_an_error_of_its_batch_and_not_of_the_executor(self) -> None:
        executor = self.open_executor(Breaks(after=3), free_control())
        slots = executor.free_slots
        for batch in (1, 2):
            executor.start(task_of(10, batch=batch))
            news = all_news(executor)
            assert [item.position for item in items_of(news)] == [0, 1, 2]
            assert [progress.final for progress in news][-1]
            assert "broken on purpose" in (news[-1].error or "")
            assert executor.free_slots == slots

    def test_a_performer_that_breaks_before_its_first_item_is_an_error_too(self) -> None:
        executor = self.open_executor(BreaksAtOnce(), free_control())
        executor.start(task_of(10))
        (progress,) = all_news(executor)
        assert progress.final
        assert "broken on purpose" in (progress.error or "")

    def test_a_performer_that_may_not_perform_the_plan_ends_the_run_with_its_own_words(self) -> None:
        executor = self.open_executor(Refuses(), free_control())
        executor.start(task_of(10))
        with pytest.raises(PlanRefused, match="it leads elsewhere"):
            all_news(executor)

    def test_a_worker_that_leads_elsewhere_performs_nothing_and_ends_the_run_with_its_own_words(self) -> None:
        """It finds out when it opens its performer; an executor without workers of its own has the performer here."""
        here = CountsBatches()
        context = context_of(here, free_control(), open_performer=Refuses())
        said, ended = "", 0
        try:
            executor = self._contexts.enter_context(self.open(context))
            executor.start(task_of(10))
            ended = len(items_of(all_news(executor)))
        except PlanRefused as refusal:
            said = str(refusal)
        assert "it leads elsewhere" in said or (here.batches, ended) == (1, 10)
        assert here.batches == (0 if said else 1)

    def test_a_stop_drains_what_was_begun_and_begins_no_more(self) -> None:
        control = free_control()
        executor = self.open_executor(TakesItsTime(), control)
        executor.start(task_of(2_000))
        news = list(executor.wait(0.1))
        control.stop()
        news += executor.stop(grace_s=PATIENCE_S)
        assert [progress.final for progress in news].count(True) == 1
        assert news[-1].final
        positions = [item.position for item in items_of(news)]
        assert positions == list(range(len(positions)))
        assert len(positions) < 2_000
        assert {item.kind for item in items_of(news) if isinstance(item, Outcome)} <= {OutcomeKind.DONE}

    def test_a_batch_that_is_abandoned_tells_the_rest_as_unknown(self) -> None:
        control = free_control()
        executor = self.open_executor(TakesItsTime(), control)
        executor.start(task_of(400))
        news = list(executor.wait(0.05))
        control.abandon()
        news += executor.stop(grace_s=PATIENCE_S)
        assert news[-1].final
        outcomes = [item for item in items_of(news) if isinstance(item, Outcome)]
        assert [outcome.position for outcome in outcomes] == list(range(400))
        assert outcomes[-1].kind is OutcomeKind.UNKNOWN

    def test_once_the_lease_of_a_run_is_up_no_action_is_taken_even_if_the_executor_itself_stands_still(self) -> None:
        """Its process was stopped, or the machine slept: somebody else may apply the plan by now."""
        lease = Lease(lease_clock_s() + 1.0)
        executor = self.open_executor(SaysWhen(), RunControl(in_flight=8, lease=lease))
        executor.start(task_of(4_000))
        news: list[BatchProgress] = []
        while not items_of(news):
            lease.until_s = lease_clock_s() + 1.0
            news += executor.wait(0.2)
        time.sleep(1.5)
        lease.is_lost = True
        news += executor.stop(grace_s=PATIENCE_S)
        outcomes = [item for item in items_of(news) if isinstance(item, Outcome)]
        begun_s = [float(outcome.evidence) for outcome in outcomes if outcome.evidence]
        assert begun_s
        assert max(begun_s) < lease.until_s + 0.5, "news of the lease may take that long"

    def test_a_run_that_still_has_its_plan_after_a_doubt_goes_on_where_it_was(self) -> None:
        if not self.interrupts_waits:
            pytest.skip("this executor is held up by a batch that waits")
        lease = Lease(lease_clock_s() + PATIENCE_S)
        executor = self.open_executor(SaysWhen(0.002), RunControl(in_flight=8, lease=lease))
        executor.start(task_of(200))
        lease.until_s = 0.0
        news = list(executor.wait(0.2))
        lease.until_s = lease_clock_s() + PATIENCE_S
        news += all_news(executor)
        kinds = [(item.position, item.kind) for item in items_of(news) if isinstance(item, Outcome)]
        assert kinds == [(position, OutcomeKind.ALREADY_DONE) for position in range(200)]

    def test_a_place_that_throttles_slows_down_only_the_requests_that_go_there(self) -> None:
        control = RunControl(in_flight=8, clock=lambda: 0.0)  # no second is quiet, so the rate stays where it fell to
        control.slow_down(place_of(ELSEWHERE))
        assert control.pace().rate_at(place_of(ELSEWHERE)) == 1.0
        executor = self.open_executor(TellsItsWaits(), control)
        executor.start(task_of(3, source=ELSEWHERE))
        told = [item.evidence.split() for item in items_of(all_news(executor)) if isinstance(item, Outcome)]
        assert [round(float(there)) for there, _ in told] == [0, 1, 2]
        assert [float(here) for _, here in told] == [0.0, 0.0, 0.0]
        assert control.requests_at() == {place_of(ELSEWHERE): 3, place_of(HERE): 3}

    def test_a_place_that_is_held_stops_what_asks_it_and_nothing_else(self) -> None:
        control = free_control()
        executor = self.open_executor(TakesItsTime(), control)
        executor.start(task_of(2_000, source=ELSEWHERE))
        news = list(executor.wait(0.1))
        control.hold(frozenset({place_of(ELSEWHERE)}))
        while not (news and news[-1].final):
            news += executor.wait(1.0)
        positions = [item.position for item in items_of(news)]
        assert positions == list(range(len(positions)))
        assert len(positions) < 2_000
        executor.start(task_of(20, batch=2))
        assert len(items_of(all_news(executor))) == 20
        control.hold(frozenset())
        executor.start(task_of(20, generation=2, source=ELSEWHERE))
        assert len(items_of(all_news(executor))) == 20

    def test_a_stop_with_nothing_running_returns_at_once(self) -> None:
        executor = self.open_executor(DoesAll(), free_control())
        began_s = time.monotonic()
        assert list(executor.stop(grace_s=PATIENCE_S)) == []
        assert time.monotonic() - began_s < 5

    def test_the_grace_of_a_stop_is_kept_even_if_a_batch_hangs(self) -> None:
        if not self.interrupts_waits:
            pytest.skip("this executor cannot leave a batch that hangs")
        control = free_control()
        executor = self.open_executor(HangsUntilAbandoned(), control)
        executor.start(task_of(2))
        control.stop()
        began_s = time.monotonic()
        news = list(executor.stop(grace_s=0.3))
        assert time.monotonic() - began_s < 5
        assert not any(progress.final for progress in news)
        control.abandon()
        news += executor.stop(grace_s=PATIENCE_S)
        assert news[-1].final
        kinds = [item.kind for item in items_of(news) if isinstance(item, Outcome)]
        assert kinds == [OutcomeKind.DONE, OutcomeKind.UNKNOWN]

    def test_what_was_told_before_a_batch_went_quiet_is_handed_over(self) -> None:
        if not self.interrupts_waits:
            pytest.skip("this executor takes no news while a batch is quiet")
        control = free_control()
        executor = self.open_executor(HangsUntilAbandoned(), control)
        executor.start(task_of(2))
        began_s = time.monotonic()
        news: list[BatchProgress] = []
        while not items_of(news) and time.monotonic() - began_s < PATIENCE_S:
            news += executor.wait(0.2)
        assert items_of(news) == [Outcome(0, OutcomeKind.DONE)]
        assert time.monotonic() - began_s < 3, "at least once a second"
        control.abandon()
        assert all_news(executor)[-1].final

    def test_an_abandonment_ends_a_wait_without_a_timeout(self) -> None:
        if not self.interrupts_waits:
            pytest.skip("this executor is held up by a batch that hangs")
        control = free_control()
        executor = self.open_executor(HangsUntilAbandoned(), control)
        executor.start(task_of(2))
        timer = Timer(0.2, control.abandon)
        timer.start()
        news: list[BatchProgress] = []
        while not any(progress.final for progress in news):
            news += executor.wait()
        timer.join()
        assert len(items_of(news)) == 2
