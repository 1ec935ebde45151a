"""One apply for one journal: `flock` on `NAME.s3run.lock` decides; what is written in it is for the message.

The file also keeps since when requests of this plan may have been sent, so that a journal that was lost since is
noticed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep, time
from types import TracebackType
from typing import Self

from s3plan.executors.lease import Lease, lease_clock_s
from s3plan.planfile.own_file import objection_to_status
from s3plan.schemas.errors import JournalRefused, Locked, S3PlanError
from s3plan.schemas.printable import shown_path

TAKE_OVER_AFTER_S = 60.0
HEARTBEAT_S = 10.0
_WATCH_S = 2.5 * HEARTBEAT_S  # a holder that lives is seen to beat within that time
_LEASE_BEATS = 2  # shorter than the watch: who was silent for so long may have been taken for dead meanwhile
_LOOK_EVERY_S = 0.25
_PULSE_S = 1.0  # a machine that slept looks at its lock so soon
_DOUBT_S = 0.05
_SETTLE_S = 1.0  # longer than anybody takes from finding the lock free to writing in it
_MOST_BYTES = 64 << 10
_PAUSES_S = (0.02, 0.05, 0.1, None)
_NO_FLOCK = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, or held it last; `first_begun_at_ms` is None if no run of the plan has sent anything.

    `root` is the folder that its runs went to, if it was another than the plan's: as Journal.root has it.
    """

    pid: int
    host: str
    since_ms: int
    plan_digest: str
    first_begun_at_ms: int | None
    token: str
    root: str | None = None

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"process {self.pid} on {self.host} since {since}"


