"""Where bytes on their way from one store to another are, between an answer and a request."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from s3plan.schemas.bodies import BodyInMemory, Sink, SinkInMemory


class MemoryRoom(BodyInMemory):
    """A Room in memory."""

    __slots__ = ("_view",)

    def __init__(self, view: memoryview) -> None:
        super().__init__(view)
        self._view = view

    def sink(self) -> Sink:
        """Return a sink that fills it."""
        return SinkInMemory(len(self._view), into=self._view)


class FileRoom:
    """A Room in a temporary file without a name, in the folder for such; `on_end` is called once nobody has it."""

    def __init__(self, size_bytes: int, *, on_end: Callable[[], None]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it is open as long as this object is there
        self._on_end = on_end
        self.size_bytes = size_bytes

    def __del__(self) -> None:
        if hasattr(self, "_on_end"):
            self._file.close()
            self._on_end()

    def sink(self) -> Sink:
        """Return a sink that fills it."""
        return _FileSink(self, self._file.fileno(), self.size_bytes)

    def read_into(self, view: memoryview, *, offset: int) -> int:
        """Read at that place."""
        return os.preadv(self._file.fileno(), [view[: self.size_bytes - offset]], offset)


class _FileSink:
    """A Sink that fills a room's temporary file.

    It keeps the room: where nobody waits for an answer any more it may still come, and once the file is closed its
    descriptor can be another one's.
    """

    __slots__ = ("_descriptor", "_room", "_taken_bytes", "size_bytes")

    def __init__(self, room: FileRoom, descriptor: int, size_bytes: int) -> None:
        self._room = room
        self._descriptor = descriptor
        self._taken_bytes = 0
        self.size_bytes = size_bytes

    def take(self, view: memoryview) -> None:
        """Write them."""
        while view:
            written = os.pwrite(self._descriptor, view, self._taken_bytes)
            self._taken_bytes += written
            view = view[written:]
