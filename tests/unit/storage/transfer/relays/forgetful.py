"""What an engine was asked for, forgotten at once: a list of requests would keep the buffers that they fill."""

from __future__ import annotations

from s3plan.schemas.requests.objects import Request


class Forgetful(list[Request]):
    """Nothing is kept."""

    def append(self, request: Request) -> None:
        """Forget it."""
