"""What the benchmark asks of a store, and what a store tells."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.works import PREFIX, Seed

KEY_FORMAT = PREFIX + "%09d.bin"


class StoreUnusable(Exception):
    """There is no store to work on, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two buckets: how many objects each has, how many keys only one has, how many keys hold different objects."""

    a: int
    b: int
    only_a: int
    only_b: int
    different: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Since the last reset: requests and the time of the first one, by operation; CPU seconds of the server."""

    requests: Mapping[str, int]
    first_unix_s: Mapping[str, float]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Storm:
    """A share of all requests is refused, from `begins_s` after the first one on, for `lasts_s`."""

    share: float
    begins_s: int
    lasts_s: int

    @property
    def ends_s(self) -> int:
        return self.begins_s + self.lasts_s


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests in each second since the first one after the last reset, and how many of them a storm refused."""

    received: Sequence[int]
    refused: Sequence[int]


class Store(Protocol):
    """A store that can be filled and looked at."""

    @property
    def endpoint(self) -> str: ...
    @property
    def has_latency(self) -> bool:
        """Whether latency can be set."""
        ...

    def fill(self, bucket: str, seed: Seed | None) -> None:
        """Make a bucket hold exactly this."""
        ...

    def compare(self, a: str, b: str) -> Comparison: ...
    def set_latency(self, *, request_ms: int, list_ms: int) -> None: ...
    def reset(self) -> None: ...
    def stats(self) -> Stats | None:
        """Return what was counted, or None if this store counts nothing."""
        ...


def credentials() -> tuple[str, str]:
    """Return access key and secret: the environment's, or some that our server takes, as it takes any."""
    return (
        os.environ.get("AWS_ACCESS_KEY_ID", "AKIDBENCHMARK"),
        os.environ.get("AWS_SECRET_ACCESS_KEY", "secret-of-the-benchmark"),
    )
