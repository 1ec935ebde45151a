"""The engine of a folder: requests about its files, answered by a few threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileReply, FileRequest, HeldBytes
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import failure_from
from s3plan.storage.folder.memory_budget import MemoryBudget
from s3plan.storage.folder.reading import is_held, read_file
from s3plan.storage.request_threads import RequestThreads

_MEMORY_BYTES = 160 << 20
_logger = logging.getLogger(__name__)


class FolderEngine:
    """Answers FileRequests about what lies below `root`; never retries. With `follows` it goes through symbolic links.

    At most `threads` files are read at a time; those that are not held in memory stay open as long as somebody has
    their bodies. Each thread keeps some directories open.
    """

    def __init__(self, root: Path, *, threads: int, follows: bool = False, memory_bytes: int = _MEMORY_BYTES) -> None:
        """`memory_bytes`: of files that were read and not yet sent; who asks for more waits."""
        self._root = root
        self._follows = follows
        self._threads = RequestThreads(threads, name="s3plan-file", on_end=self._close_directories)
        self._memory = MemoryBudget(memory_bytes)
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._opened: list[OpenDirectories] = []

    def submit(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        """Answer on one of the threads; `on_reply` is called exactly once, there."""
        self._threads.submit(lambda: self._answer(request, on_reply))

    def call(self, request: FileRequest) -> FileReply | Failure:
        """Answer on this thread; what is read counts for nothing."""
        return self._reply_to(request, hold=HeldBytes)

    def _reply_to(self, request: FileRequest, *, hold: Callable[[bytes], HeldBytes]) -> FileReply | Failure:
        name = type(request).__name__
        try:
            directories = self._directories()
        except OSError as error:
            return failure_from(error, operation=name, parts=())
        try:
            return read_file(directories, request, follows=self._follows, hold=hold)
        except Exception as error:  # whoever waits for this reply must hear of a fault of ours, too
            _logger.exception("a request broke the folder's engine")
            return Failure(FailureKind.BAD_REPLY, name, "EngineBroke", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Take no more requests; those that were taken are still answered, as soon as there is memory for them."""
        self._threads.close()

    def _answer(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        taken_bytes = request.stamp.size_bytes if is_held(request) else 0
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
