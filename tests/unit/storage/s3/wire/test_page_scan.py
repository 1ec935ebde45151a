"""The fast reader of pages against the reference: what it takes it reads the same, what it does not know it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from fakes.odd_keys import ODD_KEYS, XML_UNSAFE_KEYS
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.requests.objects import ObjectsPage
from s3plan.storage.s3.wire.listing_page import parse_page
from s3plan.storage.s3.wire.page_ends import PageUnreadable
from s3plan.storage.s3.wire.page_scan import PageScanner, glance

NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
TIME = "<LastModified>2024-01-01T00:00:00.123Z</LastModified>"
ROW = f"{TIME}<ETag>&quot;0f&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass>"


def document(*rows: str, head: str = "", tail: str = "", root: str = NAMESPACE) -> bytes:
    return f"<ListBucketResult{root}>{head}{''.join(rows)}{tail}</ListBucketResult>".encode()


def row(key: str, rest: str = ROW) -> str:
    return f"<Contents><Key>{key}</Key>{rest}</Contents>"


def scanned(body: bytes, *, prefix: bytes = b"", in_order: bool = False) -> list[ObjectRow] | None:
    """Return what the fast reader makes of a page, having seen that the reference agrees with it."""
    seen = glance(body)
    found = None if seen is None else PageScanner(prefix, in_order=in_order).rows_of(seen)
    if seen is None or found is None:
        return None
    reference = parse_page(body)
    assert (seen.said.next_token, seen.said.truncated) == (reference.next_token, reference.truncated)
    assert [row._replace(key=prefix + row.key) for row in found.rows] == list(reference.rows)
    assert [*seen.sampled[:1], *seen.sampled[-1:]] == [row.key for row in (*reference.rows[:1], *reference.rows[-1:])]
    assert all(type(row) is ObjectRow for row in found.rows)
    return found.rows


KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(ODD_KEYS),
    st.text("ab/ +%\n&<>'\"", min_size=1, max_size=12),
)
TEXTS = st.text("abAB09 :/+-_.", max_size=12)


@dataclass(frozen=True)
class Drawn:
    body: bytes
    keys: list[bytes]


@st.composite
def pages(draw: st.DrawFn) -> Drawn:
    """Pages as stores send them, `encoding-type=url` obeyed."""
    keys = draw(st.lists(KEYS, max_size=6))
    safe = draw(st.sampled_from(["/", "", "/-_.~*"]))
    rows = []
    for key in keys:
        elements = [
            f"<Key>{quote(key, safe=safe).replace('%20', draw(st.sampled_from(['+', '%20'])))}</Key>",
            f"<LastModified>{draw(st.sampled_from(TIMES))}</LastModified>",
            f"<ETag>{draw(st.sampled_from(ETAGS))}</ETag>",
            f"<Size>{draw(st.integers(0, 2**45))}</Size>",
            *draw(st.lists(st.sampled_from(OPTIONAL), unique=True)),
        ]
        rows.append(f"<Contents>{''.join(draw(st.permutations(elements)))}</Contents>")
    count = draw(st.sampled_from(["", "<KeyCount/>", f"<KeyCount>{len(keys)}</KeyCount>"]))
    said = ["<EncodingType>url</EncodingType>", count, *draw(st.sampled_from(ENDS))]
    flat = draw(st.permutations([*said, *draw(st.lists(st.sampled_from(FLAT), unique_by=_element))]))
    cut = draw(st.integers(0, len(flat)))
    prologue = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', '<?xml version="1.0"?>']))
    body = document(
        *rows, head="".join(flat[:cut]), tail="".join(flat[cut:]), root=draw(st.sampled_from(["", NAMESPACE]))
    )
    return Drawn(prologue.encode() + body, [key.encode() for key in keys])


TIMES = (
    "2024-02-29T23:59:59.999Z",
    "2024-02-29T23:00:00Z",
    "2024-02-29T23:59:59+01:00",
    "Mon, 01 Jan 2024 00:00:00 GMT",
)
ETAGS = ("&quot;0f&quot;", '"0f"', "0f", "&#34;0f-2&#34;", "")
OPTIONAL = (
    "<StorageClass>GLACIER</StorageClass>",
    "<StorageClass></StorageClass>",
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>",
    "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>",
    "<ChecksumType>FULL_OBJECT</ChecksumType>",
    "<Owner><ID>0a</ID><DisplayName>a b</DisplayName></Owner>",
    "<Owner><DisplayName/><ID>0a</ID></Owner>",
    "<Type>Normal</Type>",
    "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>",
)
FLAT = (
    "<Name>b</Name>",
    "<Prefix/>",
    "<Prefix>a&amp;b</Prefix>",
    "<MaxKeys>1000</MaxKeys>\n",
)
ENDS: tuple[tuple[str, ...], ...] = (
    (),
    ("<NextContinuationToken/>",),
    ("<IsTruncated> false </IsTruncated>", "<NextContinuationToken></NextContinuationToken>"),
    ("<IsTruncated>true</IsTruncated>", "<NextContinuationToken>1/a+b=&amp;lt;</NextContinuationToken>"),
)


def _element(text: str) -> str:
    return text.partition(">")[0].removesuffix("/")


@given(pages())
def test_every_usual_page_is_taken_and_read_as_the_reference_reads_it(page: Drawn) -> None:
    rows = scanned(page.body)
    assert rows is not None
    assert [row.key for row in rows] == page.keys


@given(pages(), st.data())
def test_a_damaged_page_is_never_read_otherwise_than_by_the_reference(page: Drawn, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(page.body)))
    end = data.draw(st.integers(start, min(len(page.body), start + 12)))
    instead = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from(DAMAGE)))
    scanned(page.body[:start] + instead + page.body[end:])


DAMAGE = (
    b"<Contents>",
    b"</Contents>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"&#10;",
    b"&amp;",
    b"&x;",
    b"%0A",
    b"%FF",
    b"<Key>",
    b"</Key><Key>",
    b"<Size>",
    b"\xef\xbf\xbe",
    b"<?x?>",
)


@given(st.binary(max_size=60))
def test_garbage_is_neither_taken_nor_readable(body: bytes) -> None:
    assert scanned(body) is None
    with pytest.raises(PageUnreadable):
        parse_page(body)


@pytest.mark.parametrize(
    "body",
    [
        document(row("a&amp;b")),
        document(row("a&#x1;b")),
        document(row("a>b")),
        document(row("a\nb")),
        document(row("a", f"{ROW}<Owner><ID>a</DisplayName></Owner>")),
        document(row("a", f"{ROW}<Unknown/>")),
        document(row("a"), "<!-- -->", row("b")),
        document(row("a"), "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"),
        document(row("a"), root=' xmlns="http://www.w3.org/2000/xmlns/"'),
        document(row("a", TIME)),
        document(row("a", ROW.replace("5", "1_000"))),
        document(row("a", ROW.replace("5", " 5"))),
        document(row("a", ROW.replace("2024-01-01", "2024-02-30"))),
        document(row("a")) + b"x",
        document(row("\ufffe")),
    ],
    ids=lambda body: body[:90].decode(),
)
def test_what_is_not_known_is_left_to_the_reference(body: bytes) -> None:
    assert scanned(body) is None


def test_of_a_repeated_element_the_last_counts_as_with_the_reference() -> None:
    assert scanned(document(row("a", f"{ROW}<Size>7</Size>"))) == [
        ObjectRow(b"a", 7, "0f", 1_704_067_200_123, "STANDARD")
    ]
    assert scanned(document(row("a", f"<Key>b</Key>{ROW}"))) is None


@pytest.mark.parametrize("date", ["1965-02-28T23:59:59.999Z", "1970-01-01T00:00:00Z", "9998-12-31T23:59:59.000Z"])
def test_times_before_1970_and_far_ahead_are_read_as_they_are(date: str) -> None:
    dated = ROW.replace("2024-01-01T00:00:00.123Z", date)
    (found,) = scanned(document(row("a", dated))) or parse_page(document(row("a", dated))).rows
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=found.mtime_ms) == datetime.fromisoformat(date)


def test_keys_come_without_the_prefix() -> None:
    keys = ("p q/", "p q/a", "p q/\n", "p q/%")
    body = document(*(row(quote(key)) for key in sorted(keys)), head="<EncodingType>url</EncodingType>")
    assert [row.key for row in scanned(body, prefix=b"p q/", in_order=True) or ()] == [b"", b"\n", b"%", b"a"]


def test_a_prefix_with_a_line_break_is_taken_off_too() -> None:
    body = document(row("p%0A/a"), row("p%0A/b"), head="<EncodingType>url</EncodingType>")
    assert [row.key for row in scanned(body, prefix=b"p\n/") or ()] == [b"a", b"b"]


@pytest.mark.parametrize("key", ["q/a", "p", "q%0Ap/a", "p/%FF"])
def test_a_key_outside_the_prefix_or_not_in_utf_8_is_left_to_be_judged(key: str) -> None:
    assert scanned(document(row("p/a"), row(key), head="<EncodingType>url</EncodingType>"), prefix=b"p/") is None


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a")])
def test_disorder_is_left_to_be_judged(keys: tuple[str, ...]) -> None:
    body = document(*map(row, keys))
    assert scanned(body, in_order=True) is None
    assert scanned(body, in_order=False) is not None


def test_keys_that_xml_cannot_carry_come_url_encoded() -> None:
    keys = sorted(XML_UNSAFE_KEYS)
    body = document(*(row(quote(key)) for key in keys), head="<EncodingType>url</EncodingType>")
    assert [row.key for row in scanned(body, in_order=True) or ()] == [key.encode() for key in keys]


def test_a_glance_shows_some_keys_of_a_large_page() -> None:
    body = document(*(row(f"{number:04d}") for number in range(1000)))
    seen = glance(body)
    assert seen is not None
    assert list(seen.sampled) == sorted(seen.sampled)
    assert len(set(seen.sampled)) > 10


def test_what_may_be_one_of_our_probes_is_said() -> None:
    scanner = PageScanner(b"", in_order=True)
    told = [scanner.rows_of(seen) for key in ("a", "x%2Es3plan-probe-0") if (seen := glance(encoded(key)))]
    assert [found.may_hold_probes for found in told if found] == [False, True]


def encoded(key: str) -> bytes:
    return document(row(key), head="<EncodingType>url</EncodingType>")


def test_the_reference_takes_common_prefixes() -> None:
    body = document(row("a"), "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>")
    assert isinstance(parse_page(body), ObjectsPage)
    assert list(parse_page(body).prefixes) == [b"p/"]
