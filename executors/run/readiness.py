"""Which phases of a plan may begin, and which never can in this run: asked of its graph as phases end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from s3plan.planfile.graph import PhaseGraph
from s3plan.schemas.plan.rows import Edge, EdgeNeed, Phase, PhaseName

WhyHeld = Callable[[Edge], str | None]
"""Says why an edge whose `before` has ended does not let its `after` begin; None if it does."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A phase whose turn has come: to begin, or to be left out for `withheld`, in short and in full."""

    phase: Phase
    withheld: str | None = None
    because: str | None = None


class Readiness:
    """The phases of one run, each in one of these: waiting, begun, ended, withheld. `aside` phases take no part.

    A phase that follows another batch by batch may begin when that one has begun, and comes after it.
    """

    def __init__(self, graph: PhaseGraph, *, why_held: WhyHeld, held_jobs: Mapping[str, str]) -> None:
        """`held_jobs` cannot begin in this run at all, for these reasons."""
        self._graph = graph
        self._why_held = why_held
        self._held_jobs = held_jobs
        self._phases = {phase.id: phase for phase in graph.in_order() if phase.name is not PhaseName.ASIDE}
        self._place_in_order = {id_: place for place, id_ in enumerate(self._phases)}
        self._open_edges = {id_: len(graph.before(id_)) for id_ in self._phases}  # that hold `after` back still
        self._next = [self._place_in_order[id_] for id_, edges in self._open_edges.items() if not edges]
        heapify(self._next)
        self._in_order = list(self._phases)
        self._begun: set[int] = set()
        self._over: set[int] = set()
        self._withheld: dict[int, Turn] = {}

    @property
    def under_way(self) -> tuple[Phase, ...]:
        """Phases that have begun and not ended, in the order of the graph."""
        return tuple(phase for id_, phase in self._phases.items() if id_ in self._begun and id_ not in self._over)

    @property
    def has_turns(self) -> bool:
        """Whether there are phases whose turn has come."""
        return bool(self._next)

    def turns(self) -> Iterator[Turn]:
        """Yield the phases that may begin by now, or never can; each once. `end` may be called in between."""
        while self._next:
            phase = self._in_order[heappop(self._next)]
            self._begun.add(phase)
            turn = self._turn(self._phases[phase], self._graph.before(phase))
            self._open(phase, by_batch=True)
            if turn.withheld is not None:
                self._withheld[phase] = turn
                self.end(phase)
            yield turn

    def end(self, phase: int) -> None:
        """Take note that a phase has ended, however."""
        if phase in self._over:
            return
        self._over.add(phase)
        self._open(phase, by_batch=False)

    def _open(self, phase: int, *, by_batch: bool) -> None:
        for edge in self._graph.edges_from(phase):
            if (edge.needs is EdgeNeed.EACH_BATCH) is not by_batch:
                continue
            self._open_edges[edge.after] -= 1
            if not self._open_edges[edge.after]:
                heappush(self._next, self._place_in_order[edge.after])

    def _turn(self, phase: Phase, edges: Iterable[Edge]) -> Turn:
        held = self._held_jobs.get(phase.job)
        if held is not None:
            return Turn(phase, held, held)
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
