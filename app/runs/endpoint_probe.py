"""Asks a store that has stopped answering whether it does again."""

from __future__ import annotations

from collections.abc import Callable

from s3plan.app.stores import Stores
from s3plan.executors.pace.circuit_breaker import ENDPOINT_FAILURES, SendProbe
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests import HeadBucket, Reply


def probe_sender(stores: Stores, destination: PlanLocation) -> SendProbe:
    """Return what asks for the bucket of a place that is written to; any answer will do, a refusal too."""
    engine = stores.engine_of(destination)

    def send(tell: Callable[[bool], None]) -> None:
        def take(reply: Reply) -> None:
            tell(not (isinstance(reply, Failure) and reply.kind in ENDPOINT_FAILURES))

        engine.submit(HeadBucket(destination.bucket, owner=destination.owner), take)

    return send
