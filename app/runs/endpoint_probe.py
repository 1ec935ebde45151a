"""Asks a store that has stopped answering whether it does again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from s3plan.app.stores import Stores
from s3plan.executors.pace.circuit_breaker import ENDPOINT_FAILURES, SendProbe
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.rows import LocationRole, PlanLocation
from s3plan.schemas.requests import HeadBucket, Reply


def probe_sender(stores: Stores, locations: Iterable[PlanLocation]) -> SendProbe:
    """Return what asks for the destination's bucket; any answer will do, a refusal too.

    One store is behind all locations of a plan: a job between two of them is refused so far.
    """
    destination = next(location for location in locations if location.role is LocationRole.DESTINATION)
    engine = stores.engine_of(destination)

    def send(tell: Callable[[bool], None]) -> None:
        def take(reply: Reply) -> None:
            tell(not (isinstance(reply, Failure) and reply.kind in ENDPOINT_FAILURES))

        engine.submit(HeadBucket(destination.bucket, owner=destination.owner), take)

    return send
