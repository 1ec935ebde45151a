"""The runs that a dask worker's process takes part in: for each a performer, a control, and when news of it last came.

The process may be anybody's: nothing here changes it beyond the threads and connections of a run, which are gone when
the run is over, or was silent for too long.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from threading import Condition, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from s3plan.executors.dask.messages import ORDERS_TOPIC, Assignment, Orders, thaw
from s3plan.executors.lease import lease_clock_s
from s3plan.executors.workers.share import SharedControl
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.plan.places import Place
from s3plan.schemas.ports import Performer
from s3plan.schemas.redaction import described

if TYPE_CHECKING:
    from distributed import Client


@runtime_checkable
class ClosablePerformer(Protocol):
    """A performer with connections that its process, which goes on without it, should not keep."""

    def close(self) -> None:
        """Let go of connections and threads."""


class RunHere:
    """One run in this process. Safe to use from several threads."""

    def __init__(self, assignment: Assignment) -> None:
        """Open the performer; raise S3PlanError if that fails."""
        self.id = assignment.run
        self.performer = _opened(assignment)
        self._shared = SharedControl(assignment.share, most_in_flight=assignment.most_in_flight)
        self.control = self._shared.control
        self.batches = 0
        self.is_over = False
        self.was_given_up = False
        self._lease_s = assignment.lease_s
        self._heard_s = monotonic()
        self._number = 0
        self._allowed: frozenset[str] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self._changed = Condition()
        self._is_closed = False

    @property
    def is_silent(self) -> bool:
        """Whether the lease is up: the apply is gone, or out of reach."""
        return monotonic() - self._heard_s > self._lease_s

    def obey(self, orders: Orders) -> None:
        """Take orders, unless newer ones were taken before."""
        with self._changed:
            if orders.number <= self._number:
                return
            self._number, self._heard_s = orders.number, monotonic()
            self._allowed, self._refused = orders.allowed, orders.refused
            if not self.was_given_up:
                is_leased = orders.sure_for_s is not None
                until_s = lease_clock_s() + (orders.sure_for_s or 0.0) if is_leased else None
                self._shared.keep_to(replace(orders.share, until_s=until_s))
            if orders.is_over:
                self.is_over = True
                self.control.abandon()
            self._changed.notify_all()

    def mind_silence(self) -> None:
        """Begin no more actions once the lease is up, and abandon those begun when it has been up for as long again.

        For good: if news of the run comes again, it is opened anew.
        """
        silent_s = monotonic() - self._heard_s
        if silent_s > self._lease_s:
            self.was_given_up = True
            self.control.stop()
        if self.was_given_up and silent_s > 2 * self._lease_s:
            self.control.abandon()

    def may_begin(self, attempt: str, *, timeout_s: float) -> bool | None:
        """Wait for the answer to an attempt; None if there is none yet."""
        with self._changed:
            is_answered = self._changed.wait_for(
                lambda: self.is_over or attempt in self._allowed or attempt in self._refused, timeout_s
            )
            return attempt in self._allowed and not self.is_over if is_answered else None

    def take_requests(self) -> dict[Place, int]:
        """Return how many requests were sent to each place since this was last asked."""
        with self._changed:
            return self._shared.take_requests()

    def close(self) -> None:
        """Let go of the performer's connections, on a thread of its own: requests may still be under way."""
        if not self._is_closed and isinstance(self.performer, ClosablePerformer):
            self._is_closed = True
            Thread(target=_close_quietly, args=(self.performer,), name="s3plan-close", daemon=True).start()


def _opened(assignment: Assignment) -> Performer:
    try:
        return assignment.open_performer()
    except S3PlanError:
        raise
    except Exception as error:
        raise S3PlanError(f"a dask worker cannot work ({described(error)})") from error


def _close_quietly(performer: ClosablePerformer) -> None:
    with suppress(Exception):  # nobody is there to be told
        performer.close()


_runs: dict[str, RunHere] = {}
_lock = Lock()
_clients: list[Client] = []  # the one that hears for this process; dask makes one for each worker


def take_up(assignment: Assignment) -> RunHere:
    """Return the run of a batch, opened if this is its first one here. Called on a dask task's thread."""
    with _lock:
        for run in list(_runs.values()):
            if run.was_given_up or (run.is_silent and not run.batches):
                _forget(run)
        _listen()
        found = _runs.get(assignment.run)
        if found is None:
            found = _runs[assignment.run] = RunHere(assignment)
        found.batches += 1
        return found


def lay_down(run: RunHere) -> None:
    """Take note that a batch has ended."""
    with _lock:
        run.batches -= 1
        if not run.batches and (run.is_over or run.was_given_up):
            _forget(run)


def _forget(run: RunHere) -> None:
    """Close a run whose batches have ended; one that was given up makes room for its successor before."""
    if _runs.get(run.id) is run:
        del _runs[run.id]
    if not run.batches:
        run.close()


def _listen() -> None:
    """Hear the orders of all runs. Asked for with each batch: a client that had to connect again has forgotten it."""
    from distributed import get_client

    if not _clients or _clients[0].status != "running":
        _clients[:] = [get_client()]
    _clients[0].subscribe_topic(ORDERS_TOPIC, _hear)


def _hear(event: tuple[float, bytes]) -> None:
    orders = thaw(event[1])
    run = _runs.get(orders.run) if isinstance(orders, Orders) else None
    if run is None or not isinstance(orders, Orders):
        return
    run.obey(orders)
    if run.is_over and not run.batches:
        Thread(target=_forget_later, args=(run,), name="s3plan-close", daemon=True).start()


def _forget_later(run: RunHere) -> None:
    with _lock:
        if not run.batches:
            _forget(run)
