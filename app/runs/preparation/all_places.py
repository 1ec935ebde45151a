"""The phase before the first change: all places of a plan, each by itself, so that a slow one holds up no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Lock
from time import monotonic

from s3plan.app.connections.accounts import check_accounts
from s3plan.app.runs.preparation.one_place import PlacePreparation, shown_store
from s3plan.app.runs.stopping import PreparationStopped, StopWatch
from s3plan.app.stores import Stores
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.plan.conditions import Capabilities
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.run_states import StopLevel
from s3plan.storage.daemon_executor import DaemonExecutor

_LOOK_EVERY_S = 0.1
_TELLS_AFTER_S = 5.0
_LETS_GO_AFTER_S = 30.0  # of places that do not answer, once other jobs could begin
_DRAIN_S = 30.0  # for removing what a probe made, before a run that is to end is left
_ENDS_WITHIN_S = 5.0
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is enforced where jobs write, by the locations' ids; and jobs that cannot begin in this run, with why."""

    capabilities: Mapping[int, Capabilities]
    held_jobs: Mapping[str, str] = field(default_factory=dict)
    sums_parts: frozenset[int] = frozenset()  # locations whose store holds parts against their checksums
    without_checksum: frozenset[str] = frozenset()  # jobs whose store keeps none as they ask for, and that may lose it


class _GivenUp(Exception):
    """This place is waited for no longer."""


@dataclass(slots=True)
class _Group:
    """The locations of one bucket while they are prepared."""

    locations: Sequence[PlanLocation]
    is_given_up: Event = field(default_factory=Event)
    found: dict[int, Capabilities] | None = None
    error: BaseException | None = None
    is_told: bool = False
    asked_s: float | None = None  # when its last request was sent

    def is_silent(self, now_s: float, *, for_s: float) -> bool:
        """Whether nothing has come of its last request for so long."""
        return self.is_open and self.asked_s is not None and now_s - self.asked_s >= for_s

    @property
    def is_open(self) -> bool:
        return self.found is None and self.error is None

    @property
    def is_out_of_order(self) -> bool:
        """Whether its store as such does not answer."""
        failure = self.error.failure if isinstance(self.error, StoreRefused) else None
        return failure is not None and failure.kind.is_of_endpoint

    def end_well(self, found: dict[int, Capabilities]) -> None:
        self.found = found

    def end_badly(self, error: BaseException) -> None:
        self.error = error

    def why(self) -> str:
        """Say why its jobs cannot begin."""
        return f"{shown_store(self.locations[0])} does not answer"


def prepare(
    plan: PlanReader, stores: Stores, *, is_first: bool, allow_checked: bool, on_event: OnEvent, watch: StopWatch
) -> Preparation:
    """Prepare all places as PlacePreparation says, those of different buckets at a time; `on_event` is called here.

    A place whose store does not answer keeps the jobs that need it from beginning, and no others; it is waited for as
    long as nothing else could begin. Raises PreparationStopped as `watch` has it, PlanRefused, CredentialsUnusable, and
    StoreRefused if no job is left that could begin.
    """
    stores.open_all(plan.locations)  # here: threads only look them up
    check_accounts(plan.header, plan.locations, stores)
    told: SimpleQueue[Callable[[], None]] = SimpleQueue()
    groups = _groups(plan)
    with DaemonExecutor(min(len(groups), _MOST_AT_ONCE), name="s3plan-prepare") as threads:
        common = PlacePreparation(
            plan,
            stores,
            is_first=is_first,
            allow_checked=allow_checked,
            on_event=lambda event: told.put(lambda: on_event(event)),
            patience=watch.patience(),
            reading=Lock(),
        )
        for group in groups:
            threads.submit(_prepare, group, common, told)
        waiting = _Waiting(plan, groups, watch, on_event)
        try:
            while waiting.goes_on():
                _take(told)
            return replace(
                waiting.end(),
                sums_parts=frozenset(common.sums_parts),
                without_checksum=frozenset(common.without_checksum),
            )
        except BaseException:
            waiting.give_up()
            until_s = monotonic() + _ENDS_WITHIN_S
            while waiting.is_open and watch.level() is not StopLevel.ABANDON and monotonic() < until_s:
                _take(told)  # what a probe has made is being removed
            raise


