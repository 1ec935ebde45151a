"""One request sent and waited for, through an engine that answers elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable

from s3plan.schemas.requests.objects import Reply, Request

OnReply = Callable[[Reply], None]


def wait_for_reply(submit: Callable[[Request, OnReply], None], request: Request) -> Reply:
    """Return the reply; not from a thread that replies come on, which would wait for itself."""
    answered = threading.Event()
    replies: list[Reply] = []

    def take(reply: Reply) -> None:
        replies.append(reply)
        answered.set()

    submit(request, take)
    answered.wait()
    return replies[0]
