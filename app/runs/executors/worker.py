"""What a worker process is made of: the engines of the plan's connections, opened where it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from s3plan.app.runs.executors.own_process import collect_garbage_seldom
from s3plan.app.stores import Stores
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Control, Performer
from s3plan.schemas.tasks import BatchTask
from s3plan.storage.file_settings import USUAL_FILES, FileSettings
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.open_files import raise_most_open_files
from s3plan.storage.transfer.performer import EnginePerformer


@dataclass(frozen=True, slots=True)
class OpenEngines:
    """Opens the performer of a worker process; plain data that pickles, without secrets.

    Credentials are found where the worker runs. `max_in_flight` is how many requests it may ever have under way.
    `owns_process`: the process does nothing else.
    """

    connections: Mapping[str, ConnectionSettings]
    locations: tuple[PlanLocation, ...]
    max_in_flight: int
    files: FileSettings = USUAL_FILES
    owns_process: bool = True

    def __call__(self) -> Performer:
        """Open an engine for each location; raise CredentialsUnusable, EndpointInvalid or S3PlanError."""
        if self.owns_process:
            collect_garbage_seldom()
            raise_most_open_files()
        stores = Stores(self.connections, max_in_flight=self.max_in_flight, files=self.files)
        stores.open_all(self.locations)  # here: its batches only look them up
        return _EnginesInWorker(stores)


class _EnginesInWorker:
    """The performer of a worker process, with engines that can be closed when the process outlives the run."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._performer = EnginePerformer(
            stores.engine_of,
            files_of=stores.files_of,
            buffer=stores.memory.buffer,
            buffers=stores.buffers,
            key_of=stores.key_of,
        )

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        return self._performer.perform(task, control)

    def close(self) -> None:
        self._stores.close()
