"""The side of a folder's engine that writes: one thread fills staged files, another one brings them into place."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileReply, FileStaged, PublishFile, RemoveFile, StagedName, StageFile
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import broken, failure_from
from s3plan.storage.folder.writes.commits import Commits
from s3plan.storage.folder.writes.durability import sync_device
from s3plan.storage.folder.writes.staged_sink import OpenStagedFile
from s3plan.storage.folder.writes.staging import Staging
from s3plan.storage.folder.writes.trash import Trash
from s3plan.storage.request_threads import RequestThreads

OnReply = Callable[[FileReply | Failure], None]
_UMASK = re.compile(r"^Umask:\s*([0-7]+)$", re.MULTILINE).search
_logger = logging.getLogger(__name__)


class FolderWriter:
    """Answers what changes a folder. In a directory the kernel lets one thread at a time create or rename."""

    def __init__(self, root: Path, *, trash: Path | None = None, waits_for_disk: bool = True) -> None:
        """Open the folder; raises OSError. A sync tells only of what went wrong after this."""
        self._trash = None if trash is None else Trash(trash)
        self._stagings: dict[tuple[int, str], Staging] = {}
        self._umask = _umask()
        self._filled = OpenDirectories(root)
        try:
            self._committed = OpenDirectories(root)
        except OSError:
            self._filled.close()
            raise
        self._writes = RequestThreads(1, name="s3plan-write", on_end=self._end_writes)
        self._commits = Commits(
            lambda staged: self._staging(self._committed, staged),
            sync=self._sync if waits_for_disk else _no_sync,
            on_end=self._committed.close,
        )

    def submit(self, request: StageFile | PublishFile | RemoveFile, on_reply: OnReply) -> None:
        """Answer on one of the two threads."""
        if isinstance(request, RemoveFile):
            self._commits.submit(request, on_reply)
        else:
            self._writes.submit(lambda: self._write(request, on_reply))

    def close(self) -> None:
        """Take no more requests; those that were taken are still answered."""
        self._writes.close()

    def _end_writes(self) -> None:
        self._filled.close()
        self._commits.close()

    def _sync(self) -> None:
        sync_device(self._committed.of(()))

    def _staging(self, directories: OpenDirectories, staged: StagedName) -> Staging:
        """Return the staging folder of a plan as one of the two threads reaches it."""
        key = (id(directories), staged.plan_digest)
        known = self._stagings.get(key)
        if known is None:
            known = self._stagings[key] = Staging(directories, staged.plan_digest, umask=self._umask, trash=self._trash)
        return known

    def _write(self, request: StageFile | PublishFile, on_reply: OnReply) -> None:
        reply: FileReply | Failure
        try:
            staging = self._staging(self._filled, request.staged)
            if isinstance(request, PublishFile):
                _fill(staging, request)
                self._commits.submit(request, on_reply)
                return
            reply = _staged(staging, request)
        except OSError as error:
            parts = request.parts if isinstance(request, PublishFile) else ()
            reply = failure_from(error, operation=type(request).__name__, parts=parts)
        except Exception as error:  # noqa: BLE001
            reply = broken(error, operation=type(request).__name__)
        try:
            on_reply(reply)
        except Exception:
            _logger.exception("a reply broke its receiver")


def _no_sync() -> None:
    """What is written comes to the disk when the system sees fit."""


def _staged(staging: Staging, request: StageFile) -> FileStaged:
    descriptor = staging.create(request.staged.name, size_bytes=request.size_bytes)
    return FileStaged(OpenStagedFile(descriptor, request.size_bytes))


def _fill(staging: Staging, request: PublishFile) -> None:
    name, content = request.staged.name, request.content
    if isinstance(content, memoryview):
        staging.write(name, content, mtime_ns=request.mtime_ns)
        return
    assert isinstance(content, OpenStagedFile)  # noqa: S101  the only StagedFile of folders
    try:
        staging.seal(name, content.descriptor, size_bytes=content.size_bytes, mtime_ns=request.mtime_ns)
        content.close()  # however long the disk takes to keep it
    except BaseException:
        staging.remove(name)
        raise


def _umask() -> int:
    """Return the process's; asking the system call for it would change it for a moment, for all threads."""
    try:
        found = _UMASK(Path("/proc/self/status").read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is not None:
        return int(found[1], 8)
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
