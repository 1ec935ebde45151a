"""One apply for one journal: `flock` on `NAME.s3run.lock` decides; what is written in it is for the message.

The file also keeps when this plan was first applied, so that a journal that was lost since is noticed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import sleep
from types import TracebackType
from typing import Self

from s3plan.schemas.errors import Locked, S3PlanError

TAKE_OVER_AFTER_S = 60.0
HEARTBEAT_S = 10.0
_PAUSES_S = (0.02, 0.05, 0.1, None)
_NO_FLOCK = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, or held it last."""

    pid: int
    host: str
    since_ms: int
    plan_digest: str
    first_begun_at_ms: int

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"process {self.pid} on {self.host} since {since}"


class JournalLock:
    """A context manager that holds the lock; raises Locked, naming the holder, if somebody else does."""

    def __init__(self, path: Path, *, plan_digest: str, now_ms: int) -> None:
        self._path = path
        self._plan_digest = plan_digest
        self._now_ms = now_ms
        self._descriptor = -1
        self._stop_beating = Event()
        self._heart: Thread | None = None
        self.first_begun_at_ms = now_ms
        self.was_begun_before = False

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise S3PlanError(f"{self._path}: the lock cannot be opened: {error.strerror}") from error
        try:
            self._acquire()
            self._write_holder()
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart is not None:
            self._stop_beating.set()
            self._heart.join()
            with suppress(OSError):
                os.utime(self._path, (0, 0))  # lets the next one in at once
        os.close(self._descriptor)

    def _acquire(self) -> None:
        for pause_s in _PAUSES_S:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if pause_s is None:
                    raise self._refusal(read_holder(self._path)) from error
                sleep(pause_s)  # `status` holds it for an instant, to see whether anybody does
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise S3PlanError(f"{self._path}: the lock cannot be taken: {error.strerror}") from error
                self._acquire_by_heartbeat()
                return
            else:
                return

    def _acquire_by_heartbeat(self) -> None:
        """Where flock does not work: a file that is touched every 10 s is held; after 60 s without it is not."""
        holder = read_holder(self._path)
        status = os.fstat(self._descriptor)
        if holder is not None and self._filesystem_now_s() - status.st_mtime < TAKE_OVER_AFTER_S:
            raise self._refusal(holder)
        self._heart = Thread(target=self._beat, name="s3plan-lock", daemon=True)
        self._heart.start()

    def _filesystem_now_s(self) -> float:
        """Return the time as the file system counts it; clocks of two hosts need not agree."""
        probe = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        probe.touch(0o600)
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop_beating.wait(HEARTBEAT_S):
            with suppress(OSError):  # a disk that comes back within a minute costs nothing
                os.utime(self._path)

    def _write_holder(self) -> None:
        before = read_holder(self._path)
        if before is not None and before.plan_digest == self._plan_digest:
            self.first_begun_at_ms = before.first_begun_at_ms
            self.was_begun_before = True
        text = json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since_ms": self._now_ms,
                "plan_digest": self._plan_digest,
                "first_begun_at_ms": self.first_begun_at_ms,
            }
        )
        try:
            os.pwrite(self._descriptor, text.encode(), 0)  # written first: on a full disk the old text stays
            os.ftruncate(self._descriptor, len(text))
            os.fsync(self._descriptor)
        except OSError as error:
            raise S3PlanError(f"{self._path}: the lock cannot be written: {error.strerror}") from error

    def _refusal(self, holder: Holder | None) -> Locked:
        who = "another apply" if holder is None else str(holder)
        return Locked(
            f"{self._path.with_suffix('')} is being applied by {who}; wait for it, or stop it and apply again"
        )


def read_holder(path: Path) -> Holder | None:
    """Return who holds the lock or held it last; None if nothing readable is written there."""
    try:
        raw = json.loads(path.read_bytes())
        return Holder(
            int(raw["pid"]),
            str(raw["host"])[:255],
            int(raw["since_ms"]),
            str(raw["plan_digest"]),
            int(raw["first_begun_at_ms"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock at this moment (only where flock works)."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
