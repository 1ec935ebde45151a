"""Bodies and sinks for libraries that want files and give chunks."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable

from s3plan.schemas.bodies import Body, Sink
from s3plan.schemas.failures import FailureKind


class BodyStream(io.RawIOBase):
    """A Body as a file to read from. `broken` says why it could not be read, once it could not: then it ends early."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._body = body
        self._at = 0
        self.broken: tuple[FailureKind, str] | None = None

    def __len__(self) -> int:
        return self._body.size_bytes

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        begins = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._body.size_bytes}
        self._at = begins[whence] + offset
        return self._at

    def tell(self) -> int:
        """Return where it is."""
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer. Where it cannot be read it ends: awscrt, which signs by this, would print what is raised."""
        try:
            return self._read(memoryview(buffer).cast("B"))
        except OSError:
            return 0

    def read(self, size: int | None = -1) -> bytes:
        """Return that many bytes, or all; raises OSError, also where the body has become shorter."""
        left = max(0, self._body.size_bytes - self._at)
        content = bytearray(left if size is None or size < 0 else min(size, left))
        view, filled = memoryview(content), 0
        while filled < len(content):
            filled += self._read(view[filled:])
        return bytes(content)

    def _read(self, view: memoryview) -> int:
        view = view[: max(0, self._body.size_bytes - self._at)]
        if not len(view):
            return 0
        try:
            read = self._body.read_into(view, offset=self._at)
        except OSError as error:
            self.broken = (FailureKind.LOCAL_IO, f"what is to be sent cannot be read: {error.strerror or error}")
            raise
        if not read:
            self.broken = (FailureKind.SOURCE_CHANGED, "what is to be sent became shorter meanwhile")
            raise OSError(self.broken[1])
        self._at += read
        return read


def pour(chunks: Iterable[bytes], sink: Sink) -> int:
    """Have a sink take chunks, no more than it waits for; return how many bytes came. Raises what either raises."""
    taken_bytes = 0
    for chunk in chunks:
        taken_bytes += len(chunk)
        if taken_bytes > sink.size_bytes:
            return taken_bytes
        sink.take(memoryview(chunk))
    return taken_bytes
