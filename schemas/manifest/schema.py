"""The JSON Schema of the manifest, generated from its models: completion and hover for editors.

`python -m s3plan.schemas.manifest.schema` rewrites `manifest-v1.schema.json` beside this file. The schema is looser
than the loader where a rule looks at two fields, and never stricter: what it refuses, the loader refuses too.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from s3plan.schemas.manifest.documents import DEFAULTS_DESCRIPTION, JobsManifest, OneJobManifest
from s3plan.schemas.manifest.locations import NAME_PATTERN
from s3plan.schemas.manifest.models import JOB_NAME_PATTERN
from s3plan.schemas.manifest.values import Section
from s3plan.schemas.quantities import format_delay, format_size

GENERATED_FILE = Path(__file__).parents[1].joinpath("manifest-v1.schema.json")
IGNORED_KEYS = "^x-"


class _ManifestSchema(GenerateJsonSchema):
    """pydantic's generator without `null`: to leave a line out is the only way to say nothing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if isinstance(schema.get("default"), timedelta):
            made["default"] = format_delay(schema["default"])
        match made.get("default"):
            case None | [] | dict():
                made.pop("default", None)
            case int(size_bytes) if made.get("type") == "string":
                made["default"] = format_size(size_bytes)
        return made


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of version 1 of the manifest, both forms of it in one."""
    one, many = (_generated(model) for model in (OneJobManifest, JobsManifest))
    parts = one.pop("$defs") | many.pop("$defs")
    job = parts["JobEntry"]
    job.pop("required", None)  # what a job does not say, its defaults may
    defaults = {name: field for name, field in job["properties"].items() if name != "depends_on"}
    parts["JobDefaults"] = job | {"title": "Defaults of jobs", "properties": defaults}
    shared = {"$ref": "#/$defs/JobDefaults", "description": DEFAULTS_DESCRIPTION, "title": "defaults"}
    made = one | {
        "properties": many["properties"] | one["properties"] | {"defaults": shared},
        "required": ["version", "name"],
        "anyOf": [{"required": ["source", "destination"]}, {"required": ["location"]}, {"required": ["jobs"]}],
        "$defs": dict(sorted(parts.items())),
    }
    _as_map_of(made["properties"]["connections"], "Connection", NAME_PATTERN)
    _as_map_of(made["properties"]["jobs"], "JobEntry", JOB_NAME_PATTERN)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:s3plan:manifest:v1"}
    return head | made | {"title": "s3plan manifest"}


def _generated(model: type[Section]) -> dict[str, Any]:
    made = model.model_json_schema(schema_generator=_ManifestSchema)
    for section in [made, *made["$defs"].values()]:
        section["patternProperties"] = {IGNORED_KEYS: {}}
        section["title"] = re.sub("(?<=[a-z])(?=[A-Z])", " ", section["title"]).capitalize()
        for name, field in section["properties"].items():
            field["title"] = name
    return made


def _as_map_of(schema: dict[str, Any], part: str, names: str) -> None:
    """Make the schema of a map one of closed names, each with this part."""
    schema.pop("propertyNames", None)
    schema["patternProperties"] = {IGNORED_KEYS: {}, f"^(?!x-){names[1:]}": {"$ref": f"#/$defs/{part}"}}
    schema["additionalProperties"] = False


def generated_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GENERATED_FILE.write_text(generated_text(), encoding="utf-8")
