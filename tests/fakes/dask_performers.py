"""Performers for dask workers, and what opens them there: they pickle by their names, and leave notes in files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s3plan.executors.contract_performers import TakesItsTime
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.ports import Control
from s3plan.schemas.tasks import BatchTask


@dataclass(frozen=True, slots=True)
class NotesBegins:
    """Adds a line to a file for each batch that it begins, and then takes its time; one more when it is closed."""

    file: Path
    each_s: float = 0.01

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        self._note(f"{task.batch_id}.{task.generation}")
        yield from TakesItsTime(self.each_s).perform(task, control)
        self._note(f"ended {task.batch_id}.{task.generation}")

    def close(self) -> None:
        self._note("closed")

    def _note(self, line: str) -> None:
        with self.file.open("a", encoding="utf-8") as notes:
            notes.write(f"{line}\n")


@dataclass(frozen=True, slots=True)
class NotesActions:
    """Adds a line to a file for each action."""

    file: Path

    def perform(self, task: BatchTask, control: Control) -> Iterator[Progress]:
        with self.file.open("a", encoding="utf-8") as notes:
            for outcome in TakesItsTime(0.02).perform(task, control):
                notes.write(f"{time.monotonic()}\n")
                notes.flush()
                yield outcome
