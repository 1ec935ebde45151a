"""An engine that lists a set of keys, late and with its replies in any order, and does nothing else."""

from __future__ import annotations

import heapq
import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from queue import SimpleQueue
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.requests.objects import ListObjects, ObjectsPage, Reply, Request, UnparsedPage

Answer = Callable[[Reply], None]
Fault = Callable[[int, ListObjects, ObjectsPage], Reply]
"""Gets the number of a request, from 0, the request and its true reply; gives what is answered instead."""

_AFTER_ALL = "\U0010ffff"


class ListingEngine:
    """Holds whole keys. Replies come after `latency_s`, more or less, on a thread of its own, or at once if that is 0.

    `page_keys` is the most that a page holds.
    """

    clock_offset_ms = 0

    def __init__(
        self,
        keys: Iterable[str],
        *,
        latency_s: float = 0.0,
        page_keys: int = 1000,
        seed: int = 0,
        fault: Fault | None = None,
    ) -> None:
        self.keys = sorted(keys)  # code points and UTF-8 bytes have the same order
        self.requests: list[ListObjects] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._latency_s = latency_s
        self._page_keys = page_keys
        self._random = random.Random(seed)
        self.fault = fault
        self.later_s: Callable[[ListObjects], float] = lambda _: 0.0  # than the others, by so much
        self._lock = threading.Lock()
        self._numbers = count()
        self._late: SimpleQueue[tuple[float, int, Answer, Reply]] = SimpleQueue()
        if latency_s:
            threading.Thread(target=self._answer_late, daemon=True).start()

    def submit(self, request: Request, on_reply: Answer) -> None:
        assert isinstance(request, ListObjects)
        with self._lock:
            number = next(self._numbers)
            self.requests.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        reply: Reply = self._page(request)
        if self.fault is not None:
            assert isinstance(reply, ObjectsPage)
            reply = self.fault(number, request, reply)
        if request.unparsed and isinstance(reply, ObjectsPage):
            reply = UnparsedPage(page_body(reply))
        if not self._latency_s:
            self.in_flight -= 1
            on_reply(reply)
            return
        latency_s = self._latency_s * self._random.uniform(0.5, 1.5) + self.later_s(request)
        self._late.put((time.monotonic() + latency_s, number, on_reply, reply))

    def call(self, request: Request) -> Reply:
        answers: SimpleQueue[Reply] = SimpleQueue()
        self.submit(request, answers.put)
        return answers.get()

    def close(self) -> None:
        """Nothing is open."""

    def _answer_late(self) -> None:
        waiting: list[tuple[float, int, Answer, Reply]] = []
        while True:
            if not waiting:
                waiting.append(self._late.get())
            while not self._late.empty():
                heapq.heappush(waiting, self._late.get())
            due_s, _, on_reply, reply = waiting[0]
            now_s = time.monotonic()
            if due_s > now_s:
                time.sleep(min(due_s - now_s, 0.001))
                continue
            heapq.heappop(waiting)
            with self._lock:
                self.in_flight -= 1
            on_reply(reply)

    def _page(self, request: ListObjects) -> ObjectsPage:
        prefix, after = request.prefix, unquote(request.token) if request.token else request.start_after
        at = bisect_left(self.keys, prefix)
        if after is not None:
            at = max(at, bisect_right(self.keys, after))
        limit = min(request.max_keys, self._page_keys)
        entries: list[tuple[str, bool]] = []
        reached = ""
        while at < len(self.keys) and self.keys[at].startswith(prefix) and len(entries) < limit:
            key = self.keys[at]
            folder = _folder(key, prefix, request.delimiter)
            if folder is None:
                entries.append((key, False))
                reached, at = key, at + 1
                continue
            if not (after or "").startswith(folder):
                entries.append((folder, True))
            reached = folder + _AFTER_ALL
            at = bisect_right(self.keys, reached)
        truncated = at < len(self.keys) and self.keys[at].startswith(prefix)
        rows = [ObjectRow(key.encode(), 1, "e", 0) for key, is_folder in entries if not is_folder]
        folders = [key.encode() for key, is_folder in entries if is_folder]
        return ObjectsPage(rows, folders, next_token=quote(reached) if truncated else None, truncated=truncated)


def page_body(page: ObjectsPage) -> bytes:
    """Return a page as S3 sends it."""
    token = "" if page.next_token is None else f"<NextContinuationToken>{page.next_token}</NextContinuationToken>"
    rows = "".join(
        f"<Contents><Key>{quote(row.key)}</Key><LastModified>1970-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{escape(row.etag)}&quot;</ETag><Size>{row.size_bytes}</Size></Contents>"
        for row in page.rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{str(page.truncated).lower()}</IsTruncated>{token}{rows}"
        "</ListBucketResult>"
    ).encode()


def _folder(key: str, prefix: str, delimiter: str | None) -> str | None:
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def relative_keys(keys: Sequence[str], *, prefix: str) -> list[bytes]:
    """Return what a listing below a prefix gives."""
    return [key[len(prefix) :].encode() for key in sorted(keys) if key.startswith(prefix)]
