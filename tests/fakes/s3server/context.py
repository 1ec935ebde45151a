"""What every operation works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from fakes.s3server.conditions import WriteConditions
from fakes.s3server.faults import Fault, FaultBook
from fakes.s3server.messages import Later, Reply, Request, Response
from fakes.s3server.policies import Policy
from fakes.s3server.settings import Condition, ConditionMode, Settings
from fakes.s3server.store import Bucket, Store


@dataclass(slots=True)
class Context:
    """`fault` is the rule that the request in hand was hit by, `policy` that of whoever has sent it."""

    settings: Settings
    store: Store = field(default_factory=Store)
    faults: FaultBook = field(default_factory=FaultBook)
    fault: Fault | None = None
    policy: Policy | None = None

    def now_s(self) -> int:
        return int(self.settings.now_s())

    def commit(
        self,
        bucket: Bucket,
        key: str,
        *,
        condition: Condition,
        conditions: WriteConditions,
        write: Callable[[], Response],
    ) -> Reply:
        """Check and write in one step, unless the server was told not to check or not to be atomic."""
        if self.settings.enforces(condition):
            conditions.check(bucket.objects.get(key))
            if conditions.given and self.settings.conditions is ConditionMode.NOT_ATOMIC:
                return Later(self.settings.not_atomic_pause_s, write)
        return write()


Handler: TypeAlias = Callable[[Context, Request], Reply]
