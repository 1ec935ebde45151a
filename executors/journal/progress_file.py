"""Where a running apply stands right now, for other terminals: `NAME.s3run.progress`, a few bytes beside the journal.

The journal is the truth and is behind by up to a second; rates, time left and throttling are in nobody's journal. A
file that cannot be written or read costs a reader these figures, and nothing else; so it is never synced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter
from s3plan.planfile.own_file import objection_to_status
from s3plan.schemas.events import Advanced, Event, OnEvent, RunStarted
from s3plan.schemas.plan.rows import PhaseName

_EVERY_S = 1.0
_MOST_BYTES = 16_384
_MOST = float(1 << 63)  # of anything that is counted or measured here
_PHASES = frozenset({"", *(name.value for name in PhaseName)})


@dataclass(frozen=True, slots=True)
class _Said:
    run: int
    plan_digest: str
    progress: Advanced


_SAID = TypeAdapter(_Said)


def progress_path(journal: Path) -> Path:
    """Return the progress file of a journal."""
    return journal.with_name(f"{journal.name}.progress")


class ProgressFile:
    """The apply's side, which holds the lock: listens to the run's events. A context manager; the file goes with it."""

    def __init__(self, path: Path, *, plan_digest: str, clock: Callable[[], float]) -> None:
        self._path = path
        self._plan_digest = plan_digest
        self._clock = clock
        self._run = 0
        self._due_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in (self._path, _fresh(self._path)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def __call__(self, event: Event) -> None:
        """Write down where the run stands, at most once a second."""
        if isinstance(event, RunStarted):
            self._run = event.run
            self._due_s = self._clock() + _EVERY_S  # a run that is over within a second needs no file
        elif isinstance(event, Advanced) and self._clock() >= self._due_s:
            self._due_s = self._clock() + _EVERY_S
            with suppress(OSError):
                _write_whole(self._path, _SAID.dump_json(_Said(self._run, self._plan_digest, event)))


@contextmanager
def told_to_others(
    on_event: OnEvent, path: Path, *, plan_digest: str, clock: Callable[[], float] = monotonic
) -> Iterator[OnEvent]:
    """Yield what takes a run's events, tells them on, and keeps the progress file."""
    with ProgressFile(path, plan_digest=plan_digest, clock=clock) as file:

        def tell(event: Event) -> None:
            file(event)
            on_event(event)

        yield tell


def read_progress(path: Path, *, run: int, plan_digest: str) -> Advanced | None:
    """Return where that run of that plan stood a second ago; None if nobody says, or says what no run does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if objection_to_status(os.fstat(descriptor), folder=path.parent) is not None:
                return None
            said = _SAID.validate_json(file.read(_MOST_BYTES), strict=True)
    except (OSError, ValueError):  # pydantic's errors are ValueErrors
        return None
    is_meant = (said.run, said.plan_digest) == (run, plan_digest)
    return said.progress if is_meant and _can_be_shown(said.progress) else None


def _can_be_shown(progress: Advanced) -> bool:
    """Return whether each number is one that screens can show, and the phase one that there is."""
    values = [getattr(progress, field.name) for field in fields(progress)]
    numbers = [value for value in (*values, *progress.counts.values()) if isinstance(value, int | float)]
    return progress.phase in _PHASES and all(0 <= number < _MOST for number in numbers)  # nor is it no number


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _write_whole(path: Path, text: bytes) -> None:
    """Put the text in place of what was there; readers see the one or the other.

    The file is a new one: what somebody has left under its name, a pipe or a link, is neither waited for nor written.
    """
    fresh = _fresh(path)
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(fresh, flags, 0o600)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)
    fresh.replace(path)
