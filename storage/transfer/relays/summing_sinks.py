"""Sinks that sum up what passes on to another one."""

from __future__ import annotations

from s3plan.schemas.bodies import OpenSink, Sink
from s3plan.storage.checksums import PassingChecksums


def summing_sink(into: Sink, checksums: PassingChecksums) -> Sink:
    """Return a sink that hands on to that one what it sums up; one that can be received into, if that one can."""
    if isinstance(into, OpenSink):
        return _OpenSummingSink(into, checksums, into)
    return _SummingSink(into, checksums)


class _SummingSink:
    __slots__ = ("_checksums", "_into", "size_bytes")

    def __init__(self, into: Sink, checksums: PassingChecksums) -> None:
        self._into = into
        self._checksums = checksums
        self.size_bytes = into.size_bytes

    def take(self, view: memoryview) -> None:
        """Sum them up, and pass them on."""
        self._checksums.update(view)
        self._into.take(view)


class _OpenSummingSink(_SummingSink):
    """Sums bytes up where they lie, as long as the processor's cache has them."""

    __slots__ = ("_free", "_open")

    def __init__(self, into: Sink, checksums: PassingChecksums, opened: OpenSink) -> None:
        super().__init__(into, checksums)
        self._open = opened
        self._free = memoryview(b"")

    def free_view(self, most_bytes: int) -> memoryview:
        """See bodies.OpenSink."""
        self._free = self._open.free_view(most_bytes)
        return self._free

    def filled(self, size_bytes: int) -> None:
        """See bodies.OpenSink."""
        self._checksums.update(self._free[:size_bytes])
        self._open.filled(size_bytes)
