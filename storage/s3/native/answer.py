"""Reads one HTTP/1.1 answer from the bytes of a connection, as they come; https://www.rfc-editor.org/rfc/rfc9112.

It does no more than S3 needs, and refuses what it does not know: an answer that can be read in two ways is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from s3plan.schemas.bodies import OpenSink, Sink

_MOST_HEAD_BYTES = 64 << 10
MOST_BODY_BYTES = 32 << 20
"""Of what a body may have, and what frames it: five times as much as the largest page of a listing."""
_MOST_LINE_BYTES = 4 << 10
_END = b"\r\n\r\n"
_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*)*+")
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r\n]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,15}")
_HEX = re.compile(rb"[0-9A-Fa-f]{1,12}")
_CONTENT_RANGE = re.compile(rb"\r\ncontent-range:[ \t]*bytes ([0-9]{1,15})-([0-9]{1,15})/", re.IGNORECASE)
_CONTINUE_BELOW = 200
_WHOLE, _PART = 200, 206
_MOVED = 300
_SWITCHING = 101  # to a protocol that nobody asked for
_MOST_INTERIM = 100
_BODILESS = frozenset({204, 304})


class AnswerBroken(ValueError):
    """What came is no HTTP answer, or ended before its end."""


@dataclass(frozen=True, slots=True)
class Pour:
    """Where the body of an answer goes that is what was asked for; an error's is read into memory, no other is read.

    `byte_range` is the first and the last byte of a part of an object; None: the whole of it.
    """

    sink: Sink
    byte_range: tuple[int, int] | None = None

    def fits(self, status: int, head: bytes, length: int | None) -> bool:
        """Return whether an answer with this head brings the bytes that the sink waits for, and no others."""
        if length != self.sink.size_bytes:
            return False
        if self.byte_range is None:
            return status == _WHOLE
        said = _CONTENT_RANGE.findall(head)
        return status == _PART and len(said) == 1 and (int(said[0][0]), int(said[0][1])) == self.byte_range


class HttpAnswer:
    """One whole answer; `is_poured`: its body went into the sink that was given for it."""

    __slots__ = ("_head", "_headers", "body", "is_poured", "keeps_connection", "status")

    def __init__(
        self, status: int, head: bytes, body: bytes, *, keeps_connection: bool, is_poured: bool = False
    ) -> None:
        """`head` is that of the answer, verified, without its last line end."""
        self.status = status
        self.body = body
        self.keeps_connection = keeps_connection
        self.is_poured = is_poured
        self._head = head
        self._headers: Mapping[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in lower case, of a repeated one the last; read when they are asked for, which is seldom."""
        if self._headers is None:
            lines = (line.partition(":") for line in self._head.decode("latin-1").split("\r\n")[1:])
            self._headers = {name.lower(): value.strip(" \t") for name, _, value in lines}
        return self._headers


