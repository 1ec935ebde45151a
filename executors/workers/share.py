"""A worker's control: what it is allowed of the run's requests and rates, as it is told from time to time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic

from s3plan.executors.lease import Lease
from s3plan.executors.pace.pacing import Pace, RunControl
from s3plan.executors.pace.tuning import InFlightTuner
from s3plan.executors.workers.messages import Share
from s3plan.schemas.plan.places import Place
from s3plan.schemas.tasks import BatchTask


class SharedControl:
    """Makes the control of a worker's batches and keeps it to the share that the worker was told last.

    Used from one thread; the control itself from any.
    """

    def __init__(self, share: Share, *, most_in_flight: int) -> None:
        """`most_in_flight` is how far each batch may climb where the store's latency makes that worth while."""
        climbs = most_in_flight > share.in_flight
        self.control = RunControl(
            in_flight=share.in_flight,
            tuner=InFlightTuner(start=share.in_flight, most=most_in_flight) if climbs else None,
            clock=monotonic,
            lease=None if share.until_s is None else Lease(share.until_s),
        )
        self._share = share
        self._told_requests: dict[Place, int] = {}
        self._obey(share)

    def take_requests(self) -> dict[Place, int]:
        """Return how many requests were sent to each place since this was last asked."""
        told, self._told_requests = self._told_requests, self.control.requests_at()
        fresh = {place: number - told.get(place, 0) for place, number in self._told_requests.items()}
        return {place: number for place, number in fresh.items() if number}

    def keep_to(self, share: Share) -> None:
        """Obey another share than before."""
        before, self._share = self._share, share
        if share.in_flight != before.in_flight:
            self.control.allow(share.in_flight)
        self._obey(share)

    def _obey(self, share: Share) -> None:
        self.control.keep_to(share.pace)
        self.control.hold(share.held)
        lease = self.control.lease
        if lease is not None and share.until_s is not None:
            lease.until_s = share.until_s
        if share.stopping:
            self.control.stop()
        else:
            self.control.go_on()
        if share.abandoned:
            self.control.abandon()


def pace_of_each(pacer: RunControl | None, workers: Iterable[Iterable[BatchTask]]) -> Pace:
    """Return the pace of each worker, by the batches that they have: those without any need none of the rates.

    The run's rate is divided among all that have something to do, a place's among those that ask it.
    """
    if pacer is None:
        return Pace()
    busy = [tasks for tasks in map(list, workers) if tasks]
    pace = pacer.pace()
    at: Counter[Place] = Counter()
    if pace.at:
        for tasks in busy:
            at.update(frozenset[Place]().union(*(task.places for task in tasks)))
    return pace.divided(max(len(busy), 1), at=at)
