"""Plans to test with, and a second implementation of the format's digests, written from docs/plan-format.md."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from s3plan.planfile.reader import PlanReader
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.plan.header import (
    FORMAT_VERSION,
    JobRecord,
    JobSettings,
    ListingRecord,
    ManifestRecord,
    PlanHeader,
    RunRecord,
    TotalRecord,
)
from s3plan.schemas.plan.header_parts import TransferRecord
from s3plan.schemas.plan.rows import Edge, EdgeNeed, LocationKind, Phase, PhaseName, PlanLocation

SOURCE = PlanLocation(
    1, LocationKind.S3, "s3://from/images/", "backup", "https://s3.example.com", "eu-central-1", "from", "images/"
)
DESTINATION = PlanLocation(
    2, LocationKind.S3, "s3://to/dr/", "backup", "https://s3.example.com", None, "to", "dr/", "111122223333"
)
PHASES = (
    Phase(1, "images", PhaseName.PREPARE),
    Phase(2, "images", PhaseName.COPY),
    Phase(3, "images", PhaseName.DELETE),
    Phase(4, "images", PhaseName.ASIDE),
)
EDGES = (Edge(1, 2, EdgeNeed.ENDED), Edge(2, 3, EdgeNeed.ENDED_WELL))
COPY, DELETE, ASIDE = 2, 3, 4
Content = tuple[PlanHeader, str, object, object, object, object, object]


def relayed(made: PlanHeader) -> PlanHeader:
    """Return a header whose one job goes from store to store."""
    way = TransferRecord(way="relay", why="another endpoint")
    return made.model_copy(update={"jobs": tuple(job.model_copy(update={"transfer": way}) for job in made.jobs)})


def relays(*keys: bytes) -> list[Action]:
    return [each._replace(kind=ActionKind.RELAY) for each in copies(*keys)]


def header(
    *,
    actions: int,
    size_bytes: int,
    job: str = "images",
    totals: Sequence[TotalRecord] | None = None,
    delete_when: str | None = None,
) -> PlanHeader:
    """Return a header; without `totals` all its actions are copies to where nothing is."""
    if totals is None:
        totals = [_total(VerdictKind.COPY, actions, size_bytes)]
    listing = ListingRecord(objects=actions, bytes=size_bytes, pages=1, complete=True)
    record = JobRecord(
        name=job,
        settings=JobSettings(mode="mirror", overwrite="if-different", archived="skip", delete_when=delete_when),
        from_location=1,
        to_location=2,
        source=listing,
        destination=listing,
        totals=tuple(totals),
        prefixes=(),
        actions=actions,
        bytes=size_bytes,
    )
    return header_of(record)


def header_of(*jobs: JobRecord) -> PlanHeader:
    """Return the header of a plan of these jobs."""
    return PlanHeader(
        format_version=FORMAT_VERSION,
        tool_version="0.1.0",
        made_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        name=jobs[0].name,
        manifest=ManifestRecord(path="s3plan.yaml", sha256="0" * 64, text="version: 1\n", resolved="version: 1\n"),
        run=RunRecord(multipart_threshold_bytes=1 << 30, executor="threads"),
        jobs=jobs,
        places=(),
        actions=sum(job.actions for job in jobs),
        bytes=sum(job.bytes for job in jobs),
    )


def totals_of(*, copied: Sequence[Action], deleted: Sequence[Action]) -> list[TotalRecord]:
    """Return what a plan of these actions adds up to."""
    written = [action for action in copied if action.kind.is_write]
    by_kind = {
        VerdictKind.COPY: [action for action in written if action.destination_pin is None],
        VerdictKind.OVERWRITE: [action for action in written if action.destination_pin is not None],
        VerdictKind.SAME: [action for action in copied if action.kind is ActionKind.SAME],
        VerdictKind.DELETE: deleted,
    }
    return [
        _total(kind, len(actions), sum(action.size_bytes for action in actions))
        for kind, actions in by_kind.items()
        if actions or kind is not VerdictKind.SAME
    ]


def _total(kind: VerdictKind, objects: int, size_bytes: int) -> TotalRecord:
    return TotalRecord(kind=kind, rule="planned", objects=objects, bytes=size_bytes)


def copies(*keys: bytes, size_bytes: int = 7) -> list[Action]:
    """Return one copy for each key; every second one is an overwrite."""
    return [
        Action(
            ActionKind.COPY,
            key,
            size_bytes,
            "not at the destination",
            source_pin=f"{number:032x}",
            source_mtime_ms=1_700_000_000_000 + number,
            destination_pin=f"{number:032x}-2" if number % 2 else None,
            destination_mtime_ms=1_600_000_000_000 if number % 2 else None,
            storage_class="STANDARD" if number % 3 else None,
        )
        for number, key in enumerate(keys)
    ]


def deletes(*keys: bytes) -> list[Action]:
    """Return one delete for each key."""
    return [
        Action(ActionKind.DELETE, key, 9, "not in the source", destination_pin="e" * 32, destination_mtime_ms=5)
        for key in keys
    ]


def skips(*keys: bytes) -> list[Action]:
    """Return one skip for each key."""
    return [Action(ActionKind.SKIP, key, 11, "archived: GLACIER", source_pin="f" * 32) for key in keys]


def numbered(stem: str, count: int) -> list[bytes]:
    """Return that many ascending keys."""
    return [f"{stem}/{number:06d}".encode() for number in range(count)]


def add_graph(writer: PlanWriter) -> None:
    """Add two locations and a mirror's phases."""
    writer.add_location(SOURCE)
    writer.add_location(DESTINATION)
    for phase in PHASES:
        writer.add_phase(phase)


