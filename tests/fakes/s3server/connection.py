"""One keep-alive connection: reads requests, writes replies in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from email.utils import formatdate

from fakes.s3server.body import Body
from fakes.s3server.delivery import deliver, reset
from fakes.s3server.documents import error_response
from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Dropped, Later, Reply, Request, Response, Silent, parse_target
from fakes.s3server.wire import (
    HEAD_LIMIT_BYTES,
    BadRequestError,
    ChunkedBody,
    Head,
    decode_aws_chunked,
    is_aws_chunked,
    parse_head,
    render_head,
)

Answer = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """`answer` is called on the loop's thread and never while another call runs; `now_s` is the server's clock."""

    def __init__(self, *, answer: Answer, now_s: Callable[[], float]) -> None:
        self._answer = answer
        self._now_s = now_s
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head: Head | None = None
        self._chunked: ChunkedBody | None = None
        self._busy = False  # a request is being answered: later ones wait in the buffer
        self._writable = True
        self._streamed: Iterator[bytes | memoryview] | None = None  # what is left of the answer in hand
        self._close_after = False
        self._serial = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._streamed = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._stream()

    def _advance(self) -> None:
        while not self._busy and self._transport is not None:
            try:
                received = self._next_request()
            except BadRequestError:
                self._transport.write(render_head(400, [("content-length", "0"), ("connection", "close")]))
                self._transport.close()
                return
            if received is None:
                return
            self._busy = True
            self._send(*received)

    def _next_request(self) -> tuple[Head, Reply] | None:
        """A complete request's head and reply, None while more of it must come."""
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEAD_LIMIT_BYTES:
                    raise BadRequestError("the head is too long")
                return None
            self._head = parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            self._chunked = ChunkedBody() if self._head.chunked else None
            if self._head.headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self._head
        if self._chunked is not None:
            if not self._chunked.feed(self._buffer):
                return None
            body = bytes(self._chunked.data)
        else:
            size = head.body_size_bytes
            if len(self._buffer) < size:
                return None
            body = bytes(self._buffer[:size])
            del self._buffer[:size]
        self._head = self._chunked = None
        return head, self._reply_to(head, body)

    def _reply_to(self, head: Head, body: bytes) -> Reply:
        try:
            bucket, key, query = parse_target(head.target)
            headers = head.headers
            if is_aws_chunked(headers):
                headers, body = decode_aws_chunked(headers, body)
        except S3Error as error:
            return error_response(error, request_id="0", resource=head.target)
        return self._answer(Request(head.method, bucket, key, query, headers, body))

    def _send(self, head: Head, reply: Reply) -> None:
        if isinstance(reply, Later):
            proceed = reply.proceed
            asyncio.get_running_loop().call_later(reply.pause_s, lambda: self._send(head, proceed()))
            return
        transport = self._transport
        if transport is None:
            return  # the client has gone; what the operation did stays done
        if isinstance(reply, Dropped):
            if reply.reset:
                reset(transport)
            else:
                transport.close()
            return
        if isinstance(reply, Silent):
            return
        self._write(transport, head, reply)

    def _write(self, transport: asyncio.Transport, head: Head, reply: Response) -> None:
        body = reply.body
        size = body.size_bytes if isinstance(body, Body) else len(body)
        self._serial += 1
        headers = {
            "x-amz-request-id": f"{id(self):X}-{self._serial}",
            "date": formatdate(self._now_s(), usegmt=True),
            "server": "s3server",
            **reply.headers,
        }
        if reply.status not in {204, 304}:
            headers["content-length"] = "0" if head.method == "HEAD" and reply.code else str(size)
        rendered = render_head(reply.status, headers.items())
        bodiless = head.method == "HEAD" or reply.status in {204, 304}
        self._close_after = head.headers.get("connection", "").lower() == "close"
        if reply.delivery is not None:
            sent = b"" if bodiless else body if isinstance(body, bytes) else b"".join(body.chunks())
            deliver(transport, rendered, sent, reply.delivery, on_end=self._end)
            return
        if isinstance(body, bytes):
            transport.write(rendered if bodiless else rendered + body)
        else:
            transport.write(rendered)
        self._streamed = body.chunks() if isinstance(body, Body) and not bodiless else iter(())
        self._stream()

    def _stream(self) -> None:
        """Write on while the client keeps up; then go to the next request."""
        if self._streamed is None or self._transport is None:
            return
        while self._writable:
            chunk = next(self._streamed, None)
            if chunk is None:
                break
            self._transport.write(chunk)
        else:
            return
        self._streamed = None
        self._end()

    def _end(self) -> None:
        """The answer has gone out; go on with the next request."""
        self._busy = False
        if self._close_after and self._transport is not None:
            self._transport.close()
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self._advance)
