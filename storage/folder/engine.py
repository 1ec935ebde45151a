"""The engine of a folder: requests about its files, answered by a few threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import (
    DropStaged,
    FileReply,
    FileRequest,
    FindFile,
    HashFile,
    HashStaged,
    HeldBytes,
    ReadFile,
    ReopenStaged,
    ReturnLeft,
)
from s3plan.storage.file_settings import USUAL_FILES
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import broken, failure_from
from s3plan.storage.folder.hashing import hash_file, hash_staged
from s3plan.storage.folder.reading import is_held, read_file
from s3plan.storage.folder.writes.durability import SharedSync, sync_device
from s3plan.storage.folder.writes.recovery import drop_staged, find_file, reopen_staged, return_left
from s3plan.storage.folder.writes.trash import Trash
from s3plan.storage.folder.writes.writing import FolderWriter
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.request_threads import RequestThreads

_Looking = ReadFile | HashFile | HashStaged | ReopenStaged | FindFile | DropStaged | ReturnLeft
_Reply = TypeVar("_Reply", bound=FileReply | Failure)
_logger = logging.getLogger(__name__)


class FolderEngine:
    """Answers FileRequests about what lies below `root`; never retries. With `follows` it goes through symbolic links.

    At most `threads` files are read at a time; those that are not held in memory stay open as long as somebody has
    their bodies. Each thread keeps some directories open. What is published is on disk before it is told.
    """

    def __init__(
        self,
        root: Path,
        *,
        threads: int,
        follows: bool = False,
        memory: MemoryBudget | None = None,
        waits_for_disk: bool = True,
        trash: Path | None = None,
    ) -> None:
        """`memory` is for files that were read and not yet sent; who asks for more waits.

        Without `waits_for_disk` what is published is told, and brought into its place, before it is on disk.
        """
        self._waits_for_disk = waits_for_disk
        self._root = root
        self._follows = follows
        self._trash = trash
        self._threads = RequestThreads(threads, name="s3plan-file", on_end=self._close_directories)
        self._memory = memory or MemoryBudget(USUAL_FILES.memory_bytes)
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._opened: list[OpenDirectories] = []
        self._writer: FolderWriter | None = None
        self._syncs = SharedSync()

    def submit(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        """Answer on one of the threads; `on_reply` is called exactly once, there."""
        if isinstance(request, _Looking):
            self._threads.submit(partial(self._answer, request, on_reply))
            return
        try:
            writer = self._opened_writer()
        except OSError as error:
            failure = failure_from(error, operation=type(request).__name__, parts=())
            self._threads.submit(lambda: on_reply(failure))
            return
        writer.submit(request, on_reply)

    def call(self, request: _Looking) -> FileReply | Failure:
        """Answer on this thread; what is read counts for nothing."""
        return self._reply_to(request, hold=HeldBytes)

    def close(self) -> None:
        """Take no more requests; those that were taken are still answered, as soon as there is memory for them."""
        self._threads.close()
        with self._lock:
            writer = self._writer
        if writer is not None:
            writer.close()

    def _opened_writer(self) -> FolderWriter:
        with self._lock:
            if self._writer is None:
                self._writer = FolderWriter(self._root, trash=self._trash, waits_for_disk=self._waits_for_disk)
            return self._writer

    def _reply_to(self, request: _Looking, *, hold: Callable[[bytes], HeldBytes]) -> FileReply | Failure:
        name = type(request).__name__
        try:
            directories = self._directories()
            return self._look(directories, request, hold=hold)
        except OSError as error:
            parts = request.parts if isinstance(request, FindFile | ReturnLeft) else ()
            return failure_from(error, operation=name, parts=parts)
        except Exception as error:  # noqa: BLE001
            return broken(error, operation=name)

    def _look(
        self, directories: OpenDirectories, request: _Looking, *, hold: Callable[[bytes], HeldBytes]
    ) -> FileReply | Failure:
        match request:
            case ReadFile():
                return read_file(directories, request, follows=self._follows, hold=hold)
            case HashFile():
                hashed = hash_file(directories, request, follows=self._follows)
                return self._kept(directories, hashed, is_wanted=request.is_to_last)
            case HashStaged():
                return hash_staged(request)
            case ReopenStaged():
                return reopen_staged(directories, request)
            case FindFile():
                found = find_file(directories, request, trash=None if self._trash is None else Trash(self._trash))
                return self._kept(directories, found, is_wanted=found.md5 is not None)
            case DropStaged():
                dropped = drop_staged(directories, request)
                return self._kept(directories, dropped, is_wanted=dropped.was_same)
            case ReturnLeft():
                return return_left(directories, request)

    def _kept(self, directories: OpenDirectories, reply: _Reply, *, is_wanted: bool) -> _Reply:
        """Return a reply that somebody may take for a file that lasts, once what stands there is on disk.

        Whoever wrote it, an attempt that was killed among them, may not have waited for that. Raises OSError.
        """
        if is_wanted and self._waits_for_disk and not isinstance(reply, Failure):
            self._syncs.wait(lambda: sync_device(directories.of(())))
        return reply

    def _answer(self, request: _Looking, on_reply: Callable[[FileReply | Failure], None]) -> None:
        taken_bytes = request.size_bytes if isinstance(request, ReadFile) and is_held(request) else 0
        self._memory.take(taken_bytes)
        held: list[HeldBytes] = []

        def hold(content: bytes) -> HeldBytes:
            held.append(self._memory.hold(content, taken_bytes))
            return held[-1]

        reply = self._reply_to(request, hold=hold)
        if not held:
            self._memory.give_back(taken_bytes)
        held.clear()
        try:
            on_reply(reply)
        except Exception:
            _logger.exception("a reply broke its receiver")

    def _directories(self) -> OpenDirectories:
        """Return this thread's."""
        known: OpenDirectories | None = getattr(self._of_thread, "directories", None)
        if known is None:
            known = self._of_thread.directories = OpenDirectories(self._root, follows=self._follows)
            with self._lock:
                self._opened.append(known)
        return known

    def _close_directories(self) -> None:
        with self._lock:
            for directories in self._opened:
                directories.close()
            self._opened.clear()
