"""Performers for worker processes, and what opens them there: they pickle by their names."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from s3plan.executors.contract_performers import DoesAll, TakesItsTime
from s3plan.executors.pace.pacing import RunControl
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.outcomes import Progress, Remark
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.tasks import BatchTask


@dataclass(frozen=True, slots=True)
class TellsItsProcess:
    """Remarks what it is asked for about the process that it runs in, and then takes its time."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        yield Remark(0, str(os.getpid()))
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        yield Remark(0, repr(cores))
        yield Remark(0, repr(signal.getsignal(signal.SIGINT)))
        yield from TakesItsTime(0.01).perform(task, control)


@dataclass(frozen=True, slots=True)
class TellsItsPace:
    """Remarks each pace that it is told to keep to, until the run stops."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        assert isinstance(control, RunControl)
        told: tuple[float | None, int] | None = None
        (place,) = task.places
        while not control.stopping:
            now = (control.pace().rate_at(place), control.in_flight)
            if now != told:
                told = now
                yield Remark(0, repr(now))
            control.reserve(place, size_bytes=0)
            time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Poisoned:
    """Kills the process that it runs in as soon as it comes to a batch; the others take their time."""

    batch: int
    how: signal.Signals = signal.SIGKILL

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        if task.batch_id == self.batch:
            time.sleep(0.3)  # until the neighbour is there
            os.kill(os.getpid(), self.how)
        yield from TakesItsTime(0.005).perform(task, control)


@dataclass(frozen=True, slots=True)
class Chatters:
    """Writes far more than a pipe holds to the standard streams."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        os.write(1, b"to standard output\n")
        for _ in range(200):
            os.write(2, b"x" * 10_000)
        yield from DoesAll().perform(task, control)


@dataclass(frozen=True, slots=True)
class CannotOpen:
    """Opens nothing, in one of several ways."""

    way: str

    def __call__(self) -> Performer:
        if self.way == "credentials":
            raise CredentialsUnusable("the default connection: no credentials were found")
        if self.way == "broken":
            raise ZeroDivisionError("broken on purpose")
        os.write(2, b"a library\nsays its last words\n")
        os._exit(3)


@dataclass(frozen=True, slots=True)
class HangsForever:
    """Heeds nothing."""

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        yield Remark(0, str(os.getpid()))
        while True:
            time.sleep(1)
