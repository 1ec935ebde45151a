"""Where bytes on their way from one store to another are, between an answer and a request."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from mmap import mmap

from s3plan.schemas.bodies import Sink


class MemoryRoom:
    """A Room in memory, whose bytes are received and sent where they lie.

    `on_end` is called with the memory once nobody has the room: its sinks and the requests that it is the body of have.
    """

    __slots__ = ("_memory", "_on_end", "_view", "size_bytes")

    def __init__(self, memory: mmap, *, on_end: Callable[[mmap], None]) -> None:
        self._memory: mmap | None = memory
        self._view = memoryview(memory)
        self._on_end = on_end
        self.size_bytes = len(memory)

    def __del__(self) -> None:
        memory, self._memory = self._memory, None
        self._view = memoryview(b"")
        if memory is not None:
            self._on_end(memory)

    def sink(self) -> Sink:
        """Return a sink that fills it."""
        return _MemorySink(self)

    def read_into(self, view: memoryview, *, offset: int) -> int:
        """Copy what stands there."""
        part = self.view_at(offset, len(view))
        view[: len(part)] = part
        return len(part)

    def view_at(self, offset: int, most_bytes: int) -> memoryview:
        """See bodies.Viewed."""
        return self._view[offset : offset + most_bytes]


class _MemorySink:
    """A Sink that fills a room in memory. It keeps the room, whose memory is another one's afterwards."""

    __slots__ = ("_room", "_taken_bytes", "size_bytes")

    def __init__(self, room: MemoryRoom) -> None:
        self._room = room
        self._taken_bytes = 0
        self.size_bytes = room.size_bytes

    def take(self, view: memoryview) -> None:
        """Copy them."""
        self.free_view(len(view))[:] = view
        self._taken_bytes += len(view)

    def free_view(self, most_bytes: int) -> memoryview:
        """See bodies.OpenSink."""
        return self._room.view_at(self._taken_bytes, most_bytes)

    def filled(self, size_bytes: int) -> None:
        """See bodies.OpenSink."""
        self._taken_bytes += size_bytes


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
