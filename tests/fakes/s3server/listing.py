"""ListObjectsV2 and ListObjects: pages of keys and common prefixes."""

from __future__ import annotations

import base64
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from fakes.s3server.documents import NAMESPACE, escape, iso_time, url_encode
from fakes.s3server.errors import S3Error
from fakes.s3server.faults import FaultKind
from fakes.s3server.messages import Request, parse_int
from fakes.s3server.orders import OrderOf, case_blind, utf_16
from fakes.s3server.settings import ListOrder, Settings
from fakes.s3server.store import Bucket, StoredObject

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """`after` is the last entry already seen; `token` what the request carried."""

    prefix: str
    delimiter: str
    after: str
    token: str
    max_keys: int


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order; a common prefix comes without an object. `token` leads to the next page."""

    entries: tuple[tuple[str, StoredObject | None], ...]
    truncated: bool
    token: str


def list_objects(bucket: Bucket, request: Request, *, settings: Settings, fault: FaultKind | None) -> str:
    """The XML of one page, spoilt by `fault` where that is a listing fault."""
    version_2 = request.query.get("list-type") == "2"
    query = _query_of(request.query, version_2=version_2, page_keys=min(MAX_KEYS, settings.page_keys))
    page = _PAGE_OF[settings.order](bucket, query)
    if fault in PAGES:
        page = PAGES[fault](page, query)
    return _document(bucket.name, page, query, request.query, version_2=version_2)


def _query_of(query: Mapping[str, str], *, version_2: bool, page_keys: int) -> Query:
    token = query.get("continuation-token", "") if version_2 else ""
    if "continuation-token" in query and version_2:
        after = _token_position(token)
    else:
        after = query.get("start-after" if version_2 else "marker", "")
    max_keys = min(parse_int(query.get("max-keys"), name="max-keys", default=MAX_KEYS), page_keys)
    return Query(query.get("prefix", ""), query.get("delimiter", ""), after, token, max_keys)


def _token_for(position: str) -> str:
    """Opaque, and refused once a bit of it is changed, as one expects of a service's token."""
    raw = position.encode()
    return base64.urlsafe_b64encode(zlib.crc32(raw).to_bytes(4, "big") + raw).decode() + "."


def _token_position(token: str) -> str:
    text, dot, _ = token.partition(".")
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        position = raw[4:].decode()
    except ValueError:
        raw, position = b"", ""
    if not dot or raw[:4] != zlib.crc32(raw[4:]).to_bytes(4, "big"):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
    return position


def _sorted_page(bucket: Bucket, query: Query) -> Page:
    keys, prefix, delimiter = bucket.ordered_keys(), query.prefix, query.delimiter
    index = bisect_left(keys, prefix)
    if query.after:
        index = max(index, bisect_right(keys, query.after))
        if rolled := _common_prefix(query.after, prefix, delimiter):
            index = max(index, _end_of(keys, rolled, index))  # what lies below a prefix already listed is listed
    entries: list[tuple[str, StoredObject | None]] = []
    truncated = False
    while query.max_keys and index < len(keys) and keys[index].startswith(prefix):
        if len(entries) == query.max_keys:
            truncated = True
            break
        key = keys[index]
        if rolled := _common_prefix(key, prefix, delimiter):
            entries.append((rolled, None))
            index = _end_of(keys, rolled, index)
        else:
            entries.append((key, bucket.objects[key]))
            index += 1
    return Page(tuple(entries), truncated, _token_for(entries[-1][0]) if truncated else "")


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""


def _end_of(keys: list[str], prefix: str, low: int) -> int:
    return bisect_right(keys, prefix, lo=low, key=lambda key: key[: len(prefix)])


def _unsorted_page(bucket: Bucket, query: Query) -> Page:
    """Like a directory bucket: every entry once, in no order, and no start-after."""
    everything = _sorted_page(bucket, replace(query, after="", max_keys=sys.maxsize)).entries
    scrambled = sorted(everything, key=lambda entry: (zlib.crc32(entry[0].encode()), entry[0]))
    start = int(query.after) if query.token and query.after.isdigit() else 0
    end = start + query.max_keys
    truncated = query.max_keys > 0 and end < len(scrambled)
    return Page(tuple(scrambled[start:end]), truncated, _token_for(str(end)) if truncated else "")


