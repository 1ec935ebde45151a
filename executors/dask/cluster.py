"""Which dask cluster the batches run on: the one at an address, or one of worker processes on this machine.

Whoever owns a scheduler runs code in every process that is connected to it. So its address comes from the user who
applies, never from a plan or manifest, and the cluster of this machine lets nobody in but us.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from s3plan.executors.dask.endings import in_a_line
from s3plan.executors.dask.scratch import scratch_folder
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.executor_traits import ExecutorTraits
from s3plan.executors.workers.terminal_signals import terminal_signals_blocked
from s3plan.schemas.errors import S3PlanError, UsageInvalid
from s3plan.schemas.extras import install_command
from s3plan.schemas.ports import Executor

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

ADDRESS_VARIABLE = "DASK_SCHEDULER_ADDRESS"
TRAITS = ExecutorTraits(has_processes=True, cluster_variable=ADDRESS_VARIABLE)

_CONNECTS_WITHIN_S = 15
_CLOSES_WITHIN_S = 5
_LOOPBACK = "127.0.0.1"
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "bokeh")
_SILENCE = logging.CRITICAL + 1
_LOCAL_SETTINGS = {
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.worker.daemon": True,  # no worker outlives us
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ": {},
    "distributed.deploy.lost-worker-timeout": "1 day",  # a busy machine may take its time to start another
}


@contextmanager
def open_executor(context: ExecutorContext) -> Iterator[Executor]:
    """Give the executor of a dask cluster; an OpenExecutor.

    Raise UsageInvalid if dask is not installed, S3PlanError if there is no cluster to be had.
    """
    if find_spec("distributed") is None:
        raise UsageInvalid(f"the executor dask is not installed: {install_command('dask')}")
    from s3plan.executors.dask.executor import DaskExecutor

    address = TRAITS.cluster_address(context.cluster)
    with (
        _silence(),
        _local_client(context) if address is None else _client_of(address, context) as client,
        DaskExecutor(
            client,
            context.open_performer,
            context.control,
            slots=context.workers * context.batches_each,
            most_in_flight=context.most_in_flight,
            pacer=context.control,
            may_have_workers=partial(_may_have_workers, client),
        ) as executor,
    ):
        yield executor


def _may_have_workers(client: Client) -> bool:
    """Say whether workers are there or may come; of a cluster that is not ours nobody can say that they will not."""
    from distributed.core import Status

    if client.cluster is None:
        return True
    return any(
        nanny.status in {Status.init, Status.starting, Status.running} for nanny in client.cluster.workers.values()
    )


@contextmanager
def _client_of(address: str, context: ExecutorContext) -> Iterator[Client]:
    """Give a client of the scheduler at an address."""
    from distributed import Client
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)  # first: half a client takes half a minute to give up
        with warnings.catch_warnings(record=True) as said:  # dask compares the versions of both sides
            warnings.simplefilter("always")
            client = Client(address, timeout=_CONNECTS_WITHIN_S, set_as_default=False)
    except Exception as error:
        raise S3PlanError(
            f"no dask scheduler can be reached at {address} ({in_a_line(error)}); start it, "
            f"or leave out --cluster and {ADDRESS_VARIABLE} to have workers on this machine"
        ) from error
    try:
        for each in said:
            if each.category.__name__ == "VersionMismatchWarning":
                context.warn(f"the dask cluster at {address} differs from this side: {each.message}")
        if not client.nthreads():
            context.warn(f"the dask cluster at {address} has no workers yet; batches wait until some come")
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=_CLOSES_WITHIN_S)


@contextmanager
def _local_client(context: ExecutorContext) -> Iterator[Client]:
    """Give a client of a cluster of our own, on loopback, behind a certificate that nobody else has."""
    import dask.config
    from distributed import Client, LocalCluster
    from distributed.security import Security

    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        # The scheduler, in this process, makes a folder for itself where it is told to, and leaves it there.
        stack.enter_context(dask.config.set({**_LOCAL_SETTINGS, "temporary-directory": str(scratch)}))
        try:
            with _interrupts_blocked():
                cluster = LocalCluster(
                    n_workers=context.workers,
                    threads_per_worker=context.batches_each,
                    processes=True,
                    host=_LOOPBACK,
                    security=Security.temporary(),
                    dashboard_address=None,
                    # A lost worker is told at once; what it was at is looked at before it is tried again.
                    scheduler_kwargs={"allowed_failures": 0, "dashboard_address": f"{_LOOPBACK}:0"},
                    memory_limit=0,
                    local_directory=str(scratch),
                    silence_logs=_SILENCE,
                )
                stack.callback(_close_quietly, cluster)
                client = Client(cluster, timeout=_CONNECTS_WITHIN_S, set_as_default=False)
                stack.callback(_close_quietly, client)
        except Exception as error:
            raise S3PlanError(
                f"a dask cluster cannot be started on this machine ({in_a_line(error)}); "
                "choose executor: processes. A program needs its main code behind if __name__ == '__main__': "
                "dask's worker processes import it"
            ) from error
        yield client


def _close_quietly(closable: Client | LocalCluster) -> None:
    with suppress(Exception):  # it is of no more use, and leaves by itself
        closable.close(timeout=_CLOSES_WITHIN_S)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep signals of the terminal from the threads and processes that are started meanwhile."""
    with terminal_signals_blocked():
        resource_tracker.ensure_running()  # first: whichever thread starts it has its signals unblocked by that
        with terminal_signals_blocked():
            yield


@contextmanager
def _silence() -> Iterator[None]:
    """Keep dask's log off the screen: it writes to standard error, at each end of a connection too."""
    import distributed

    handlers = {handler for name in (*_LOGGERS, distributed.__name__) for handler in logging.getLogger(name).handlers}
    before = {handler: handler.level for handler in handlers}
    for handler in before:
        handler.setLevel(_SILENCE)
    try:
        yield
    finally:
        for handler, level in before.items():
            handler.setLevel(level)
