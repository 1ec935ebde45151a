"""Which phases of a plan may begin, and which never can in this run: asked of its graph as phases end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from s3plan.planfile.graph import PhaseGraph
from s3plan.schemas.plan.rows import Edge, Phase, PhaseName

WhyHeld = Callable[[Edge], str | None]
"""Says why an edge whose `before` has ended does not let its `after` begin; None if it does."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A phase whose turn has come: to begin, or to be left out for `withheld`, in short and in full."""

    phase: Phase
    withheld: str | None = None
    because: str | None = None


class Readiness:
    """The phases of one run, each in one of these: waiting, begun, ended, withheld. `aside` phases take no part."""

    def __init__(self, graph: PhaseGraph, *, why_held: WhyHeld) -> None:
        self._graph = graph
        self._why_held = why_held
        self._phases = {phase.id: phase for phase in graph.in_order() if phase.name is not PhaseName.ASIDE}
        self._waiting = list(self._phases)
        self._begun: set[int] = set()
        self._over: set[int] = set()
        self._withheld: dict[int, Turn] = {}

    @property
    def under_way(self) -> tuple[Phase, ...]:
        """Phases that have begun and not ended, in the order of the graph."""
        return tuple(phase for id_, phase in self._phases.items() if id_ in self._begun and id_ not in self._over)

    def turns(self) -> Iterator[Turn]:
        """Yield the phases that may begin by now, or never can; each once. `end` may be called in between."""
        progressed = True
        while progressed:
            progressed = False
            for phase in tuple(self._waiting):
                edges = self._graph.before(phase)
                if any(edge.before not in self._over for edge in edges):
                    continue
                self._waiting.remove(phase)
                self._begun.add(phase)
                turn = self._turn(self._phases[phase], edges)
                if turn.withheld is not None:
                    self._withheld[phase] = turn
                    self._over.add(phase)
                yield turn
                progressed = True

    def end(self, phase: int) -> None:
        """Take note that a phase has ended, however."""
        self._over.add(phase)

    def _turn(self, phase: Phase, edges: Iterable[Edge]) -> Turn:
        for edge in edges:
            before = self._phases[edge.before]
            earlier = self._withheld.get(before.id)
            if earlier is not None:
                if before.job == phase.job:
                    return Turn(phase, earlier.withheld, earlier.because)
                return Turn(phase, f"job {before.job}", f"job {before.job} was withheld")
            reason = self._why_held(edge)
            if reason is not None:
                is_own = before.job == phase.job
                return Turn(
                    phase,
                    reason if is_own else f"job {before.job}",
                    reason if is_own else f"job {before.job}: {reason}",
                )
        return Turn(phase)