def _page_ordered_by(order: OrderOf, bucket: Bucket, query: Query) -> Page:
    """Every entry once, in that order, from which start-after and the tokens count, too."""
    everything = _sorted_page(bucket, replace(query, after="", max_keys=sys.maxsize)).entries
    ordered = sorted(everything, key=lambda entry: order(entry[0]))
    left = [entry for entry in ordered if not query.after or order(entry[0]) > order(query.after)]
    entries = tuple(left[: query.max_keys])
    truncated = 0 < len(entries) < len(left)
    return Page(entries, truncated, _token_for(entries[-1][0]) if truncated else "")


_PAGE_OF: Mapping[ListOrder, Callable[[Bucket, Query], Page]] = {
    ListOrder.SORTED: _sorted_page,
    ListOrder.UNSORTED: _unsorted_page,
    ListOrder.CASE_BLIND: partial(_page_ordered_by, case_blind),
    ListOrder.UTF_16: partial(_page_ordered_by, utf_16),
}


def _with_another_etag(page: Page) -> Page:
    """The first key twice; a common prefix, which has no ETag, stays alone."""
    key, stored = page.entries[0] if page.entries else ("", None)
    if stored is None:
        return page
    other = (key, replace(stored, etag=stored.etag[::-1]))
    return replace(page, entries=(other, *page.entries))


def _overlapping(page: Page) -> Page:
    """A token that leads to the last key of this page once more."""
    if not page.truncated or len(page.entries) < 2:
        return page
    return replace(page, token=_token_for(page.entries[-2][0]))


def _this_page_again(query: Query) -> str:
    return query.token or _token_for(query.after)


PAGES: Mapping[FaultKind | None, Callable[[Page, Query], Page]] = {
    FaultKind.LIST_UNSORTED: lambda page, _: replace(page, entries=page.entries[::-1]),
    FaultKind.LIST_REPEATED_KEY: lambda page, _: replace(page, entries=page.entries[:1] + page.entries),
    FaultKind.LIST_TWO_ETAGS: lambda page, _: _with_another_etag(page),
    FaultKind.LIST_OVERLAP: lambda page, _: _overlapping(page),
    FaultKind.LIST_LOOPING_TOKEN: lambda page, query: replace(page, truncated=True, token=_this_page_again(query)),
    FaultKind.LIST_NO_TOKEN: lambda page, _: replace(page, truncated=True, token=""),
    # Nothing is lost here: the token differs from the last one and leads to what this page should have held.
    FaultKind.LIST_EMPTY_PAGE: lambda _, query: Page((), True, _this_page_again(query) + "e"),
}


def _document(bucket: str, page: Page, query: Query, parameters: Mapping[str, str], *, version_2: bool) -> str:
    url = parameters.get("encoding-type") == "url"
    encode = url_encode if url else escape
    out = [f"<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><Prefix>{encode(query.prefix)}</Prefix>"]
    if query.delimiter:
        out.append(f"<Delimiter>{encode(query.delimiter)}</Delimiter>")
    out.append(f"<MaxKeys>{query.max_keys}</MaxKeys>")
    if url:
        out.append("<EncodingType>url</EncodingType>")
    if version_2:
        out.append(f"<KeyCount>{len(page.entries)}</KeyCount>")
        if query.token:
            out.append(f"<ContinuationToken>{escape(query.token)}</ContinuationToken>")
        if start_after := parameters.get("start-after"):
            out.append(f"<StartAfter>{encode(start_after)}</StartAfter>")
    else:
        out.append(f"<Marker>{encode(query.after)}</Marker>")
    out.append(f"<IsTruncated>{'true' if page.truncated else 'false'}</IsTruncated>")
    if page.token and version_2:
        out.append(f"<NextContinuationToken>{page.token}</NextContinuationToken>")
    elif page.truncated and query.delimiter and page.entries and not version_2:
        out.append(f"<NextMarker>{encode(page.entries[-1][0])}</NextMarker>")
    for key, stored in page.entries:
        if stored is not None:
            out.append(
                f"<Contents><Key>{encode(key)}</Key><LastModified>{iso_time(stored.modified_s)}</LastModified>"
                f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{stored.size_bytes}</Size>"
                f"<StorageClass>{stored.properties.storage_class}</StorageClass></Contents>"
            )
    out += [
        f"<CommonPrefixes><Prefix>{encode(prefix)}</Prefix></CommonPrefixes>"
        for prefix, stored in page.entries
        if stored is None
    ]
    out.append("</ListBucketResult>")
    return "".join(out)
