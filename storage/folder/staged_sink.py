"""The bytes of an answer on their way into a staged file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from s3plan.storage.checksums import PassingChecksums
from s3plan.storage.folder.staging import write_all


class StagedFileSink:
    """A StagedSink; the file is closed when nobody has this object any more."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self.descriptor = descriptor
        self._size_bytes = size_bytes
        self._checksums = PassingChecksums()

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.descriptor)

    @property
    def size_bytes(self) -> int:
        """How many bytes it waits for."""
        return self._size_bytes

    @property
    def checksums(self) -> Mapping[str, str]:
        """Those of what it has taken."""
        return self._checksums.values()

    def take(self, view: memoryview) -> None:
        """Append them to the file."""
        write_all(self.descriptor, view)
        self._checksums.update(view)