def _take(told: SimpleQueue[Callable[[], None]]) -> None:
    """Do what a thread has left to be done here, if it comes soon."""
    with suppress(Empty):
        told.get(timeout=_LOOK_EVERY_S)()


def _groups(plan: PlanReader) -> list[_Group]:
    found: dict[tuple[object, ...], list[PlanLocation]] = {}
    for location in plan.locations:
        found.setdefault((location.connection, location.endpoint, location.bucket, location.path), []).append(location)
    return [_Group(locations) for locations in found.values()]


def _prepare(group: _Group, common: PlacePreparation, told: SimpleQueue[Callable[[], None]]) -> None:
    def check() -> None:
        common.patience.before_each()
        if group.is_given_up.is_set():
            raise _GivenUp
        group.asked_s = monotonic()

    own = replace(common, patience=replace(common.patience, before_each=check))
    try:
        found = own.prepare(group.locations)
    except BaseException as error:  # noqa: BLE001  raised again by whoever waits
        told.put(partial(group.end_badly, error))
    else:
        told.put(partial(group.end_well, found))


class _Waiting:
    """Waits for the groups, and decides what their ends mean for the run."""

    def __init__(self, plan: PlanReader, groups: Sequence[_Group], watch: StopWatch, on_event: OnEvent) -> None:
        self._plan = plan
        self._groups = groups
        self._watch = watch
        self._on_event = on_event
        self._stopped_s: float | None = None

    def goes_on(self) -> bool:
        """Return whether there is something to wait for; raises what ends the run at once."""
        now_s = monotonic()
        self._tell_slow_ones(now_s)
        self._raise_lasting()
        if not self.is_open:
            return False
        self._look_for_stop(now_s)
        is_patient = any(group.is_open and not group.is_silent(now_s, for_s=_LETS_GO_AFTER_S) for group in self._groups)
        return is_patient or not self._free_jobs()

    @property
    def is_open(self) -> bool:
        """Whether a place is still being prepared."""
        return any(group.is_open for group in self._groups)

    def give_up(self) -> None:
        """Have those that are still at it send nothing more but what removes what they made."""
        for group in self._groups:
            group.is_given_up.set()

    def end(self) -> Preparation:
        """Return what was found."""
        capabilities: dict[int, Capabilities] = {}
        self.give_up()
        for group in self._groups:
            capabilities |= group.found or {}
        held = {job.name: why for job in self._plan.header.jobs if (why := self._why_held(job.name)) is not None}
        for group in self._groups:
            if group.found is None and not group.is_told:
                self._tell(group)
        return Preparation(capabilities, held)

    def _raise_lasting(self) -> None:
        """Raise what an end says that no waiting changes: it concerns the whole plan."""
        for group in self._groups:
            if group.error is not None and not group.is_out_of_order:
                raise group.error
        if not self.is_open and not self._free_jobs():
            raise next(group.error for group in self._groups if group.error is not None)

    def _free_jobs(self) -> list[str]:
        return [job.name for job in self._plan.header.jobs if self._why_held(job.name) is None]

    def _why_held(self, name: str) -> str | None:
        job = self._plan.header.job(name)
        for group in self._groups:
            ids = {location.id for location in group.locations}
            if group.found is None and ids & job.locations:
                return group.why()
        return None

    def _tell_slow_ones(self, now_s: float) -> None:
        for group in self._groups:
            if not group.is_told and group.is_silent(now_s, for_s=_TELLS_AFTER_S):
                self._tell(group)

    def _tell(self, group: _Group) -> None:
        group.is_told = True
        self._on_event(Warned(f"{group.why()} so far; what needs it waits"))

    def _look_for_stop(self, now_s: float) -> None:
        """Leave requests under way to themselves once the run is to end: at once, or when a probe has had its time."""
        reason = self._watch.asked_for()
        if reason is None:
            return
        if self._stopped_s is None:
            self._stopped_s = now_s
        is_over = now_s - self._stopped_s >= _DRAIN_S or self._watch.level() is StopLevel.ABANDON
        if is_over:
            raise PreparationStopped(reason)
