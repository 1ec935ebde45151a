"""pydantic's errors about a manifest, in our words: nothing of its own wording may reach a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from s3plan.schemas.manifest.connections import names_a_secret
from s3plan.schemas.manifest.models import JobFields
from s3plan.schemas.manifest.rules.findings import Finding, KeyPath
from s3plan.schemas.manifest.values import REFUSED, Section, did_you_mean, shape_of

_KEY_OF_A_MAP = "[key]"

Document = type[Section]
"""The model that a manifest is held against."""


def findings_of(error: ValidationError, *, document: Document, most: int) -> list[Finding]:
    """Return one finding for each of the first errors, in pydantic's order; their paths are those of the written keys.

    A key is not called missing where its misspelling is already reported.
    """
    details = error.errors(include_url=False)[:most]
    findings = [_finding(detail, document) for detail in details]
    excused = {path for finding in findings for path in _excused(finding)}
    return [
        finding
        for finding, detail in zip(findings, details, strict=True)
        if not (detail["type"] == "missing" and finding.path in excused)
    ]


def _excused(finding: Finding) -> list[KeyPath]:
    if finding.at != "key":
        return []
    meant = (finding.hint or "").removeprefix("did you mean ").removesuffix("?")
    return [(*finding.path[:-1], meant)]


def _finding(detail: ErrorDetails, document: Document) -> Finding:
    path = tuple(detail["loc"])
    return _TABLE.get(detail["type"], _unforeseen)(path, detail, document)


def _refused(path: KeyPath, detail: ErrorDetails, _: Document) -> Finding:
    context = detail["ctx"]
    if path and path[-1] == _KEY_OF_A_MAP:
        return Finding(path[:-1], f"the name {context['message']}", context["hint"], at="key")
    return Finding(path, context["message"], context["hint"])


def _missing(path: KeyPath, _: ErrorDetails, document: Document) -> Finding:
    section = section_at(path[:-1], document)
    description = section.model_fields[str(path[-1])].description if section is not None else None
    return Finding(path, "is missing", description)


def _unknown_key(path: KeyPath, _: ErrorDetails, document: Document) -> Finding:
    key = str(path[-1])
    section = section_at(path[:-1], document)
    if names_a_secret(key):
        hint = "name a profile, or an env_prefix whose environment variables hold the credentials"
        return Finding(path, f"{document.called} holds no secrets", hint, at="key", hides_value=True)
    if section is not None and key in section.later_words:
        return Finding(path, "is not there yet", at="key")
    if key == "<<":
        return Finding(path, "YAML 1.2 has no merge keys", "write the keys out", at="key")
    known = [] if section is None else list(section.model_fields)
    later = [] if section is None else sorted(section.later_words)
    hint = (
        _home_of(key, document, is_top=len(path) == 1)
        or did_you_mean(key, known + later)
        or f"known here: {', '.join(known)}"
    )
    return Finding(path, "unknown key", hint, at="key", hides_value=True)


def _not_a_mapping(path: KeyPath, detail: ErrorDetails, document: Document) -> Finding:
    section = section_at(path, document)
    hint = f"write {path[-1]}: {section.example}" if section is not None and section.example and path else None
    return Finding(path, f"needs a mapping, not {shape_of(detail['input'])}", hint)


def _unforeseen(path: KeyPath, detail: ErrorDetails, _: Document) -> Finding:
    return Finding(path, f"is not valid here ({detail['type'].replace('_', ' ')})")


_TABLE: Mapping[str, Callable[[KeyPath, ErrorDetails, Document], Finding]] = {
    REFUSED: _refused,
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "model_type": _not_a_mapping,
    "mapping_type": _not_a_mapping,
    "dict_type": _not_a_mapping,
}


def refused_defaults(data: Mapping[str, object]) -> list[Finding]:
    """Return what is wrong with `defaults:` themselves; what they hold is judged in the jobs that take it."""
    if "defaults" not in data:
        return []
    defaults = data["defaults"]
    if not isinstance(defaults, dict):
        return [
            Finding(("defaults",), f"needs a mapping, not {shape_of(defaults)}", "write defaults: {overwrite: never}")
        ]
    if "depends_on" in defaults:
        path = ("defaults", "depends_on")
        return [Finding(path, "each job says itself what it waits for", "move it to the jobs that do", at="key")]
    return []


def section_at(path: KeyPath, document: Document) -> type[Section] | None:
    """Return the model of the mapping at this path of a document, None where there is none."""
    section: type[Section] | None = document
    rest = list(path)
    while rest and section is not None:
        field = section.model_fields.get(str(rest.pop(0)))
        section = None if field is None else _section_in(field.annotation)
        if field is not None and section is not None and _is_map(field.annotation):
            if not rest:
                return None
            rest.pop(0)
    return section


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if issubclass(annotation, Section) else None
    return next((found for part in get_args(annotation) if (found := _section_in(part)) is not None), None)


def _is_map(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is Mapping


def _home_of(key: str, document: Document, *, is_top: bool) -> str | None:
    """Return the hint for a key that has its place in another mapping."""
    if not is_top and key in document.model_fields:
        return f"{key} belongs at the top level"
    if is_top and "jobs" in document.model_fields and key in JobFields.model_fields:
        return f"{key} belongs in a job, or in defaults: for all of them"
    if is_top and key == "depends_on":
        return "depends_on belongs to one of several jobs, below jobs:"
    homes = [
        name for name in ("source", "destination", "filters", "guards", "run", "delete") if _has(name, key, document)
    ]
    return f"{key} belongs in {homes[0]}:" if homes else None


def _has(name: str, key: str, document: Document) -> bool:
    section = section_at((name,), document) or section_at((name,), JobFields)
    return section is not None and key in section.model_fields
