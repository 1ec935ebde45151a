"""Which executor runs a plan, and how wide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from s3plan.app.runs.executors.plugins import load_plugin, plugin_names
from s3plan.executors.dask import cluster as dask_cluster
from s3plan.executors.executor_context import ExecutorContext, ExecutorModule
from s3plan.executors.executor_traits import ClusterUse
from s3plan.executors.lease import Lease
from s3plan.executors.local import serial, threads
from s3plan.executors.pace.pacing import RunControl
from s3plan.executors.pace.tuning import InFlightTuner
from s3plan.executors.processes import executor as processes
from s3plan.executors.workers.core_pin import core_count
from s3plan.executors.workers.messages import OpenPerformer
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.models import MOST_WORKERS
from s3plan.schemas.plan.header import RunRecord
from s3plan.schemas.ports import Executor, Performer

_DEFAULT_WORKERS = 4
_MOST_PROCESSES = 8  # unless more are asked for: each takes some 100 MB
_BATCHES_EACH = 2  # of a process: while one ends, or waits for its next, the other goes on
_DEFAULT_IN_FLIGHT = 64
# How far latency may make an engine climb that needs no thread for each request; boto3 stays where it is.
_MOST_IN_FLIGHT = 1024

BUILT_IN: Mapping[str, ExecutorModule] = {
    "serial": serial,
    "threads": threads,
    "processes": processes,
    "dask": dask_cluster,
}


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How many batches at a time, and how many requests in all: at first, and at most. `module` has the executor.

    `name` is what the user, or the plan, calls it.
    """

    name: str
    workers: int
    in_flight: int
    most_in_flight: int
    module: ExecutorModule
    cluster: str | None = None

    @property
    def sends_from_here(self) -> bool:
        """Whether this process sends the requests, and no other one that it starts."""
        return self.module.TRAITS.shares_memory

    @property
    def owns_workers(self) -> bool:
        """Whether the processes that send requests do nothing else."""
        return self.module.TRAITS.has_processes and self.cluster is None

    @property
    def batches_each(self) -> int:
        """How many batches each worker has at a time."""
        has_room = self.in_flight >= _BATCHES_EACH * self.workers
        return _BATCHES_EACH if self.module.TRAITS.has_processes and has_room else 1

    @property
    def in_flight_per_batch(self) -> int:
        """Each batch's share of the requests under way."""
        return max(1, self.in_flight // (self.workers * self.batches_each))

    @property
    def most_in_flight_per_batch(self) -> int:
        """What that share may climb to."""
        return max(self.in_flight_per_batch, self.most_in_flight // (self.workers * self.batches_each))


def engine_limits(
    settings: RunRecord,
    *,
    executor: str | None,
    workers: int | None,
    batches: int,
    climbs: bool,
    cluster: str | None = None,
) -> EngineLimits:
    """Return the plan's choices, or the command's where it makes them; raise UsageInvalid for an unknown executor.

    `batches` are left to do: with fewer workers than that, each batch has more requests under way. `climbs`: the
    engine takes more requests under way without a thread for each. A number in the manifest stands.
    """
    name = executor or settings.executor
    module = _find(name, is_the_users_word=executor is not None)
    traits = module.TRAITS
    where = _cluster(name, module, cluster)
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise UsageInvalid(f"--workers takes a number from 1 to {MOST_WORKERS}, as run.workers does")
    in_flight = settings.in_flight or _DEFAULT_IN_FLIGHT
    wanted = workers or settings.workers or _DEFAULT_WORKERS
    if traits.has_processes and not (workers or settings.workers):
        wanted = _MOST_PROCESSES if where is not None else min(core_count(), _MOST_PROCESSES)
    useful = min(wanted, traits.most_workers or wanted, max(batches, 1), in_flight)
    most = _MOST_IN_FLIGHT if climbs and settings.in_flight is None else in_flight
    return EngineLimits(name, useful, in_flight, most, module, where)


def open_control(limits: EngineLimits, settings: RunRecord, *, lease: Lease | None = None) -> RunControl:
    """Return the control of one run, which may send by its lease only (None: as long as it lasts).

    Worker processes climb by themselves: each sees the store's latency.
    """
    share, most = limits.in_flight_per_batch, limits.most_in_flight_per_batch
    climbs_here = most > share and not limits.module.TRAITS.has_processes
    return RunControl(
        in_flight=share,
        rate_per_s=settings.rate_per_s,
        bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s,
        tuner=InFlightTuner(start=share, most=most) if climbs_here else None,
        lease=lease,
    )


def opened_executor(
    limits: EngineLimits,
    control: RunControl,
    *,
    performer: Performer,
    open_performer: OpenPerformer,
    pins_cores: bool,
    warn: Callable[[str], None],
) -> AbstractContextManager[Executor]:
    """Return the executor's context: it has `performer`, and what opens one wherever else it sends its batches."""
    context = ExecutorContext(
        performer=performer,
        open_performer=open_performer,
        control=control,
        workers=limits.workers,
        batches_each=limits.batches_each,
        most_in_flight=limits.most_in_flight_per_batch,
        pins_cores=pins_cores,
        cluster=limits.cluster,
        warn=warn,
    )
    return limits.module.open_executor(context)


def _cluster(name: str, module: ExecutorModule, given: str | None) -> str | None:
    """Return the cluster's address, from the user or the environment; raise UsageInvalid where one does not fit."""
    traits = module.TRAITS
    if given is not None and traits.cluster is ClusterUse.NONE:
        raise UsageInvalid(f"the executor {name} uses no cluster; --cluster goes with --executor dask")
    found = traits.cluster_address(given)
    if found is None and traits.cluster is ClusterUse.NEEDED:
        variable = traits.cluster_variable
        also = "" if variable is None else f", or in the environment as {variable}"
        raise UsageInvalid(f"the executor {name} needs a cluster; name it by --cluster ADDRESS{also}")
    return found


def _find(name: str, *, is_the_users_word: bool) -> ExecutorModule:
    """Return what has the executor of that name: a plugin only for the user who applies, not for a plan."""
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    if not is_the_users_word:
        raise UsageInvalid(
            f"the plan names the executor {name}; a plan may name {_alternatives(BUILT_IN)}, other ones are named "
            "by --executor"
        )
    plugin = load_plugin(name)
    if plugin is None:
        raise UsageInvalid(f"there is no executor {name}; choose {_alternatives([*BUILT_IN, *plugin_names()])}")
    return plugin


def _alternatives(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"
