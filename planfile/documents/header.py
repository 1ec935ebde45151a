"""The header of a plan as a JSON document, and back from text that anybody may have touched."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

from s3plan.schemas.plan.header import PlanHeader

GENERATED_FILE = Path(__file__).with_name("plan-header-v2.schema.json")


class HeaderInvalid(Exception):
    """A header document that no plan of this format can hold; the message is a clause."""


def header_text(header: PlanHeader) -> str:
    """Return the header's document: compact JSON in the model's order; what is None is left out."""
    return header.model_dump_json(exclude_none=True)


def load_validator() -> None:
    """Import what parse_header takes: for whoever has a moment to spare before."""
    import jsonschema  # noqa: F401


def parse_header(text: str) -> PlanHeader:
    """Return the header that a document holds; raise HeaderInvalid with the first problem.

    The published JSON Schema is checked first, then the model. A name that stands twice in one object is refused:
    readers of such a document need not agree on what it says.
    """
    import jsonschema
    from pydantic import ValidationError

    try:
        document = json.loads(
            text, object_pairs_hook=_object_without_repeats, parse_constant=_refuse_constant, parse_int=_int_of_64_bits
        )
    except (ValueError, RecursionError) as e:
        raise HeaderInvalid(f"it is not JSON: {str(e)!a}") from e
    schema = json.loads(GENERATED_FILE.read_text(encoding="utf-8"))
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if problem is not None:
        raise HeaderInvalid(f"{problem.json_path!a}: {problem.message[:200]!a}")
    try:
        header = PlanHeader.model_validate_json(text)
        for moment in (header.made_at, header.expires_at):
            if moment is not None:
                moment.astimezone(UTC)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise HeaderInvalid(f"{where!a}: {first['msg'][:200]!a}") from e
    except OverflowError as e:
        raise HeaderInvalid("a moment is not within the years 1 to 9999") from e
    return header


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _int_of_64_bits(digits: str) -> int:
    number = int(digits)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("a number has more than 64 bits")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
