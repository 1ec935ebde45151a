"""Bytes on their way to a store or from it, without being held in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


class Body(Protocol):
    """What a request sends. Lives in one worker and is never pickled; any thread may read, one at a time."""

    @property
    def size_bytes(self) -> int:
        """How many bytes are sent."""

    def read_into(self, view: memoryview, *, offset: int) -> int:
        """Fill the view with what stands at that offset, and return how many bytes that is.

        The same place may be read several times. Fewer than the view takes, or none, only where the bytes end: before
        `size_bytes`, whatever they come from has become shorter, and the request fails with SOURCE_CHANGED. Raises
        OSError where they cannot be read (LOCAL_IO).
        """


@runtime_checkable
class Viewed(Protocol):
    """What a Body is, too, whose bytes lie in memory as a whole: nobody has to copy them."""

    def view_at(self, offset: int, most_bytes: int) -> memoryview:
        """Return what stands at that offset, less than asked for only where the body ends.

        For reading, and good as long as the caller has the body.
        """


def pieces_of(body: Body, *, buffer_bytes: int = 1 << 20) -> Iterator[memoryview]:
    """Yield a body's bytes in order, as far as they can be had; a piece is good until the next. Raises OSError."""
    if isinstance(body, Viewed):
        for offset in range(0, body.size_bytes, buffer_bytes):
            yield body.view_at(offset, buffer_bytes)
        return
    view, offset = memoryview(bytearray(min(buffer_bytes, body.size_bytes))), 0
    while offset < body.size_bytes and (read := body.read_into(view[: body.size_bytes - offset], offset=offset)):
        yield view[:read]
        offset += read


class Sink(Protocol):
    """What takes the bytes of an answer, in order; what it has taken counts only if the request ends well."""

    @property
    def size_bytes(self) -> int:
        """How many bytes it waits for: an answer of another size is refused before any of it is taken."""

    def take(self, view: memoryview) -> None:
        """Keep these bytes; the view is another's afterwards. Raises OSError where they cannot be kept (LOCAL_IO)."""


@runtime_checkable
class OpenSink(Protocol):
    """What a Sink is, too, that keeps bytes in memory: they can be received where they are to lie."""

    def free_view(self, most_bytes: int) -> memoryview:
        """Return where the next bytes go: so many, or all that are missing. Good as long as the caller has the sink."""

    def filled(self, size_bytes: int) -> None:
        """Take the first so many bytes of that view, instead of `take`."""


class Room(Body, Protocol):
    """A place for bytes on their way: a Body of what its last sink has taken. Lives in one worker."""

    def sink(self) -> Sink:
        """Return a sink that fills it from the beginning; what another one has taken counts for nothing any more."""


@dataclass(frozen=True, slots=True)
class Digests:
    """What is known of a body's bytes: a store refuses others. None: not computed."""

    crc64nvme: str | None = None  # base64, as x-amz-checksum-crc64nvme has it
    md5: str | None = None  # base64, as Content-MD5 has it
    sha256: str | None = None  # hex: what the request is signed with where nothing else protects its bytes
    checksum: tuple[str, str] | None = None  # algorithm and base64: another one that the store is to keep with them


UNKNOWN_DIGESTS = Digests()


class BodyInMemory:
    """A Body of bytes that are there."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes | memoryview) -> None:
        self._content = memoryview(content)

    @property
    def size_bytes(self) -> int:
        """How many bytes they are."""
        return len(self._content)

    def read_into(self, view: memoryview, *, offset: int) -> int:
        """Copy them."""
        part = self._content[offset : offset + len(view)]
        view[: len(part)] = part
        return len(part)


class SinkInMemory:
    """A Sink that holds what it takes."""

    __slots__ = ("_taken_bytes", "content")

    def __init__(self, size_bytes: int, *, into: memoryview | None = None) -> None:
        """`into` has exactly so many bytes."""
        self.content = memoryview(bytearray(size_bytes)) if into is None else into
        self._taken_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How many bytes it waits for."""
        return len(self.content)

    def take(self, view: memoryview) -> None:
        """Copy them."""
        end = self._taken_bytes + len(view)
        self.content[self._taken_bytes : end] = view
        self._taken_bytes = end
