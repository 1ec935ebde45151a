"""What the fields of a manifest must be to each other: a rule, and what it finds.

A rule looks at a manifest whose own fields are sound and yields what it finds. Where some fields are not, the rules
that do not need them run all the same, so that a reader sees everything at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.locations import Location

KeyPath = tuple[str | int, ...]
Role = Literal["source", "destination", "location"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about one place of the manifest: about its key or its value.

    `hides_value`: nobody knows what the value is, since its key means nothing here: it is not shown.
    """

    path: KeyPath
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    at: Literal["key", "value"] = "value"
    hides_value: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, and the fields that it reads."""

    needs: tuple[KeyPath, ...]
    check: Callable[[OneJobManifest], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Broken:
    """A finding and the rule that it comes from."""

    finding: Finding
    needs: tuple[KeyPath, ...]


def broken_rules(manifest: OneJobManifest, *, rules: Iterable[Rule], unsound: Iterable[KeyPath] = ()) -> list[Broken]:
    """Return what these rules find, leaving out each that needs a field at, above or below an unsound path."""
    bad = [tuple(path) for path in unsound]
    return [
        Broken(finding, rule.needs)
        for rule in rules
        if not any(_related(need, path) for need in rule.needs for path in bad)
        for finding in rule.check(manifest)
    ]


def _related(one: KeyPath, other: KeyPath) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def location_of(manifest: OneJobManifest, role: Role) -> Location | None:
    """Return the place of a job that has this role, None where none has."""
    place: Location | None = getattr(manifest, role)
    return place
