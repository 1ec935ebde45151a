"""Patterns of `include` that no key has matched so far: a misspelt one would leave objects out without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s3plan.planner.filtering.filters import KeyFilter, compile_key_filter
from s3plan.planner.filtering.patterns import parse_pattern
from s3plan.schemas.manifest.models import Filters


@dataclass(frozen=True, slots=True)
class _Open:
    position: int
    literals: tuple[bytes, ...]
    matches: KeyFilter


class UnmatchedPatterns:
    """Is shown every listed key, page by page, and forgets a pattern once one of them matches it.

    A page is searched for the pattern's literal text first, which costs nothing compared with reading the page; only
    where all of that is there, its keys are looked at one by one.
    """

    def __init__(self, include: Sequence[str]) -> None:
        """Take the manifest's patterns, all valid; those that take back (`!`) are left aside."""
        parsed = [(position, parse_pattern(text)) for position, text in enumerate(include)]
        self._open = [
            _Open(position, tuple(literal.encode() for literal in pattern.literals), _matcher(pattern.text))
            for position, pattern in parsed
            if not pattern.negated
        ]

    @property
    def positions(self) -> list[int]:
        """Return where in `include` the patterns stand that nothing has matched."""
        return [pattern.position for pattern in self._open]

    def look(self, keys: Sequence[bytes]) -> None:
        """Look at one page of keys, relative to their location."""
        if not self._open:
            return
        page = b"\n".join(keys)
        self._open = [pattern for pattern in self._open if not _is_in(pattern, page, keys)]


def _is_in(pattern: _Open, page: bytes, keys: Sequence[bytes]) -> bool:
    return all(literal in page for literal in pattern.literals) and any(map(pattern.matches, keys))


def _matcher(text: str) -> KeyFilter:
    found = compile_key_filter(Filters.model_construct(include=(text,)))
    if found is None:
        raise AssertionError("a pattern makes a filter")
    return found
