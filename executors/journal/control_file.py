"""What is asked of a running apply from another terminal: `NAME.s3run.control`, a few bytes beside the journal.

Whoever asks writes it whole, under another name first; the apply only looks at it, a few times a second, and removes
it when it ends. The journal keeps its one writer. A wish is for whoever holds the lock when it is written: one for an
earlier run, or for another plan, and a file that cannot be read ask nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.run_states import Wish

_MOST_BYTES = 4096

_Stamp = tuple[int, int, int]


def control_path(journal: Path) -> Path:
    """Return the control file of a journal."""
    return journal.with_name(f"{journal.name}.control")


def ask(path: Path, wish: Wish, *, plan_digest: str, holder: str) -> None:
    """Ask the apply of that plan, whose lock has that token, for something in place of what was asked before.

    Raise S3PlanError.
    """
    text = json.dumps({"wish": wish.value, "plan_digest": plan_digest, "holder": holder}).encode()
    fresh = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, text)
        finally:
            os.close(descriptor)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise S3PlanError(f"{path}: the control file cannot be written: {error.strerror or error}") from error


@dataclass(slots=True)
class ControlFile:
    """The apply's side of it; `wish` is cheap to ask for often."""

    path: Path
    plan_digest: str
    holder: str
    _stamp: _Stamp | None = None
    _wish: Wish = Wish.GO_ON

    def clear(self) -> None:
        """Forget what was asked: this run is over."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._stamp, self._wish = None, Wish.GO_ON

    def wish(self) -> Wish:
        """Return what is asked now; that a pause is over is said by another file, or by its removal."""
        try:
            found = os.lstat(self.path)
        except OSError:
            self._stamp, self._wish = None, Wish.GO_ON
            return self._wish
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._stamp, self._wish = stamp, self._read()
        return self._wish

    def _read(self) -> Wish:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                raw = json.loads(stream.read(_MOST_BYTES))
            is_for_us = (raw["plan_digest"], raw["holder"]) == (self.plan_digest, self.holder)
            return Wish(raw["wish"]) if is_for_us else Wish.GO_ON
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return Wish.GO_ON
