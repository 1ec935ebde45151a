"""Which executor runs a plan, and how wide."""

from __future__ import annotations

from dataclasses import dataclass

from s3plan.executors.pacing import RunControl
from s3plan.executors.serial import SerialExecutor
from s3plan.executors.threads import ThreadsExecutor
from s3plan.executors.tuning import InFlightTuner
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.plan import ResolvedSettings
from s3plan.schemas.ports import Executor, Performer

EXECUTORS = ("serial", "threads")
_DEFAULT_WORKERS = 4
_DEFAULT_IN_FLIGHT = 64
# What awscrt may climb to where latency makes it worth while; boto3 needs a thread for each and stays where it is.
_MOST_IN_FLIGHT = 1024


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How many batches at a time, and how many requests in all: at first, and at the most."""

    executor: str
    workers: int
    in_flight: int
    most_in_flight: int

    @property
    def in_flight_per_batch(self) -> int:
        """Each batch's share of the requests under way."""
        return max(1, self.in_flight // self.workers)


def engine_limits(
    settings: ResolvedSettings, *, executor: str | None, workers: int | None, climbs: bool
) -> EngineLimits:
    """Return the plan's choices, or the command's where it makes them; raise UsageInvalid for an unknown executor.

    `climbs`: the engine takes more requests under way without a thread for each. A number in the manifest stands.
    """
    name = executor or settings.executor
    if name not in EXECUTORS:
        raise UsageInvalid(f"there is no executor {name}; choose {' or '.join(EXECUTORS)}")
    if workers is not None and workers < 1:
        raise UsageInvalid("--workers takes a number from 1")
    in_flight = settings.in_flight or _DEFAULT_IN_FLIGHT
    wanted = 1 if name == "serial" else workers or settings.workers or _DEFAULT_WORKERS
    most = _MOST_IN_FLIGHT if climbs and settings.in_flight is None else in_flight
    return EngineLimits(name, min(wanted, in_flight), in_flight, most)


def open_control(limits: EngineLimits, settings: ResolvedSettings) -> RunControl:
    """Return the control of one run."""
    share = limits.in_flight_per_batch
    most = max(share, limits.most_in_flight // limits.workers)
    return RunControl(
        in_flight=share,
        rate_per_s=settings.rate_per_s,
        bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s,
        tuner=InFlightTuner(start=share, most=most) if most > share else None,
    )


def open_executor(limits: EngineLimits, performer: Performer, control: RunControl) -> Executor:
    """Return the executor of that name."""
    if limits.executor == "serial":
        return SerialExecutor(performer, control)
    return ThreadsExecutor(performer, control, workers=limits.workers)
