"""How the folders of one process are read and written: what its plan's `run:` says of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from s3plan.schemas.plan.header import RunRecord
from s3plan.schemas.plan.rows import PlanLocation


@dataclass(frozen=True, slots=True)
class FileSettings:
    """`memory_bytes` are of bodies that are on their way, in all; `threads` read files, for each folder.

    `waits_for_disk`: a file counts as done once it is on disk, and comes into its place only then.
    """

    memory_bytes: int = 128 << 20
    threads: int = 4
    waits_for_disk: bool = True


USUAL_FILES = FileSettings()


def file_settings(run: RunRecord) -> FileSettings:
    """Return those of a plan."""
    return FileSettings(run.memory_bytes, run.file_threads, waits_for_disk=run.durability == "batch")


def undurable_files(run: RunRecord, written: Iterable[PlanLocation]) -> list[str]:
    """Return a sentence if files that are written to a folder count as done before they are on disk."""
    if file_settings(run).waits_for_disk or not any(location.is_folder for location in written):
        return []
    return ["files count as done before they are on disk (durability: none): after a power failure apply a new plan"]
