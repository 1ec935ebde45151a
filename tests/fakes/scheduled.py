"""A plan in memory, a performer by script, a clock that only moves when told: runs of the scheduler without a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState, load_states
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.run.assembly import RunOrder, assemble_run
from s3plan.executors.run.retries import RetryPolicy
from s3plan.executors.run.surroundings import RunSurroundings
from s3plan.planfile.graph import graph_of_jobs
from s3plan.planfile.removals import removal_batch
from s3plan.schemas.bitmaps import is_in, numbers_in
from s3plan.schemas.errors import PlanDamaged
from s3plan.schemas.events import ActionEnded, Event
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import PlanHeader, TotalRecord
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import Batch, Phase, PhaseName, PlanLocation
from s3plan.schemas.ports import Control
from s3plan.schemas.run_states import RunEnd, RunLimits, RunState, StopLevel, Wish
from s3plan.schemas.tasks import BatchProgress, BatchTask, TaskSettings
from unit.planfile.plan_samples import DESTINATION, SOURCE, header

DIGEST = "d" * 64
PHASES = {
    1: Phase(1, "job", PhaseName.PREPARE),
    2: Phase(2, "job", PhaseName.COPY),
    3: Phase(3, "job", PhaseName.DELETE),
    4: Phase(4, "job", PhaseName.ASIDE),
}
REMOVING = {**PHASES, 5: Phase(5, "job", PhaseName.REMOVE)}


class FakeClock:
    """Seconds; it moves only by `advance`."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds

    def now_ms(self) -> int:
        return int(self.now_s * 1000)


class PlanInPhases:
    """A PlanView: batches of copies, of deletes, and set aside, each given by its keys.

    With `moves` each batch of copies has one that removes: what it does about `a` has the key `-a`.
    """

    def __init__(
        self,
        *,
        copies: Sequence[Sequence[str]] = (),
        deletes: Sequence[Sequence[str]] = (),
        aside: Sequence[Sequence[str]] = (),
        delete_when: str | None = None,
        conflicts: int = 0,
        archived: int = 0,
        source: PlanLocation = SOURCE,
        moves: bool = False,
    ) -> None:
        self._source = source
        self.phases_by_id: dict[int, Phase] = dict(REMOVING if moves else PHASES)
        self.broken: set[int] = set()  # batches whose actions are not as sealed
        self._actions: dict[int, list[Action]] = {}
        found: list[Batch] = []
        kinds = ((2, ActionKind.COPY, copies), (3, ActionKind.DELETE, deletes), (4, ActionKind.SKIP, aside))
        for phase, kind, batches in kinds:
            for keys in batches:
                number = len(found) + 1
                self._actions[number] = [Action(kind, key.encode(), 10, "planned") for key in keys]
                from_location = 1 if kind is ActionKind.COPY else None
                found.append(Batch(number, phase, from_location, 2, 1, len(keys), 10 * len(keys), b""))
        for copied in [batch for batch in found if batch.phase == 2 and moves]:
            number = len(found) + 1
            found.append(removal_batch(copied, id_=number, phase=5))
            bare = [action.key for action in self._actions[copied.id]]
            self._actions[number] = [Action(ActionKind.REMOVE, b"-" + key, 10, "planned") for key in bare]
        self.batches: tuple[Batch, ...] = tuple(found)
        found_totals = [
            TotalRecord(kind=VerdictKind.CONFLICT, rule="key too long", objects=conflicts, bytes=0),
            TotalRecord(kind=VerdictKind.SKIPPED, rule="archived: GLACIER", objects=archived, bytes=0),
        ]
        self.header: PlanHeader = header(
            actions=sum(batch.actions for batch in found),
            size_bytes=0,
            job="job",
            totals=[total for total in found_totals if total.objects],
            delete_when=delete_when,
        )
        self.graph = graph_of_jobs(self.header.jobs, self.phases_by_id.values())

    @property
    def digest(self) -> str:
        return DIGEST

    def source(self, batch: Batch) -> PlanLocation | None:
        return None if batch.from_location is None else self._source

    def destination(self, batch: Batch) -> PlanLocation | None:
        return DESTINATION if batch.of_batch is None else self._source

    def actions(self, batch: Batch) -> Sequence[Action]:
        if batch.id in self.broken:
            raise PlanDamaged("its actions are not the ones that were planned")
        return self._actions[batch.id]


@dataclass(frozen=True, slots=True)
class Performed:
    """One attempt at a batch, as the performer saw it."""

    batch: int
    generation: int
    keys: list[str]
    doubtful: list[str]
    begun_at_ms: int
    doubtful_since_ms: Mapping[int, int]


@dataclass(slots=True)
class ScriptedPerformer:
    """Ends each key as its script says, an entry for each try, the last again and again; `done` without a script."""

    script: Mapping[str, Sequence[Outcome | Exception]] = field(default_factory=dict)
    extras: Callable[[BatchTask, int], Sequence[Progress]] = lambda task, position: ()
    attempts: list[Performed] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        todo = list(numbers_in(task.todo))
        keys = {position: task.actions[position].key.decode() for position in todo}
        doubtful = [keys[position] for position in todo if is_in(position, task.doubtful)]
        begun_at_ms, since_ms = task.begun_at_ms, task.doubtful_since_ms
        performed = Performed(task.batch_id, task.generation, list(keys.values()), doubtful, begun_at_ms, since_ms)
        self.attempts.append(performed)
        for position, key in keys.items():
            if control.stopping or control.holds(task.places):
                return
            yield from self.extras(task, position)
            yield self._end(position, key)

    def _end(self, position: int, key: str) -> Outcome:
        steps = self.script.get(key, ())
        step = steps[min(self.tries[key], len(steps) - 1)] if steps else Outcome(position, OutcomeKind.DONE)
        self.tries[key] += 1
        if isinstance(step, Exception):
            raise step
        self.ended.append(key)
        return step._replace(position=position)

    @property
    def keys(self) -> list[str]:
        """All keys that were handed over, attempt by attempt."""
        return [key for attempt in self.attempts for key in attempt.keys]


