"""HTTP/1.1 on the wire: heads, chunked bodies, aws-chunked bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fakes.s3server.errors import S3Error

HEAD_LIMIT_BYTES = 64 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequestError(Exception):
    """What came in is no HTTP/1.1 that this server speaks."""


@dataclass(frozen=True, slots=True)
class Head:
    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    @property
    def body_size_bytes(self) -> int:
        length = self.headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequestError(f"Content-Length {length}")
        return int(length)


def parse_head(raw: bytes) -> Head:
    """A request head without its empty line; repeated headers are joined with commas."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1":
        raise BadRequestError(first)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError(line)
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Head(words[0], words[1], headers)


def render_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers]
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


@dataclass(slots=True)
class ChunkedBody:
    """A body with Transfer-Encoding: chunked, taken from a buffer as it fills."""

    data: bytearray = field(default_factory=bytearray)
    _left: int = -1  # bytes of the chunk in hand with its line end; -1 before a size line, -2 in the trailer

    def feed(self, buffer: bytearray) -> bool:
        """Take what is complete out of `buffer`; true when the body has ended."""
        while True:
            if self._left > 0:
                if len(buffer) < self._left:
                    return False
                self.data += buffer[: self._left - 2]
                del buffer[: self._left]
                self._left = -1
            end = buffer.find(b"\r\n")
            if end < 0:
                return False
            line = bytes(buffer[:end])
            del buffer[: end + 2]
            if self._left == -2:
                if not line:
                    return True
                continue
            size = _chunk_size(line)
            self._left = size + 2 if size else -2


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as e:
        raise BadRequestError(f"chunk size {line!r}") from e


def is_aws_chunked(headers: Mapping[str, str]) -> bool:
    return "aws-chunked" in headers.get("content-encoding", "") or headers.get("x-amz-content-sha256", "").startswith(
        "STREAMING-"
    )


def decode_aws_chunked(headers: Mapping[str, str], raw: bytes) -> tuple[dict[str, str], bytes]:
    """The object's own bytes, and the headers with those of the trailer and without aws-chunked."""
    data = bytearray()
    at = 0
    while True:
        end = raw.find(b"\r\n", at)
        if end < 0:
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        size = _chunk_size(raw[at:end])
        at = end + 2
        if size == 0:
            break
        data += raw[at : at + size]
        at += size + 2
    merged = dict(headers)
    for line in raw[at:].decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            merged[name.lower()] = value.strip()
    if int(headers.get("x-amz-decoded-content-length", len(data))) != len(data):
        raise S3Error("IncompleteBody", "The body is not as long as x-amz-decoded-content-length says")
    encodings = [item.strip() for item in merged.pop("content-encoding", "").split(",")]
    if kept := ",".join(item for item in encodings if item not in {"", "aws-chunked"}):
        merged["content-encoding"] = kept
    return merged, bytes(data)
