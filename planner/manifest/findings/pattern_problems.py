"""What is wrong with a manifest's patterns, each at its place."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.planner.filtering.filters import compile_key_filter
from s3plan.planner.filtering.patterns import PatternInvalid
from s3plan.schemas.manifest.models import Filters
from s3plan.schemas.manifest.rules.findings import Finding


def broken_patterns(filters: Filters) -> Iterator[Finding]:
    """Yield a finding for each pattern that cannot be meant, or for an `include` that takes nothing in."""
    for name, patterns in (("include", filters.include), ("exclude", filters.exclude)):
        count = 0
        for position, pattern in enumerate(patterns):
            try:
                compile_key_filter(Filters.model_construct(exclude=(pattern,)))
            except PatternInvalid as error:
                count += 1
                yield Finding(("filters", name, position), f"the pattern {pattern} {error.problem}")
        if name == "include" and patterns and not count:
            try:
                compile_key_filter(Filters.model_construct(include=patterns))
            except PatternInvalid as error:
                yield Finding(("filters", name, 0), f"the pattern {error.pattern} {error.problem}")