class JournalLock:
    """A context manager that holds the lock; raises Locked, naming the holder, if somebody else does.

    `was_begun_before`: earlier runs of this plan may have sent requests, none of them before `first_begun_at_ms` by the
    store's clock. `token` tells this holder from all others. `lease`: None where the kernel keeps the lock for as long
    as this process lives. Where flock does not work, somebody takes it over who sees no heartbeat for too long; then
    the lease is lost, and `check` says so. `is_new`: nobody has held it before.
    """

    def __init__(self, path: Path, *, plan_digest: str, now_ms: int) -> None:
        self._path = path
        self._plan_digest = plan_digest
        self._now_ms = now_ms
        self._descriptor = -1
        self._stop_beating = Event()
        self._heart: Thread | None = None
        self.token = secrets.token_hex(8)
        self.first_begun_at_ms: int | None = None
        self.root: str | None = None
        self.was_begun_before = False
        self.lease: Lease | None = None
        self.is_new = False

    def __enter__(self) -> Self:
        while not self._enter():
            sleep(_DOUBT_S)
        return self

    def _enter(self) -> bool:
        """Take the lock; return False if its file was removed meanwhile, so that others would take another one."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise S3PlanError(
                f"{self._path}: the lock cannot be opened: {error.strerror}; check the disk and the folder's "
                "permissions, then apply again"
            ) from error
        try:
            self._check_own()
            has_it = self._acquire()
        except BaseException:
            os.close(self._descriptor)
            raise
        if not has_it:
            os.close(self._descriptor)
        return has_it

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart is not None:
            self._stop_beating.set()
            self._heart.join()
            if self._is_ours():
                with suppress(OSError):
                    os.utime(self._path, (0, 0))  # lets the next one in at once
        os.close(self._descriptor)

    def check(self) -> None:
        """Raise Locked if somebody else has taken over; waits where that is in doubt. Call it before each change.

        Raise S3PlanError if the doubt lasts.
        """
        lease = self.lease
        if lease is None or lease.is_sure:
            return
        until_s = lease_clock_s() + TAKE_OVER_AFTER_S
        while not lease.is_sure:  # the heart finds it out
            if lease.is_lost:
                raise Locked(
                    f"{self._path.with_suffix('')} was taken over by {read_holder(self._path) or 'another apply'}, "
                    "since this one was silent for too long; nothing more was sent or written from here: look at "
                    "`s3plan status`, then apply again if that one has ended"
                )
            if lease_clock_s() >= until_s:
                raise S3PlanError(f"{self._path}: the lock cannot be read; check the disk, then apply again")
            sleep(_DOUBT_S)

    def _check_own(self) -> None:
        """Raise JournalRefused for a file that others have made, or may write: it says what was begun, and when."""
        objection = objection_to_status(os.fstat(self._descriptor), folder=self._path.parent)
        if objection is not None:
            raise JournalRefused(
                f"{shown_path(self._path)} {objection}: it might say that nothing was begun that was; move it away, or "
                "name another journal with --journal"
            )

    def _acquire(self) -> bool:
        for pause_s in _PAUSES_S:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if pause_s is None:
                    raise self._refusal(read_holder(self._path)) from error
                sleep(pause_s)  # `status` holds it for an instant, to see whether anybody does
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise S3PlanError(
                        f"{self._path}: the lock cannot be taken: {error.strerror}; check the disk, then apply again"
                    ) from error
                self._acquire_by_heartbeat()
                return True
            else:
                break
        if not self._is_in_place():
            return False
        self._take_over()
        return True

    def _is_in_place(self) -> bool:
        """Return whether the file that is locked is the one that whoever comes next will open."""
        try:
            return os.path.samestat(self._path.lstat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def _acquire_by_heartbeat(self) -> None:
        """Where flock does not work: a file that is touched every 10 s is held; after 60 s without it is not.

        Of those who find it free at one moment the last one to write in it has it.
        """
        holder = read_holder(self._path)
        if holder is not None and self._is_beating():
            raise self._refusal(holder)
        began_s = lease_clock_s()
        self._take_over()
        sleep(_SETTLE_S)
        if not self._is_ours():
            raise self._refusal(read_holder(self._path))
        self.lease = Lease(began_s + _LEASE_BEATS * HEARTBEAT_S)
        self._heart = Thread(target=self._keep_beating, args=(self.lease, began_s), name="s3plan-lock", daemon=True)
        self._heart.start()

    def _is_beating(self) -> bool:
        """Return whether the holder lives, as far as the file tells.

        A clock that was set, or a machine that slept, makes it look older or newer than it is: then it is watched.
        """
        touched_s = os.fstat(self._descriptor).st_mtime
        if touched_s == 0:
            return False  # an orderly end
        if 0 <= self._filesystem_now_s() - touched_s < TAKE_OVER_AFTER_S:
            return True
        until_s = monotonic() + _WATCH_S
        while monotonic() < until_s:
            sleep(min(_LOOK_EVERY_S, _WATCH_S))
            if os.fstat(self._descriptor).st_mtime != touched_s:
                return True
        return False

    def _filesystem_now_s(self) -> float:
        """Return the time as the file system counts it; clocks of two hosts need not agree."""
        probe = self._path.with_name(f"{self._path.name}.{self.token}")
        try:
            probe.touch(0o600)
            return probe.stat().st_mtime
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            probe.unlink(missing_ok=True)

    def _keep_beating(self, lease: Lease, beaten_s: float) -> None:
        while not (lease.is_lost or self._stop_beating.wait(min(HEARTBEAT_S, _PULSE_S))):
            now_s = lease_clock_s()
            if now_s - beaten_s >= HEARTBEAT_S:
                with suppress(OSError):  # a disk that comes back within a minute costs nothing
                    if self._beat(lease):
                        beaten_s = now_s

    def _beat(self, lease: Lease) -> bool:
        """Touch the file if it is ours, and prolong the lease; return whether that was done.

        After a silence in which others may have taken us for dead the file is ours only if it still is after a while.
        """
        began_s, was_sure = lease_clock_s(), lease.is_sure
        holder = read_holder(self._path)
        if holder is not None and holder.token == self.token:
            os.utime(self._path)
            if not was_sure:
                sleep(_SETTLE_S)
                holder = read_holder(self._path)
        if holder is None:
            return False
        lease.is_lost = holder.token != self.token
        if not lease.is_lost:
            lease.until_s = began_s + _LEASE_BEATS * HEARTBEAT_S
        return True

    def _is_ours(self) -> bool:
        holder = read_holder(self._path)
        return holder is not None and holder.token == self.token

    def _take_over(self) -> None:
        """Write our name in place of the last holder's; what it knew of this plan stays."""
        self.is_new = not os.fstat(self._descriptor).st_size
        before = read_holder(self._path)
        if before is not None and before.plan_digest == self._plan_digest:
            self.first_begun_at_ms = before.first_begun_at_ms
            self.was_begun_before = before.first_begun_at_ms is not None
            self.root = before.root
        self._write_holder()

    def note_begun(self, store_now_ms: int, *, root: str | None = None) -> None:
        """Write down durably that requests of this plan may be sent from now on, and where to, unless it is known.

        By the store's clock: this machine's may jump before the next apply. Raises S3PlanError, Locked as `check` does.
        """
        self.check()
        if self.first_begun_at_ms is None or self.root != root:
            self.root = root
            self.first_begun_at_ms = store_now_ms if self.first_begun_at_ms is None else self.first_begun_at_ms
            self._write_holder()

    def _write_holder(self) -> None:
        text = json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since_ms": self._now_ms,
                "plan_digest": self._plan_digest,
                "first_begun_at_ms": self.first_begun_at_ms,
                "token": self.token,
                "root": self.root,
            }
        ).encode()
        try:
            written = 0
            while written < len(text):  # a disk that is almost full takes a part
                written += os.pwrite(self._descriptor, text[written:], written)
            os.ftruncate(self._descriptor, len(text))  # last: on a full disk the old text stays
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> S3PlanError:
        return S3PlanError(
            f"{self._path}: the lock cannot be written: {error.strerror}; make room or check the disk, then apply again"
        )

    def _refusal(self, holder: Holder | None) -> Locked:
        who = "another apply" if holder is None else str(holder)
        return Locked(
            f"{self._path.with_suffix('')} is being applied by {who}; `s3plan status --watch` follows "
            "it, `s3plan cancel` ends it"
        )


def read_holder(path: Path) -> Holder | None:
    """Return who holds the lock or held it last; None if nothing readable is written there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            raw = json.loads(stream.read(_MOST_BYTES))
        return Holder(
            int(raw["pid"]),
            str(raw["host"])[:255],
            _moment_of(raw["since_ms"]),
            str(raw["plan_digest"]),
            None if raw["first_begun_at_ms"] is None else _moment_of(raw["first_begun_at_ms"]),
            str(raw.get("token", "")),
            None if raw.get("root") is None else str(raw["root"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _moment_of(value: object) -> int:
    """Return a time in milliseconds; ValueError for what is no date."""
    moment_ms = int(str(value))
    datetime.fromtimestamp(moment_ms / 1000, UTC)
    return moment_ms


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock at this moment; where flock does not work, within the last minute."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        age_s = time() - os.fstat(descriptor).st_mtime
        return error.errno in _NO_FLOCK and 0 <= age_s < TAKE_OVER_AFTER_S
    finally:
        os.close(descriptor)
    return False
