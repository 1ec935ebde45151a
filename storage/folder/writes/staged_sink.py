"""The bytes of answers on their way into a staged file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from s3plan.storage.checksums import PassingChecksums


class OpenStagedFile:
    """A StagedFile; closed by `close`, or when nobody has this object, or one of its sinks, any more."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self.descriptor = descriptor
        self.size_bytes = size_bytes

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()

    def close(self) -> None:
        """Let go of the file; its sinks take nothing any more. Raises OSError as writing does."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def sink(self, first_byte: int, size_bytes: int, *, is_of_part: bool = False) -> RangeSink:
        """Return a sink that fills so many bytes from there on; sinks of other ranges may fill theirs meanwhile."""
        return RangeSink(self, first_byte, size_bytes, PassingChecksums(is_of_part=is_of_part))


class RangeSink:
    """A StagedSink of a range of a staged file."""

    def __init__(self, file: OpenStagedFile, first_byte: int, size_bytes: int, checksums: PassingChecksums) -> None:
        self._file = file
        self._at = first_byte
        self._size_bytes = size_bytes
        self._checksums = checksums

    @property
    def size_bytes(self) -> int:
        """How many bytes it waits for."""
        return self._size_bytes

    @property
    def checksums(self) -> Mapping[str, str]:
        """Those of what it has taken."""
        return self._checksums.values()

    def take(self, view: memoryview) -> None:
        """Write them behind those before."""
        self._checksums.update(view)
        while view:
            written = os.pwrite(self._file.descriptor, view, self._at)
            self._at += written
            view = view[written:]
