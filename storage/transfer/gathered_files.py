"""Small files that are asked for together: one by one they cost more in changes of threads than in work.

Replies come many in a turn of an engine's thread, and each begins the next file. If another thread reads it meanwhile,
the two take the interpreter from each other at every call of the system: fifteen times a file.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident

from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileReply, FileRequest, PublishFile, ReadFile
from s3plan.schemas.ports import FileEngine, RepliesInTurns

OnReply = Callable[[FileReply | Failure], None]
_SMALL_BYTES = 64 << 10
_MOST_BYTES = 1 << 20  # together: a few milliseconds of reading and hashing


class GatheredFiles:
    """What one batch has asked of folders and is not sent yet. Not thread-safe."""

    def __init__(self, engine: object, on_turn_end: Callable[[], None]) -> None:
        """`engine` is what the batch's replies come from; `on_turn_end` is called when its turn has ended: to send."""
        self._turns = engine if isinstance(engine, RepliesInTurns) else None
        self._on_turn_end = on_turn_end
        self._asked: list[tuple[FileEngine, FileRequest, OnReply]] = []
        self._size_bytes = 0
        self._due_on: int | None = None  # the thread whose turn ends them

    def add(self, files: FileEngine, request: FileRequest, on_reply: OnReply) -> bool:
        """Take a request, or return False if it is not worth it and should be sent at once."""
        size_bytes = _size_of(request)
        if self._turns is None or size_bytes is None:
            return False
        if self._size_bytes + size_bytes > _MOST_BYTES:
            self.send_together()
        self._asked.append((files, request, on_reply))
        self._size_bytes += size_bytes
        return True

    def send_soon(self) -> None:
        """Have them sent at the end of this thread's turn; now if it is in none."""
        if not self._asked or self._due_on == get_ident():
            return
        if self._turns is not None and self._turns.after_turn(self._on_turn_end):
            self._due_on = get_ident()
            return
        for files, request, on_reply in self._taken():
            files.submit(request, on_reply)

    def send_together(self) -> None:
        """Send them now, and wait a moment for their replies."""
        taken = self._taken()
        while taken:
            files = taken[0][0]
            files.submit_together([asked[1:] for asked in taken if asked[0] is files])
            taken = [asked for asked in taken if asked[0] is not files]

    def _taken(self) -> list[tuple[FileEngine, FileRequest, OnReply]]:
        taken, self._asked = self._asked, []
        self._size_bytes, self._due_on = 0, None
        return taken


def _size_of(request: FileRequest) -> int | None:
    """Return the bytes of a small file that is read or written whole; None for anything else."""
    if type(request) is ReadFile:
        size_bytes = request.size_bytes
    elif type(request) is PublishFile and isinstance(request.content, memoryview):
        size_bytes = len(request.content)
    else:
        return None
    return size_bytes if size_bytes <= _SMALL_BYTES else None
