"""Plans to be shown, and streams to show them on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text
from s3plan.app.ends import JobEnds, PlanEnd
from s3plan.app.requests import RunLine, Status
from s3plan.cli.screens.plan import ShownPlan
from s3plan.cli.screens.terminal import Terminal
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import (
    FORMAT_VERSION,
    CapabilityRecord,
    GuardRecord,
    JobRecord,
    JobSettings,
    ListingRecord,
    ManifestRecord,
    PlaceRecord,
    PlanHeader,
    PrefixRecord,
    RunRecord,
    TotalRecord,
)
from s3plan.schemas.plan.rows import LocationKind, PlanLocation

MADE_AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 5, 4, 12, 3, 20, tzinfo=UTC)
DIGEST = "9f86d081" * 8
PLAN = Path(".s3plan/images.s3plan")


class FakeStream(io.StringIO):
    """A text stream that may say that it is a terminal."""

    def __init__(self, text: str = "", *, is_terminal: bool = False) -> None:
        super().__init__(text)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def a_terminal(
    *,
    answers: str = "",
    is_terminal: bool = False,
    environment: dict[str, str] | None = None,
    no_color: bool = False,
) -> Terminal:
    """Return a terminal of streams in memory; the two that are written to are its `stdout` and `stderr`."""
    return Terminal(
        stdin=FakeStream(answers, is_terminal=is_terminal),
        stdout=FakeStream(is_terminal=is_terminal),
        stderr=FakeStream(is_terminal=is_terminal),
        environment=environment or {},
        no_color=no_color,
    )


def written(stream: object) -> str:
    assert isinstance(stream, FakeStream)
    return stream.getvalue()


def screen(lines: Iterable[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def total(kind: VerdictKind, rule: str, objects: int, size_bytes: int) -> TotalRecord:
    return TotalRecord(kind=kind, rule=rule, objects=objects, bytes=size_bytes)


def prefix(kind: VerdictKind, name: str, objects: int, size_bytes: int) -> PrefixRecord:
    return PrefixRecord(kind=kind, prefix=name, objects=objects, bytes=size_bytes)


def guard(name: str, limit: str, *, allowed: int, found: int, released: bool = False) -> GuardRecord:
    return GuardRecord(name=name, limit=limit, allowed=allowed, found=found, held=found > allowed, released=released)


def a_job(**changes: Any) -> JobRecord:
    """Return a mirror with a bit of everything; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "name": "images",
        "settings": JobSettings(mode="mirror", overwrite="if-different", archived="skip", delete_when="all-done"),
        "from_location": 1,
        "to_location": 2,
        "source": ListingRecord(objects=9_012, bytes=41 * 2**30, left_out=31, pages=10, complete=True),
        "destination": ListingRecord(objects=104, bytes=2**30, pages=1, complete=True),
        "totals": (
            total(VerdictKind.COPY, "not in destination", 8_912, 40 * 2**30),
            total(VerdictKind.OVERWRITE, "size differs", 20, 5 * 2**20),
            total(VerdictKind.OVERWRITE, "newer", 1, 2**20),
            total(VerdictKind.DELETE, "not in source", 4, 3_000),
            total(VerdictKind.UNCHANGED, "same ETag", 79, 2**20),
        ),
        "prefixes": (
            *(prefix(VerdictKind.COPY, f"2024/{month:02}/", 1_000 + month, 2**30) for month in range(1, 9)),
            prefix(VerdictKind.OVERWRITE, "2023/", 21, 6 * 2**20),
            *(prefix(VerdictKind.DELETE, f"old{number}/", 1, 750) for number in range(4)),
        ),
        "guards": (
            guard("max_delete", "25% (default)", allowed=26, found=4),
            guard("refuse_empty_source", "true (default)", allowed=0, found=0),
        ),
        "actions": 8_937,
        "bytes": 40 * 2**30,
    }
    return JobRecord(**(fields | changes))


def a_header(**changes: Any) -> PlanHeader:
    """Return the header of one job; `changes` replace its fields, or those of its job."""
    of_job = {name: changes.pop(name) for name in tuple(changes) if name in JobRecord.model_fields and name != "name"}
    enforced = tuple(CapabilityRecord(condition=each, enforcement=Enforcement.ENFORCED) for each in Condition)
    capabilities = changes.pop("capabilities", enforced)
    job = a_job(**of_job)
    fields: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "tool_version": "0.1.0",
        "made_at": MADE_AT,
        "name": "images",
        "manifest": ManifestRecord(path="job.yaml", sha256="0" * 64, text="version: 1\n", resolved="version: 1\n"),
        "run": RunRecord(multipart_threshold_bytes=2**30, executor="threads"),
        "jobs": (job,),
        "places": (PlaceRecord(location=2, capabilities=capabilities),),
        "actions": job.actions,
        "bytes": job.bytes,
    }
    return PlanHeader(**(fields | changes))


def an_end(url: str, *, number: int = 1, **changes: Any) -> PlanEnd:
    """Return one at AWS; `changes` replace fields of the end or of its location."""
    fields: dict[str, Any] = {"connection": "", "endpoint": None, "region": "eu-central-1"}
    others = ("owner", "customer_key", "customer_key_fingerprint")
    of_location = {name: changes.pop(name) for name in (*fields, *others) if name in changes}
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    location = PlanLocation(
        id=number, kind=LocationKind.S3, url=url, bucket=bucket, prefix=prefix, **(fields | of_location)
    )
    return PlanEnd(location, **({"is_aws": True} | changes))


def the_ends(*, source: str = "s3://prod-assets/images/", **changes: Any) -> tuple[JobEnds, ...]:
    """Return both ends of the only job; `changes` are the destination's."""
    return (JobEnds("images", an_end(source), an_end("s3://dr-assets/images/", number=2, **changes)),)


def a_shown_plan(
    header: PlanHeader | None = None, *, source: str = "s3://prod-assets/images/", **changes: Any
) -> ShownPlan:
    return ShownPlan(PLAN, DIGEST, header or a_header(), the_ends(source=source, **changes))


def a_status(state: str = "interrupted", **changes: Any) -> Status:
    fields: dict[str, Any] = {
        "plan": PLAN,
        "journal": Path(".s3plan/images.s3run"),
        "digest": DIGEST,
        "header": a_header(),
        "state": state,
        "counts": {OutcomeKind.DONE: 8_500, OutcomeKind.STALE: 2},
        "actions": 8_937,
        "remaining": 435,
        "runs": (a_run(1, state),),
        "ends": the_ends(),
    }
    return Status(**(fields | changes))


def a_run(
    number: int,
    state: str,
    *,
    engines: tuple[EngineUsed, ...] = (EngineUsed("", "native"),),
    reason: str | None = None,
) -> RunLine:
    began_at = datetime(2026, 5, 4, 12, 1, tzinfo=UTC)
    ended_at = datetime(2026, 5, 4, 12, 2, 5, tzinfo=UTC)
    return RunLine(number, state, began_at, ended_at, "host.example", 4711, "threads", engines, reason)
