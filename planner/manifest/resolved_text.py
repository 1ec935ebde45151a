"""A manifest with nothing left to fill in, as YAML that reads the same: what a plan keeps and works by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from s3plan.planner.manifest.defaults import JOBS, is_of_jobs, with_defaults
from s3plan.planner.manifest.text.data import Data
from s3plan.schemas.manifest.models import JobFields
from s3plan.schemas.manifest.values import Plain

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII).fullmatch
# Readers of YAML 1.1 take these for ends of lines, and no terminal should be shown them.
_NOT_SHOWN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_OF_A_JOB = frozenset(JobFields.model_fields)


def resolved_text(data: Data) -> str:
    """Return the YAML of what was read, always in the form of jobs, each with its defaults."""
    resolved = with_defaults(data) if is_of_jobs(data) else _as_jobs(data)
    return "\n".join(yaml_lines(resolved, depth=0)) + "\n"


def _as_jobs(data: Data) -> Data:
    job = {key: value for key, value in data.items() if key in _OF_A_JOB}
    rest = {key: value for key, value in data.items() if key not in _OF_A_JOB}
    return rest | {JOBS: {str(data["name"]): job}}


def yaml_lines(data: Data, *, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a mapping, two spaces for each level of it."""
    indent = "  " * depth
    for key, value in data.items():
        head = f"{indent}{key if _PLAIN_KEY(key) else _quoted(key)}:"
        match value:
            case dict() if value:
                yield head
                yield from yaml_lines(value, depth=depth + 1)
            case list() if value:
                yield head
                yield from _items(value, depth=depth + 1)
            case _:
                yield f"{head} {scalar_text(value)}"


def _items(items: list[object], *, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in items:
        if isinstance(item, dict) and item:
            first, *others = yaml_lines(item, depth=depth + 1)
            yield f"{indent}- {first.lstrip()}"
            yield from others
        elif isinstance(item, list) and item:
            yield f"{indent}-"
            yield from _items(item, depth=depth + 1)
        else:
            yield f"{indent}- {scalar_text(item)}"


def scalar_text(value: object) -> str:
    """Return a single value, or an empty mapping, as it is written behind its key."""
    match value:
        case dict():
            return "{}"
        case list():
            return "[]"
        case Plain() if "\n" not in value:
            return value
        case _:
            return _quoted(str(value))


def _quoted(text: str) -> str:
    return _NOT_SHOWN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
