"""What was asked and answered: counters and the last requests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from fakes.s3server.messages import Dropped, Final, Request, Silent
from fakes.signatures import key_id_of


@dataclass(slots=True)
class Records:
    """`requests` counts what came in, `answers` what went out by status, or `reset`, `lost`, `silent`."""

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    log: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=1000))

    def note_request(self, operation: str) -> None:
        self.requests[operation] += 1

    def note_answer(self, operation: str, request: Request, reply: Final) -> None:
        if isinstance(reply, Dropped):
            status, code = ("reset" if reply.reset else "lost"), ""
        elif isinstance(reply, Silent):
            status, code = "silent", ""
        else:
            status, code = str(reply.status), reply.code
        self.answers[operation, status] += 1
        if self.log.maxlen:
            self.log.append(
                {
                    "operation": operation,
                    "bucket": request.bucket,
                    "key": request.key,
                    "query": dict(request.query),
                    "status": status,
                    "code": code,
                    "headers": _telling(request.headers),
                    "key_id": key_id_of(request.headers) or "",
                }
            )

    def clear(self) -> None:
        self.requests.clear()
        self.answers.clear()
        self.log.clear()

    def report(self) -> dict[str, dict[str, object]]:
        answers: dict[str, object] = {}
        for (operation, status), count in sorted(self.answers.items()):
            by_status = answers.setdefault(operation, {})
            assert isinstance(by_status, dict)
            by_status[status] = count
        return {"requests": dict(sorted(self.requests.items())), "answers": answers}


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that tests ask about: conditions, ranges, who asks, and everything of Amazon's but credentials."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith(("if-", "x-amz-")) or name in {"range", "content-type", "content-md5", "user-agent"}
        if name != "x-amz-security-token"
    }
