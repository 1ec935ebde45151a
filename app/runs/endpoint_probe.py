"""Asks a store that has stopped answering whether it does again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from s3plan.app.stores import Stores
from s3plan.executors.pace.circuit_breaker import ENDPOINT_FAILURES, SendProbe
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests import HeadBucket, Reply


def probe_senders(stores: Stores, locations: Iterable[PlanLocation]) -> dict[Place, SendProbe]:
    """Return what asks each place for a bucket; any answer will do, a refusal too."""
    return {place_of(location): _probe_sender(stores, location) for location in locations}


def _probe_sender(stores: Stores, location: PlanLocation) -> SendProbe:
    engine = stores.engine_of(location)

    def send(tell: Callable[[bool], None]) -> None:
        def take(reply: Reply) -> None:
            tell(not (isinstance(reply, Failure) and reply.kind in ENDPOINT_FAILURES))

        engine.submit(HeadBucket(location.bucket, owner=location.owner), take)

    return send
