"""A worker's control: what it is allowed of the run's requests and rates, as it is told from time to time."""

from __future__ import annotations

from time import monotonic

from s3plan.executors.lease import Lease
from s3plan.executors.pace.pacing import Pace, RunControl
from s3plan.executors.pace.tuning import InFlightTuner
from s3plan.executors.workers.messages import Share


class SharedControl:
    """Makes the control of a worker's batches and keeps it to the share that the worker was told last.

    Used from one thread; the control itself from any.
    """

    def __init__(self, share: Share, *, most_in_flight: int) -> None:
        """`most_in_flight` is how far each batch may climb where the store's latency makes that worth while."""
        climbs = most_in_flight > share.in_flight
        self.control = RunControl(
            in_flight=share.in_flight,
            rate_per_s=share.rate_per_s,
            bandwidth_bytes_per_s=share.bandwidth_bytes_per_s,
            tuner=InFlightTuner(start=share.in_flight, most=most_in_flight) if climbs else None,
            clock=monotonic,
            lease=None if share.until_s is None else Lease(share.until_s),
        )
        self._share = share
        self._obey(share)

    def keep_to(self, share: Share) -> None:
        """Obey another share than before."""
        before, self._share = self._share, share
        if share.in_flight != before.in_flight:
            self.control.allow(share.in_flight)
        self.control.keep_to(Pace(share.rate_per_s, share.bandwidth_bytes_per_s))
        self._obey(share)

    def _obey(self, share: Share) -> None:
        lease = self.control.lease
        if lease is not None and share.until_s is not None:
            lease.until_s = share.until_s
        if share.stopping:
            self.control.stop()
        else:
            self.control.go_on()
        if share.abandoned:
            self.control.abandon()
