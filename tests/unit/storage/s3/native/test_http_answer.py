"""Answers are read the same however they are cut into pieces, and what is no answer is refused."""

from __future__ import annotations

import http.client
import io
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from s3plan.storage.s3.native.answer import AnswerBroken, AnswerReader, HttpAnswer

COUNTED = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "e"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
TO_THE_END = b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + COUNTED


def read(pieces: Sequence[bytes], *, is_head: bool = False, ends: bool = False) -> HttpAnswer | None:
    reader = AnswerReader(is_head=is_head)
    answer = None
    for piece in pieces:
        assert answer is None, "an answer came before its last byte"
        answer = reader.feed(piece)
    return reader.end() if ends else answer


def whole(data: bytes, *, is_head: bool = False, ends: bool = False) -> HttpAnswer:
    answer = read([data], is_head=is_head, ends=ends)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("data", "ends", "keeps"),
    [(COUNTED, False, True), (CHUNKED, False, True), (CONTINUED, False, True), (TO_THE_END, True, False)],
)
def test_an_answer_is_the_same_whole_and_byte_by_byte(data: bytes, ends: bool, keeps: bool) -> None:
    at_once = whole(data, ends=ends)
    assert (at_once.status, at_once.body, at_once.keeps_connection) == (200, b"hello", keeps)
    by_bytes = read([bytes([byte]) for byte in data], ends=ends)
    assert by_bytes is not None
    assert (by_bytes.status, by_bytes.body, by_bytes.headers) == (200, b"hello", at_once.headers)


def test_interim_answers_are_passed_over_but_not_for_ever() -> None:
    one = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    assert whole(one * 100 + COUNTED).body == b"hello"
    with pytest.raises(AnswerBroken, match="103, 101 times"):
        read([one] * 101)


def test_a_protocol_that_nobody_asked_for_is_no_answer() -> None:
    with pytest.raises(AnswerBroken, match="came 101"):
        read([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"])


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=12), st.data())
def test_any_body_comes_through_any_cut(body: bytes, chunks: list[int], data: st.DataObject) -> None:
    left, sent = body, b""
    for size in chunks:
        part, left = left[:size], left[size:]
        if part:
            sent += f"{len(part):x}\r\n".encode() + part + b"\r\n"
    if left:
        sent += f"{len(left):X}\r\n".encode() + left + b"\r\n"
    message = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n" + sent + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(message) - 1), max_size=6)))
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    answer = read(pieces)
    assert answer is not None
    assert answer.body == body


@given(st.binary(max_size=400))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")
@example(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")
def test_what_is_read_is_what_the_standard_library_reads(noise: bytes) -> None:
    for data in (noise, COUNTED[:20] + noise, b"HTTP/1.1 200 OK\r\n" + noise, CHUNKED[:47] + noise):
        try:
            answer = AnswerReader(is_head=False).feed(data)
        except AnswerBroken:
            continue
        if answer is not None:
            assert (answer.status, answer.body) == _reference(data)


class _Given:
    """A socket as http.client reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def _reference(data: bytes) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(_Given(data))  # type: ignore[arg-type]
    response.begin()
    return response.status, response.read()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"x" * 70_000,
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(data: bytes) -> None:
    with pytest.raises(AnswerBroken):
        read([data])


@pytest.mark.parametrize("data", [COUNTED[:-1], CHUNKED[:-1], COUNTED[:10]])
def test_a_connection_that_ends_in_the_middle_is_no_answer(data: bytes) -> None:
    with pytest.raises(AnswerBroken, match="in the middle"):
        read([data], ends=True)


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (CHUNKS, b"1\r\nx\r\n"),
        (CHUNKS, b"1;a=b\r\nx\r\n"),
        (CHUNKS + b"0\r\n", b"Trailer: again\r\n"),
    ],
)
def test_an_answer_over_the_limit_is_refused_before_it_fills_the_memory_or_never_ends(head: bytes, more: bytes) -> None:
    reader = AnswerReader(is_head=False, most_bytes=100)
    with pytest.raises(AnswerBroken, match="over 100 bytes"):
        reader.feed(head + more * 101)


def test_a_body_in_the_smallest_chunks_is_read_as_quickly_as_it_is_long() -> None:
    """By the square of what came at once it took minutes."""
    answer = whole(CHUNKS + b"2\r\nxy\r\n" * 100_000 + b"0\r\n\r\n")
    assert answer.body == b"xy" * 100_000


def test_an_answer_to_head_has_no_body_whatever_length_it_tells() -> None:
    answer = whole(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", is_head=True)
    assert (answer.body, answer.headers["content-length"], answer.keeps_connection) == (b"", "500", True)


def test_a_204_has_no_body() -> None:
    assert whole(b"HTTP/1.1 204 No Content\r\n\r\n").body == b""


def test_bytes_after_the_answer_cost_the_connection() -> None:
    answer = whole(COUNTED + b"HTTP/1.1 200 OK\r\n")
    assert (answer.body, answer.keeps_connection) == (b"hello", False)


def test_a_store_that_says_close_is_believed() -> None:
    assert not whole(COUNTED.replace(b"ETag", b"Connection: Close\r\nETag")).keeps_connection
    assert not whole(COUNTED.replace(b"1.1", b"1.0", 1)).keeps_connection