class AnswerReader:
    """Feed it what comes until it returns the answer. One reader for each request."""

    __slots__ = (
        "_at",
        "_body",
        "_buffer",
        "_head",
        "_interim",
        "_is_head",
        "_keeps",
        "_left",
        "_most_bytes",
        "_open_sink",
        "_pour",
        "_size_bytes",
        "_state",
        "_status",
        "is_pouring",
    )

    def __init__(self, *, is_head: bool, most_bytes: int = MOST_BODY_BYTES, pour: Pour | None = None) -> None:
        self._is_head = is_head
        self._pour = pour
        self._open_sink: OpenSink | None = None
        self.is_pouring = False  # what comes next goes to `take`, not to `feed`
        self._most_bytes = most_bytes
        self._buffer = b""
        self._at = 0  # what lies before it in the buffer has been read
        self._state = AnswerReader._read_head
        self._status = 0
        self._head = b""
        self._keeps = True
        self._left = 0  # bytes of the body, or of the chunk, still to come
        self._interim = 0
        self._body: bytes | bytearray = b""
        self._size_bytes = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._buffer) or self._state is not AnswerReader._read_head

    def feed(self, data: bytes) -> HttpAnswer | None:
        """Take what came; AnswerBroken if it is no answer. Bytes after the answer cost the connection."""
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        while True:
            step = self._state(self)
            if step is None:
                return None
            if step:
                self._keeps = self._keeps and self._at == len(self._buffer)
                return self._whole()

    def take(self, data: memoryview) -> HttpAnswer | None:
        """Pour what came, until the body ends; raise OSError if the sink does not take it."""
        assert self._pour is not None  # noqa: S101  as is_pouring says
        part = data[: self._left]
        self._left -= len(part)
        self._pour.sink.take(part)
        if self._left:
            return None
        self._keeps = self._keeps and len(part) == len(data)
        return self._whole()

    def receive(self, data: memoryview) -> HttpAnswer | None:
        """Take what came, as `take` or `feed` do; the view is another's afterwards."""
        return self.take(data) if self.is_pouring else self.feed(bytes(data))

    def free_view(self, most_bytes: int) -> memoryview | None:
        """Return where the next bytes can be received, then told by `filled`; None: they are to go to `take`."""
        if self._open_sink is None:
            return None
        return self._open_sink.free_view(min(most_bytes, self._left))

    def filled(self, size_bytes: int) -> HttpAnswer | None:
        """Take note of bytes that were received there. What follows the body is found before the next request."""
        assert self._open_sink is not None  # noqa: S101  it gave the view
        self._left -= size_bytes
        self._open_sink.filled(size_bytes)
        return None if self._left else self._whole()

    def end(self) -> HttpAnswer:
        """Take note that the connection has ended; AnswerBroken unless that is what ends the body."""
        if self._state is not AnswerReader._read_to_end:
            raise AnswerBroken("the connection ended in the middle of the answer")
        return self._whole()

    def _whole(self) -> HttpAnswer:
        return HttpAnswer(
            self._status, self._head, bytes(self._body), keeps_connection=self._keeps, is_poured=self.is_pouring
        )

    def _keep(self, part: bytes) -> None:
        self._size_bytes += len(part)
        if self._size_bytes > self._most_bytes:
            raise self._too_large()
        if not self._body:
            self._body = part
            return
        if isinstance(self._body, bytes):
            self._body = bytearray(self._body)
        self._body += part

    def _too_large(self) -> AnswerBroken:
        return AnswerBroken(f"the body is over {self._most_bytes:,} bytes")

    # A state returns True at the end of the answer, False to be followed by the next, None if more bytes are needed.

    def _read_head(self) -> bool | None:
        end = self._buffer.find(_END)
        if end < 0:
            if len(self._buffer) > _MOST_HEAD_BYTES:
                raise AnswerBroken(f"the head is over {_MOST_HEAD_BYTES:,} bytes")
            return None
        head, self._buffer, self._at = self._buffer[:end], self._buffer[end + len(_END) :], 0
        said = _HEAD.fullmatch(head)
        if said is None:
            raise AnswerBroken("what came does not begin like an HTTP answer")
        status = int(said[2])
        if status < _CONTINUE_BELOW:  # 100 Continue and the like: the answer itself follows
            self._interim += 1
            if status == _SWITCHING or self._interim > _MOST_INTERIM:
                raise AnswerBroken(f"instead of the answer came {status}, {self._interim} times by now")
            return False
        self._status, self._head = status, head
        length, coding, connection = _framing_of(head)
        self._keeps = said[1] == b"1" and b"close" not in connection
        if self._is_head or status in _BODILESS:
            return True
        if self._pour is not None and _WHOLE <= status < _MOVED and not self._pour.fits(status, head, length):
            self._keeps = False  # what comes is not what was asked for, and may be as long as any object
            return True
        if coding is not None:
            if coding != b"chunked" or length is not None:
                raise AnswerBroken("the body's length is given in two ways, or in an unknown one")
            self._state = AnswerReader._read_chunk_size
        elif length is not None:
            self._left = length
            self.is_pouring = self._pour is not None and _WHOLE <= status < _MOVED
            self._state = AnswerReader._pour_rest if self.is_pouring else AnswerReader._read_counted
        else:
            self._keeps = False
            self._state = AnswerReader._read_to_end
        return False

    def _pour_rest(self) -> bool | None:
        """Pour what came in one piece with the head."""
        rest, self._buffer, self._at = self._buffer[self._at :], b"", 0
        if self.take(memoryview(rest)) is not None:
            return True
        sink = None if self._pour is None else self._pour.sink
        self._open_sink = sink if isinstance(sink, OpenSink) else None
        return None

    def _read_counted(self) -> bool | None:
        if self._take_counted():
            return True
        return None

    def _take_counted(self) -> bool:
        """Move what belongs to the body, or to the chunk, from the buffer; True once all of it has come."""
        buffer, at, left = self._buffer, self._at, self._left
        part = buffer[at : at + left] if at or len(buffer) > left else buffer
        self._at = at + len(part)
        if part:
            self._left = left - len(part)
            self._keep(part)
        return self._left == 0

    def _read_to_end(self) -> bool | None:
        if self._buffer:
            part, self._buffer = self._buffer, b""
            self._keep(part)
        return None

    def _read_chunk_size(self) -> bool | None:
        line = self._line()
        if line is None:
            return None
        size = _HEX.match(line)
        if size is None or line[size.end() :].lstrip()[:1] not in (b"", b";"):
            raise AnswerBroken("a chunk's length cannot be read")
        self._left = int(size[0], 16)
        self._state = AnswerReader._read_chunk if self._left else AnswerReader._read_trailers
        return False

    def _read_chunk(self) -> bool | None:
        if not self._take_counted():
            return None
        self._state = AnswerReader._read_chunk_end
        return False

    def _read_chunk_end(self) -> bool | None:
        line = self._line()
        if line is None:
            return None
        if line:
            raise AnswerBroken("a chunk is longer than it says")
        self._state = AnswerReader._read_chunk_size
        return False

    def _read_trailers(self) -> bool | None:
        line = self._line()
        if line is None:
            return None
        return not line

    def _line(self) -> bytes | None:
        at = self._at
        end = self._buffer.find(b"\r\n", at, at + _MOST_LINE_BYTES + 2)
        if end < 0:
            if len(self._buffer) - at > _MOST_LINE_BYTES:
                raise AnswerBroken("a line of the answer is too long")
            return None
        self._at = end + 2
        self._size_bytes += self._at - at
        if self._size_bytes > self._most_bytes:
            raise self._too_large()
        return self._buffer[at:end]


def _framing_of(head: bytes) -> tuple[int | None, bytes | None, bytes]:
    """Return the length, the coding and the connection's options that a head tells of."""
    length: int | None = None
    coding: bytes | None = None
    connection = b""
    for name, value in _FRAMING.findall(head):
        match name.lower():
            case b"content-length":
                if _DIGITS.fullmatch(value.strip()) is None or length not in (None, int(value)):
                    raise AnswerBroken("the body's length cannot be read")
                length = int(value)
            case b"transfer-encoding":
                coding = value.strip().lower() if coding is None else b"told twice"
            case _:
                connection += value.lower()
    return length, coding, connection
