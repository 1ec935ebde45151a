"""Performers for the executors' contract: each does one thing that an executor must cope with. They pickle."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from s3plan.executors.lease import lease_clock_s
from s3plan.schemas.bitmaps import numbers_in
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Outcome, OutcomeKind, PartDone, Progress, Remark, UploadBegun, UploadEnded
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.tasks import BatchTask


@dataclass(frozen=True, slots=True)
class Opens:
    """Gives a performer that travelled with it."""

    performer: Performer

    def __call__(self) -> Performer:
        return self.performer


@dataclass(frozen=True, slots=True)
class DoesAll:
    """Ends every action as done, the third of each ten as stale."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in numbers_in(task.todo):
            kind = OutcomeKind.STALE if position % 10 == 2 else OutcomeKind.DONE
            yield Outcome(position, kind, "moved" if kind is OutcomeKind.STALE else "")


@dataclass(frozen=True, slots=True)
class TellsEverything:
    """Yields one item of each sort."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        yield from EVERY_SORT


EVERY_SORT: tuple[Progress, ...] = (
    UploadBegun(0, "upload", 8 << 20),
    PartDone(0, "upload", 1, "etag"),
    Remark(0, "a word \u202e about \x01 it"),
    UploadEnded(0, "upload"),
    Outcome(0, OutcomeKind.ALREADY_DONE, "", "by etag"),
    Outcome(1, OutcomeKind.UNKNOWN, "503", "", FailureKind.THROTTLED, 2.5),
)


@dataclass(frozen=True, slots=True)
class Breaks:
    """Ends `after` actions and then breaks."""

    after: int

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in range(self.after):
            yield Outcome(position, OutcomeKind.DONE)
        raise ZeroDivisionError("broken on purpose")


@dataclass(frozen=True, slots=True)
class BreaksAtOnce:
    """Is not even a generator."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        raise ZeroDivisionError("broken on purpose")


@dataclass(frozen=True, slots=True)
class Refuses:
    """May not perform the plan: its environment leads to another store. Nor may what it opens."""

    def __call__(self) -> Performer:
        raise PlanRefused("it leads elsewhere")

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        raise PlanRefused("it leads elsewhere")
        yield


@dataclass(slots=True)
class CountsBatches:
    """Does all, and counts the batches that it has performed in this process."""

    batches: int = 0

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        self.batches += 1
        yield from DoesAll().perform(task, control)


@dataclass(frozen=True, slots=True)
class SaysWhere:
    """Tells of each action its own name and the process that performs it."""

    name: str

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in numbers_in(task.todo):
            yield Outcome(position, OutcomeKind.ALREADY_DONE, "", f"{self.name} {os.getpid()}")


@dataclass(frozen=True, slots=True)
class TellsItsWaits:
    """Tells of each action how long a request to the source, and to the destination, would have to wait."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in numbers_in(task.todo):
            ends = (task.source or task.destination, task.destination)
            waits = [control.reserve(place_of(end), size_bytes=0) for end in ends]
            yield Outcome(position, OutcomeKind.ALREADY_DONE, "", " ".join(map(str, waits)))


@dataclass(frozen=True, slots=True)
class TakesItsTime:
    """Ends one action every few milliseconds; no more once it is to stop; tells the rest as unknown if abandoned."""

    each_s: float = 0.005

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in numbers_in(task.todo):
            if control.abandoned:
                yield Outcome(position, OutcomeKind.UNKNOWN, "stopped before its end was known")
                continue
            if control.stopping or control.holds(task.places):
                return
            time.sleep(self.each_s)
            yield Outcome(position, OutcomeKind.DONE)


@dataclass(frozen=True, slots=True)
class SaysWhen:
    """Tells of each action at which moment of lease_clock_s it was begun; takes its time, and none while it is held."""

    each_s: float = 0.005

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        for position in numbers_in(task.todo):
            now_s = lease_clock_s()
            while control.in_doubt and not control.abandoned:
                time.sleep(self.each_s)
                now_s = lease_clock_s()
            if control.abandoned:
                yield Outcome(position, OutcomeKind.UNKNOWN, "stopped before its end was known")
                continue
            yield Outcome(position, OutcomeKind.ALREADY_DONE, "", str(now_s))
            time.sleep(self.each_s)


@dataclass(frozen=True, slots=True)
class HangsUntilAbandoned:
    """Ends its first action and then waits for something that never comes."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        yield Outcome(0, OutcomeKind.DONE)
        while not control.abandoned:
            time.sleep(0.005)
        yield Outcome(1, OutcomeKind.UNKNOWN, "stopped before its end was known")
