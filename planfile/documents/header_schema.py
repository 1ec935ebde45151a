"""The JSON Schema of a plan's header, generated from its model.

`python -m s3plan.planfile.documents.header_schema` rewrites `plan-header-v2.schema.json` beside this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from s3plan.schemas.plan.header import PlanHeader

GENERATED_FILE = Path(__file__).with_name("plan-header-v2.schema.json")
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def header_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of version 2 of the header document."""
    head = {"$schema": DRAFT, "$id": "urn:s3plan:plan-header:v2"}
    return head | PlanHeader.model_json_schema() | {"title": "Header of an s3plan plan"}


def generated_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(header_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GENERATED_FILE.write_text(generated_text(), encoding="utf-8")
