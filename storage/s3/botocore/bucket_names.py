"""Asks which buckets there are: what a connection can be tried by that names none."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from s3plan.schemas.connections.trials import Answer, Trial
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.s3.botocore.client import open_client
from s3plan.storage.s3.botocore.failures import failure_from
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session
from s3plan.storage.s3.wire.store_clock import StoreClock

_READ_TIMEOUT_S = 20.0
_TIMED = 3


@dataclass(frozen=True, slots=True)
class BucketNames:
    """What came of it. `latency_ms` is the median of a few answers, `clock_offset_ms` as Engine has it."""

    trial: Trial
    latency_ms: float | None = None
    clock_offset_ms: int | None = None
    credentials_fail: bool = False


def list_bucket_names(settings: ConnectionSettings) -> BucketNames:
    """Ask a few times. Raises what open_session and open_client do."""
    name = "list buckets"
    if settings.anonymous:
        return BucketNames(Trial(name, Answer.UNKNOWN, None, "nobody has buckets without a signature; name one"))
    client = open_client(settings, open_session(settings), max_connections=1, read_timeout_s=_READ_TIMEOUT_S)
    clock, times = StoreClock(), []
    trial, refusal = Trial(name, Answer.UNKNOWN), None
    try:
        for _ in range(_TIMED):
            began_s = time.monotonic()
            trial, refusal, date = _ask_once(client, name)
            if date is None:
                break
            times.append((time.monotonic() - began_s) * 1000)
            clock.note(date)
    finally:
        client.close()
    fails = refusal is not None and refusal.kind.is_credentials
    return BucketNames(trial, median(times) if times else None, clock.offset_ms if times else None, fails)


def _ask_once(client: Any, name: str) -> tuple[Trial, Failure | None, str | None]:
    """Return the trial, why it was refused, and the store's `Date` if it answered."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = client.list_buckets()
    except (BotoCoreError, ClientError) as error:
        failure = failure_from(error, operation="ListBuckets")
        answered = getattr(error, "response", None) or {}
        date = answered.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        return _refused(name, failure), failure, date
    date = found["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    if not found.keys() & {"Buckets", "Owner"}:  # a page of a proxy, say
        return Trial(name, Answer.UNKNOWN, None, "the answer is no list of buckets"), None, date
    return Trial(name, Answer.YES, None, f"{len(found.get('Buckets', []))} found"), None, date


def _refused(name: str, failure: Failure) -> Trial:
    if failure.kind is FailureKind.DENIED:  # whoever has one bucket needs no more than that
        return Trial(name, Answer.NO, "s3:ListAllMyBuckets", str(failure), is_feature=True)
    is_lasting = failure.kind in {FailureKind.UNREACHABLE, FailureKind.INVALID} or failure.kind.is_credentials
    return Trial(name, Answer.NO if is_lasting else Answer.UNKNOWN, None, str(failure))
