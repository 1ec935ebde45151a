"""What a worker process is made of: the engines of the plan's connections, opened where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from s3plan.app.own_process import collect_garbage_seldom
from s3plan.app.stores import Stores
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Performer
from s3plan.storage.connections import ConnectionSettings
from s3plan.storage.performer import EnginePerformer


@dataclass(frozen=True, slots=True)
class OpenEngines:
    """Opens the performer of a worker process; plain data that pickles, without secrets.

    Credentials are found where the worker runs. `max_in_flight` is how many requests it may ever have under way.
    """

    connections: Mapping[str, ConnectionSettings]
    locations: tuple[PlanLocation, ...]
    max_in_flight: int

    def __call__(self) -> Performer:
        """Open an engine for each location; raise CredentialsUnusable, EndpointInvalid or S3PlanError."""
        collect_garbage_seldom()
        stores = Stores(self.connections, max_in_flight=self.max_in_flight)
        for location in self.locations:
            stores.engine_of(location)  # opened here: its batches only look them up
        return EnginePerformer(stores.engine_of)