class StepExecutor:
    """Performs one batch in each wait, whole; without any, a wait moves the clock. `before_wait` may do anything."""

    def __init__(self, performer: ScriptedPerformer, control: RunControl, clock: FakeClock, *, slots: int) -> None:
        self._performer = performer
        self._control = control
        self._clock = clock
        self._slots = slots
        self.running: list[BatchTask] = []
        self.before_wait: Callable[[], Sequence[BatchProgress]] = lambda: ()
        self.stops = 0

    @property
    def free_slots(self) -> int:
        return self._slots - len(self.running)

    def start(self, task: BatchTask) -> None:
        assert self.free_slots > 0
        assert task.batch_id not in {running.batch_id for running in self.running}
        self.running.append(task)

    def wait(self, timeout_s: float | None = None) -> Sequence[BatchProgress]:
        news = list(self.before_wait())
        if not self.running:
            self._clock.advance(timeout_s or 0.0)
            return news
        self._clock.advance(0.001)
        task = self.running.pop(0)
        items: list[Progress] = []
        error: str | None = None
        try:
            items.extend(self._performer.perform(task, self._control))
        except Exception as broken:  # noqa: BLE001  told, as every executor tells it
            error = str(broken)
        return [*news, BatchProgress(task.batch_id, task.generation, items, final=True, error=error)]

    def stop(self, *, grace_s: float) -> Sequence[BatchProgress]:
        self.stops += 1
        news: list[BatchProgress] = []
        while self.running:
            news.extend(self.wait(grace_s))
        return news


class RunWorld:
    """One plan and its journal on disk; each `run` is a new process as far as the scheduler can tell."""

    def __init__(self, folder: Path, plan: PlanInPhases, performer: ScriptedPerformer | None = None) -> None:
        self.plan = plan
        self.performer = performer or ScriptedPerformer()
        self.path = folder / "job.s3run"
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.states: dict[int, BatchState] = {}
        self.control = RunControl(in_flight=8, clock=self.clock)
        self.executor: StepExecutor | None = None
        self.stop_level = StopLevel.NONE
        self.check_lock: Callable[[], None] = lambda: None
        self.wish = Wish.GO_ON
        self.answers_probes = True
        self.down: set[Place] = set()  # as their probes find
        self.places = {
            place_of(end) for batch in plan.batches for end in (plan.source(batch), plan.destination(batch)) if end
        }
        self.offsets_ms: dict[int, int] = {}  # of the clocks of locations
        self.probes_at_s: list[float] = []
        self.told_states: list[RunState] = []
        self.delays: list[float] = []

    def open_journal(self) -> Journal:
        return Journal.open(self.path, plan_digest=DIGEST, now_ms=self.clock.now_ms())

    def run(
        self,
        *,
        retries: int = 3,
        limit: int | None = None,
        max_failures: int | None = None,
        duration_s: float | None = None,
        slots: int = 2,
        prepare: Callable[[RunWorld, StepExecutor], None] = lambda world, executor: None,
    ) -> RunEnd:
        with self.open_journal() as journal:
            performed = [batch for batch in self.plan.batches if batch.phase != 4]
            self.states = load_states(performed, journal)
            for state in self.states.values():
                state.reopen()
            self.control = RunControl(in_flight=8, clock=self.clock)
            self.executor = StepExecutor(self.performer, self.control, self.clock, slots=slots)
            order = RunOrder(
                plan=self.plan,
                states=self.states,
                journal=journal,
                executor=self.executor,
                control=self.control,
                retry=RetryPolicy(attempts=retries + 1, random=lambda: 0.5),
                limits=RunLimits(max_failures=max_failures, actions=limit, duration_s=duration_s),
                settings_of=lambda _: TaskSettings(dict.fromkeys(Condition, Enforcement.ENFORCED), 1 << 30, None, None),
                probes={place: partial(self._probe, place) for place in self.places},
            )
            surroundings = RunSurroundings(
                stop_level=lambda: self.stop_level,
                wish=lambda: self.wish,
                check_lock=self.check_lock,
                tell_state=self.told_states.append,
                on_event=self.events.append,
                clock=self.clock,
                now_ms=self.clock.now_ms,
                store_now_ms=lambda location: self.clock.now_ms() + self.offsets_ms.get(location.id, 0),
            )
            scheduler = assemble_run(order, surroundings)
            prepare(self, self.executor)
            return scheduler.run()

    def _probe(self, place: Place, tell: Callable[[bool], None]) -> None:
        self.probes_at_s.append(self.clock())
        tell(self.answers_probes and place not in self.down)

    def journaled(self) -> dict[str, OutcomeKind | None]:
        """How each action stands by what a new process would read."""
        with self.open_journal() as journal:
            states = load_states([batch for batch in self.plan.batches if batch.phase != 4], journal)
        return {
            action.key.decode(): OutcomeKind.SKIPPED if state.withheld else state.end_of(position)
            for state in states.values()
            for position, action in enumerate(self.plan.actions(state.batch))
        }

    def outcomes(self) -> list[OutcomeRecord]:
        with self.open_journal() as journal:
            return list(journal.outcomes())

    @property
    def told(self) -> list[tuple[str, OutcomeKind]]:
        return [(event.key.decode(), event.outcome) for event in self.events if isinstance(event, ActionEnded)]
