"""One plan, applied as often as needed, each time as if it never had been, and how each apply ended."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Generic, TypeVar

import s3plan
from fakes.s3server import Fault, ServerProcess
from fakes.workplace import Workplace
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.events import Event, Warned
from s3plan.schemas.run_states import StopLevel

SERIAL: Mapping[str, object] = {
    "executor": "serial",
    "in_flight": 1,  # so that request number N is the same one each time
    "multipart_threshold": "5MiB",
    "part_size": "5MiB",
    "retries": {"attempts": 9, "initial": "5ms", "max": "50ms"},
}
"""The `run:` of a campaign's manifests."""

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended, as a user would see it."""

    exit_code: int
    words: str
    counts: Mapping[str, int] = field(default_factory=dict)
    is_stuck: bool = False


PlaceT = TypeVar("PlaceT", bound=Workplace)


class RepeatedPlan(Generic[PlaceT]):
    """The plan of one place; `told` are the warnings of the applies since `fresh_plan`."""

    def __init__(self, place: PlaceT) -> None:
        self.place = place
        self.told: list[str] = []
        self._runs = 0

    @property
    def servers(self) -> Sequence[ServerProcess]:
        """Those whose requests are disturbed."""
        return [self.place.server]

    def fresh_plan(self) -> Path:
        """The same plan once more, in a folder of its own, never applied."""
        self._runs += 1
        self.told.clear()
        folder = self.place.folder / f"run-{self._runs}"
        folder.mkdir()
        return Path(shutil.copy(self.place.plan_file, folder))

    def disturb(self, *faults: Fault) -> None:
        self.place.server.faults(faults)

    def hits(self) -> int:
        """How many requests the faults have met."""
        return sum(sum(server.fired()) for server in self.servers)

    def calm(self) -> None:
        for server in self.servers:
            server.clear_faults()

    def apply(self, plan: Path) -> Ended:
        """Apply, as the command would; anything but an error of ours is a bug and goes through."""
        until_s = monotonic() + _PATIENCE_S

        def stop_level() -> StopLevel:
            return StopLevel.ABANDON if monotonic() > until_s else StopLevel.NONE

        try:
            report = s3plan.apply(plan, stop_level=stop_level, on_event=self._note)
        except S3PlanError as error:
            return Ended(int(error.exit_code), str(error), is_stuck=monotonic() > until_s)
        counts = {kind.value: number for kind, number in report.counts.items()}
        return Ended(report.exit_code, "; ".join(report.messages), counts, is_stuck=monotonic() > until_s)

    def _note(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.told.append(event.message)
