"""Which executor runs a plan, and how wide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from s3plan.executors.core_pin import core_count
from s3plan.executors.pacing import RunControl
from s3plan.executors.processes import ProcessesExecutor
from s3plan.executors.serial import SerialExecutor
from s3plan.executors.threads import ThreadsExecutor
from s3plan.executors.tuning import InFlightTuner
from s3plan.executors.worker_messages import OpenPerformer
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.plan_header import ResolvedSettings
from s3plan.schemas.ports import Executor, Performer

EXECUTORS = ("serial", "threads", "processes")
_DEFAULT_WORKERS = 4
_MOST_PROCESSES = 8  # unless more are asked for: each takes some 100 MB
_BATCHES_EACH = 2  # of a process: while one ends, or waits for its next, the other goes on
_DEFAULT_IN_FLIGHT = 64
# How far latency may make an engine climb that needs no thread for each request; boto3 stays where it is.
_MOST_IN_FLIGHT = 1024


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How many batches at a time, and how many requests in all: at first, and at the most."""

    executor: str
    workers: int
    in_flight: int
    most_in_flight: int

    @property
    def batches_each(self) -> int:
        """How many batches each worker has at a time."""
        return _BATCHES_EACH if self.executor == "processes" and self.in_flight >= _BATCHES_EACH * self.workers else 1

    @property
    def in_flight_per_batch(self) -> int:
        """Each batch's share of the requests under way."""
        return max(1, self.in_flight // (self.workers * self.batches_each))

    @property
    def most_in_flight_per_batch(self) -> int:
        """What that share may climb to."""
        return max(self.in_flight_per_batch, self.most_in_flight // (self.workers * self.batches_each))


def engine_limits(
    settings: ResolvedSettings, *, executor: str | None, workers: int | None, batches: int, climbs: bool
) -> EngineLimits:
    """Return the plan's choices, or the command's where it makes them; raise UsageInvalid for an unknown executor.

    `batches` are left to do: no more processes are started than that. `climbs`: the engine takes more requests under
    way without a thread for each. A number in the manifest stands.
    """
    name = executor or settings.executor
    if name not in EXECUTORS:
        raise UsageInvalid(f"there is no executor {name}; choose {' or '.join(EXECUTORS)}")
    if workers is not None and workers < 1:
        raise UsageInvalid("--workers takes a number from 1")
    in_flight = settings.in_flight or _DEFAULT_IN_FLIGHT
    wanted = workers or settings.workers
    if name == "serial":
        wanted = 1
    elif name == "processes":
        wanted = min(wanted or min(core_count(), _MOST_PROCESSES), max(batches, 1))
    most = _MOST_IN_FLIGHT if climbs and settings.in_flight is None else in_flight
    return EngineLimits(name, min(wanted or _DEFAULT_WORKERS, in_flight), in_flight, most)


def open_control(limits: EngineLimits, settings: ResolvedSettings) -> RunControl:
    """Return the control of one run. Worker processes climb by themselves: each sees the store's latency."""
    share, most = limits.in_flight_per_batch, limits.most_in_flight_per_batch
    climbs_here = most > share and limits.executor != "processes"
    return RunControl(
        in_flight=share,
        rate_per_s=settings.rate_per_s,
        bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s,
        tuner=InFlightTuner(start=share, most=most) if climbs_here else None,
    )


@contextmanager
def opened_executor(
    limits: EngineLimits,
    control: RunControl,
    *,
    performer: Performer,
    open_performer: OpenPerformer,
    pins_cores: bool,
) -> Iterator[Executor]:
    """Give the executor of that name: with `performer`, or with one that each worker process opens for itself."""
    if limits.executor == "serial":
        yield SerialExecutor(performer, control)
    elif limits.executor == "threads":
        yield ThreadsExecutor(performer, control, workers=limits.workers)
    else:
        with ProcessesExecutor(
            open_performer,
            control,
            workers=limits.workers,
            batches_each=limits.batches_each,
            most_in_flight=limits.most_in_flight_per_batch,
            pacer=control,
            pins_cores=pins_cores,
        ) as executor:
            yield executor
