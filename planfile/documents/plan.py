"""A plan as JSON: one document, or its actions as JSON lines. Published as `plan-document-v2.schema.json`.

All text is ASCII, so that it can be printed on any terminal. A key is `key` where it is UTF-8, else `key_base64`; a
destination key likewise. What is None is left out.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Container, Iterator
from dataclasses import asdict
from typing import Any

from s3plan.planfile.reader import PlanReader
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.header import FORMAT_VERSION
from s3plan.schemas.plan.rows import Batch, Phase

FORMAT_NAME = "s3plan-plan"


def plan_document(reader: PlanReader) -> dict[str, Any]:
    """Return everything but the actions, as JSON values."""
    return {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "digest": reader.digest,
        "header": json.loads(reader.header_text),
        "locations": [_without_nones(asdict(location)) for location in reader.locations],
        "phases": [asdict(phase) for phase in reader.phases],
        "edges": [asdict(edge) for edge in reader.edges],
        "batches": [_without_nones(asdict(batch) | {"digest": batch.digest.hex()}) for batch in reader.batches],
    }


def action_document(action: Action, *, batch: Batch, phase: Phase) -> dict[str, Any]:
    """Return one action as JSON values, with its batch's id and its phase's job and name."""
    fields = action._asdict()
    keys = _key("key", fields.pop("key")) | _key("destination_key", fields.pop("destination_key"))
    return _without_nones({"job": phase.job, "phase": phase.name, "batch": batch.id, **keys, **fields})


def iter_document(reader: PlanReader) -> Iterator[str]:
    """Yield the whole plan as one JSON document, in pieces: `plan_document` with `actions` as its last member."""
    yield json.dumps(plan_document(reader))[:-1] + ', "actions": ['
    separator = "\n"
    for line in iter_action_lines(reader):
        yield separator + line.rstrip("\n")
        separator = ",\n"
    yield "\n]}\n"


def iter_action_lines(reader: PlanReader, *, phases: Container[int] | None = None) -> Iterator[str]:
    """Yield each action, of all phases or of some, as one line of JSON; ordered as `PlanReader.iter_actions`."""
    for batch, action in reader.iter_actions(phases=phases):
        yield json.dumps(action_document(action, batch=batch, phase=reader.phases_by_id[batch.phase])) + "\n"


def _key(name: str, key: bytes | None) -> dict[str, str]:
    if key is None:
        return {}
    try:
        return {name: key.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(key).decode()}


def _without_nones(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