def write_plan(
    path: Path,
    *,
    copied: Sequence[Action] = (),
    deleted: Sequence[Action] = (),
    aside: Sequence[Action] = (),
    batch_actions: int = 50,
) -> str:
    """Write a mirror's plan, the batches of its phases taking turns, and return its digest."""
    with PlanWriter(path) as writer:
        add_graph(writer)
        most = max(map(len, (copied, deleted, aside)))
        for first in range(0, most, batch_actions):
            turn = slice(first, first + batch_actions)
            for phase, source, destination, actions in (
                (COPY, 1, 2, copied),
                (DELETE, None, 2, deleted),
                (ASIDE, 1, 2, aside),
            ):
                if actions[turn]:
                    writer.add_batch(phase=phase, from_location=source, to_location=destination, actions=actions[turn])
        size_bytes = sum(action.size_bytes for action in copied)
        totals = totals_of(copied=copied, deleted=deleted)
        return writer.seal(header(actions=len(copied) + len(deleted), size_bytes=size_bytes, totals=totals))


def everything_in(reader: PlanReader) -> Content:
    """Return all that a plan says."""
    return (
        reader.header,
        reader.digest,
        reader.locations,
        reader.phases,
        reader.edges,
        reader.batches,
        tuple(reader.iter_actions()),
    )


def change(path: Path, *statements: str, reseal: bool = False) -> None:
    """Run SQL on a plan; `reseal` makes all digests agree with what it then holds, as a forger would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        if reseal:
            _reseal(database)


def encoded(value: object) -> bytes:
    """Return the canonical encoding, value by value, as docs/plan-format.md has it; it has no floats."""
    match value:
        case None:
            return b"n"
        case True:
            return b"t"
        case False:
            return b"f"
        case int():
            return b"i" + str(value).encode() + b";"
        case str():
            data = value.encode()
            return b"s" + str(len(data)).encode() + b":" + data
        case float():
            return b"what a forger may write"
        case bytes():
            return b"b" + str(len(value)).encode() + b":" + value
        case tuple():
            return b"(" + str(len(value)).encode() + b":" + b"".join(map(encoded, value))
    raise TypeError(type(value))


def _reseal(database: sqlite3.Connection) -> None:
    batches = database.execute("SELECT id, first_action, actions FROM batch").fetchall()
    for number, first, count in batches:
        rows = database.execute(
            "SELECT * FROM action WHERE id BETWEEN ? AND ? ORDER BY id", (first, first + count - 1)
        ).fetchall()
        digest = _sha256("s3plan batch 1", *list(zip(*rows, strict=True))[1:])
        database.execute("UPDATE batch SET digest = ? WHERE id = ?", (digest, number))
    orders = {"location": "id", "phase": "id", "edge": "before_phase, after_phase", "batch": "id"}
    tables = [
        tuple(database.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()) for table, order in orders.items()
    ]
    content = _sha256("s3plan content 2", *tables)
    (text,) = database.execute("SELECT document FROM header").fetchone()
    database.execute(
        "UPDATE header SET content_digest = ?, plan_digest = ?", (content, _sha256("s3plan plan 1", text, content))
    )


def _sha256(label: str, *values: Any) -> bytes:
    return sha256(encoded((label, *values))).digest()
