"""The small pieces: what XML can carry, waiting, request threads, pages."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from queue import SimpleQueue
from time import monotonic, sleep
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.requests.objects import HeadBucket
from s3plan.schemas.stores.xml_text import is_xml_safe
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.request_threads import RequestThreads
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.wire.listing_page import milliseconds_of, parse_page
from s3plan.storage.s3.wire.page_ends import PageUnreadable


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_a_key_is_xml_safe_exactly_if_a_parser_takes_it(key: str) -> None:
    document = "<k>" + "".join(f"&#{ord(character)};" for character in key) + "</k>"
    try:
        carried = (ET.fromstring(document).text or "") == key
    except ET.ParseError:
        carried = False
    # Expat lets U+FFFE and U+FFFF pass, which XML 1.0 forbids and strict parsers refuse.
    assert is_xml_safe(key) is (carried and not {"\ufffe", "\uffff"} & set(key))


@pytest.mark.parametrize("key", ["\x00", "\x01", "\x1b", "\x0b", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_carry_is_told(key: str) -> None:
    assert not is_xml_safe(f"a{key}b")


def test_a_wait_is_jittered_doubled_and_bounded() -> None:
    patience = Patience(draw=lambda: 1.0)
    assert [patience.pause_s(attempt) for attempt in (0, 1, 2, 6, 7, 60)] == [0.2, 0.4, 0.8, 12.8, 20.0, 20.0]
    assert Patience(draw=lambda: 0.25).pause_s(2) == 0.2
    assert patience.pause_s(0, retry_after_s=1000.0) == 20.0


def test_what_may_have_been_executed_is_not_asked_twice_where_once_counts() -> None:
    class Unclear(MemoryEngine):
        asked = 0

        def call(self, request: object) -> Failure:
            self.asked += 1
            return Failure(FailureKind.TRANSIENT, "HeadBucket", "x", "")

    engine = Unclear()
    patience = Patience(attempts=3, sleep=lambda _: None)
    patience.call_once(engine, HeadBucket("bucket"))
    assert engine.asked == 1
    patience.call(engine, HeadBucket("bucket"))
    assert engine.asked == 4


def test_no_more_threads_run_than_allowed_and_everything_is_done() -> None:
    running, most, lock = 0, 0, threading.Lock()
    done: SimpleQueue[int] = SimpleQueue()
    ended = threading.Event()
    gate, full = threading.Event(), threading.Event()

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
        gate.wait(10)
        with lock:
            running -= 1
        done.put(number)

    threads = RequestThreads(3, name="test", on_end=ended.set)
    for number in range(20):
        threads.submit(lambda number=number: work(number))  # type: ignore[misc]
    threads.close()
    with pytest.raises(RuntimeError):
        threads.submit(lambda: None)
    assert full.wait(10)
    assert not ended.is_set()
    gate.set()
    assert {done.get(timeout=10) for _ in range(20)} == set(range(20))
    assert ended.wait(10)
    assert most == 3


def test_a_thread_that_has_nothing_to_do_takes_the_next_work_before_another_is_made() -> None:
    threads = RequestThreads(3, name="test", on_end=lambda: None)
    seen: SimpleQueue[int] = SimpleQueue()
    idents = set()
    for _ in range(5):
        threads.submit(lambda: seen.put(threading.get_ident()))
        idents.add(seen.get(timeout=10))
        until_s = monotonic() + 10
        while not threads._idle:
            assert monotonic() < until_s
            sleep(0.001)
    threads.close()
    assert len(idents) == 1


def test_threads_that_were_never_needed_end_at_once() -> None:
    ended = threading.Event()
    threads = RequestThreads(3, name="test", on_end=ended.set)
    threads.close()
    threads.close()
    assert ended.is_set()


def test_a_page_is_read_with_and_without_namespace_and_encoding() -> None:
    row = (
        "<Contents><Key>a+b%2B%0A</Key><LastModified>2024-01-01T00:00:00.123Z</LastModified>"
        '<ETag>"e"</ETag><Size>5</Size></Contents>'
    )
    encoded = f'<ListBucketResult xmlns="x"><EncodingType>url</EncodingType>{row}</ListBucketResult>'
    assert parse_page(encoded.encode()).rows == [ObjectRow(b"a b+\n", 5, "e", 1_704_067_200_123, "STANDARD")]
    end = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    plain = f"<ListBucketResult>{row}{end}</ListBucketResult>"
    assert parse_page(plain.encode()).rows[0].key == b"a+b%2B%0A"
    assert parse_page(plain.encode()).truncated


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<ListBucketResult>",
        b"<Other/>",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
    ],
)
def test_what_is_no_page_is_unreadable(body: bytes) -> None:
    with pytest.raises(PageUnreadable):
        parse_page(body)


@pytest.mark.parametrize(
    "text",
    ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z", "Mon, 01 Jan 2024 00:00:00 GMT", "2024-01-01T01:00:00+01:00"],
)
def test_dates_of_lists_and_heads_are_the_same_moment(text: str) -> None:
    assert milliseconds_of(text) == 1_704_067_200_000


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_date_as_headers_have_it_is_the_moment_that_the_library_reads(moment: datetime) -> None:
    text = format_datetime(moment, usegmt=True)
    assert milliseconds_of(text) == int(parsedate_to_datetime(text).timestamp()) * 1000
    assert milliseconds_of(text) == milliseconds_of(text.replace("GMT", "+0000"))


@pytest.mark.parametrize(
    "text", ["Mon, 32 Jan 2024 00:00:00 GMT", "Mon, 01 Jax 2024 00:00:00 GMT", "Mon, 01 Jan 2024 24:00:00 GMT"]
)
def test_a_header_with_a_day_that_there_is_not_has_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        milliseconds_of(text)
