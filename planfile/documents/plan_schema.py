"""The JSON Schema of a plan as a document, built on the one of its header.

`python -m s3plan.planfile.documents.plan_schema` rewrites `plan-document-v2.schema.json` beside this file. A line of
the JSON lines form is valid against its `$defs/action`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from s3plan.planfile.documents.header_schema import DRAFT, header_schema
from s3plan.planfile.documents.plan import FORMAT_NAME
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.header import FORMAT_VERSION
from s3plan.schemas.plan.rows import EdgeNeed, LocationKind, PhaseName
from s3plan.schemas.stores.names import StoreName

GENERATED_FILE = Path(__file__).with_name("plan-document-v2.schema.json")

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_ID = {"type": "integer", "minimum": 1}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}
_TIME_MS = {"type": "integer", "description": "milliseconds since 1970-01-01T00:00Z, by the store's clock"}
_OF_EVERY_LOCATION = (
    "id",
    "kind",
    "url",
    "connection",
    "bucket",
    "prefix",
    "follows",
    "has_short_stamps",
    "stays_on_device",
    "store",
)
_PHASE_NAME = {"enum": [name.value for name in PhaseName]}


def document_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of version 2 of the plan document."""
    header = header_schema()
    parts = header.pop("$defs")
    for name in ("$schema", "$id"):
        del header[name]
    parts |= {"header": header, "location": _location(), "phase": _phase(), "edge": _edge(), "batch": _batch()}
    members = {
        "format": {"const": FORMAT_NAME},
        "version": {"const": FORMAT_VERSION},
        "digest": _DIGEST,
        "header": {"$ref": "#/$defs/header"},
        "locations": _list_of("location"),
        "phases": _list_of("phase"),
        "edges": _list_of("edge"),
        "batches": _list_of("batch"),
        "actions": _list_of("action"),
    }
    required = [name for name in members if name != "actions"]
    head = {"$schema": DRAFT, "$id": "urn:s3plan:plan-document:v2", "title": "An s3plan plan"}
    return head | _object(members, required=required) | {"$defs": parts | {"action": _action()}}


def generated_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(document_schema(), indent=2, ensure_ascii=False) + "\n"


def _location() -> dict[str, Any]:
    members = {
        "id": _ID,
        "kind": {"enum": [kind.value for kind in LocationKind]},
        "url": _TEXT,
        "connection": _TEXT | {"description": "a name of the manifest; empty for the default one"},
        "bucket": _TEXT,
        "prefix": _TEXT,
        "endpoint": _TEXT,
        "region": _TEXT,
        "owner": _TEXT,
        "path": _TEXT | {"description": "of a folder: absolute"},
        "root_inode": {"type": "integer"},
        "follows": {"type": "boolean", "description": "symbolic links in the folder are followed"},
        "has_short_stamps": {"type": "boolean", "description": "its files are pinned by size and time alone"},
        "trash": _TEXT | {"description": "the folder that takes what is replaced or deleted: absolute"},
        "stays_on_device": {"type": "boolean", "description": "what is mounted below the folder is left out"},
        "store": {"enum": [each.value for each in StoreName], "description": "the kind of store; of a folder: unknown"},
        "customer_key": _TEXT
        | {"description": "where the key of SSE-C is found: env: and a name, or file: and an absolute path"},
        "customer_key_fingerprint": _TEXT | {"description": "16 hex digits of that key's SHA-256"},
    }
    return _object(members, required=list(_OF_EVERY_LOCATION))


def _phase() -> dict[str, Any]:
    return _object({"id": _ID, "job": _TEXT, "name": _PHASE_NAME}, required=["id", "job", "name"])


def _edge() -> dict[str, Any]:
    members = {"before": _ID, "after": _ID, "needs": {"enum": [need.value for need in EdgeNeed]}}
    return _object(members, required=list(members)) | {"description": "`after` starts when `before` ended as it needs"}


def _batch() -> dict[str, Any]:
    members = {
        "id": _ID,
        "phase": _ID,
        "from_location": _ID,
        "to_location": _ID,
        "first_action": _ID,
        "actions": _ID,
        "size_bytes": _WHOLE,
        "digest": _DIGEST,
        "of_batch": _ID | {"description": "of a remove phase: the copy batch whose actions it is about, no others"},
    }
    optional = {"from_location", "to_location", "of_batch"}
    return _object(members, required=[name for name in members if name not in optional])


def _action() -> dict[str, Any]:
    members = {
        "job": _TEXT,
        "phase": _PHASE_NAME,
        "batch": _ID,
        "kind": {"enum": [kind.value for kind in ActionKind]},
        "key": _TEXT | {"description": "relative to the batch's from-location, or to its to-location without one"},
        "key_base64": _BASE64 | {"description": "in place of `key` where it is not UTF-8"},
        "destination_key": _TEXT | {"description": "relative to the to-location; absent where it is the key"},
        "destination_key_base64": _BASE64 | {"description": "in place of `destination_key` where it is not UTF-8"},
        "size_bytes": _WHOLE,
        "reason": _TEXT,
        "source_pin": _TEXT,
        "source_mtime_ms": _TIME_MS,
        "source_version": _TEXT,
        "destination_pin": _TEXT | {"description": "absent: the destination is expected to be absent"},
        "destination_mtime_ms": _TIME_MS,
        "storage_class": _TEXT | {"description": "of the new object; absent: the store decides"},
    }
    made = _object(members, required=["job", "phase", "batch", "kind", "size_bytes", "reason"])
    one_key = [{"required": ["key"]}, {"required": ["key_base64"]}]
    return made | {"oneOf": one_key, "not": {"required": ["destination_key", "destination_key_base64"]}}


def _object(members: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


if __name__ == "__main__":
    GENERATED_FILE.write_text(generated_text(), encoding="utf-8")
