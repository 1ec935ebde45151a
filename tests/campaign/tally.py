"""What a campaign's tests count: faults that hit, runs, violations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PROPERTY = "campaign"


def _nothing() -> dict[str, int]:
    return {"faults": 0, "runs": 0, "violations": 0}  # a plain dict: it travels from pytest-xdist's workers


@dataclass(slots=True)
class Tally:
    """Gathers what went wrong, to be told all at once: one wrong run must not hide the others."""

    counts: dict[str, int] = field(default_factory=_nothing)
    wrong: list[str] = field(default_factory=list)

    def note(self, *, faults: int, runs: int) -> None:
        self.counts["faults"] += faults
        self.counts["runs"] += runs

    def take(self, where: str, problems: Iterable[str]) -> None:
        found = [f"{where}: {problem}" for problem in problems]
        self.wrong += found
        self.counts["violations"] += len(found)

    def assert_nothing_wrong(self) -> None:
        assert not self.wrong, "\n".join(["", *self.wrong])
