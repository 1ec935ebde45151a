"""The DAG of a plan: a node for each phase, an edge for each that waits for another; networkx holds it.

It is what a plan is validated against, what is drawn, and what the scheduler asks. networkx is imported when the first
graph is made: it takes longer than most of what else a command does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from threading import Thread
from typing import TYPE_CHECKING

from s3plan.planfile.rows import RowInvalid
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import Edge, EdgeNeed, Phase, PhaseName

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.DiGraph[int]

_NEED_OF_DELETES = {"no-failures": EdgeNeed.NO_FAILURES}


class PhaseGraph:
    """The phases of a plan and what each waits for; nothing of it changes."""

    def __init__(self, phases: Iterable[Phase], edges: Iterable[Edge]) -> None:
        """Raise RowInvalid for an edge without its phases, and for phases that wait for each other in a circle."""
        import networkx as nx

        self._graph: Graph = nx.DiGraph()
        for phase in phases:
            self._graph.add_node(phase.id, phase=phase)
        for edge in edges:
            if edge.before not in self._graph or edge.after not in self._graph:
                raise RowInvalid(f"the edge {edge.before} -> {edge.after} names a phase that does not exist")
            self._graph.add_edge(edge.before, edge.after, edge=edge)
        if not nx.is_directed_acyclic_graph(self._graph):
            raise RowInvalid("its phases wait for each other in a circle")

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, by both their ends."""
        return tuple(self._graph.edges[ends]["edge"] for ends in sorted(self._graph.edges))

    def in_order(self) -> tuple[Phase, ...]:
        """Return the phases so that each comes after all that it waits for; by id where that leaves a choice."""
        import networkx as nx

        return tuple(self._graph.nodes[phase]["phase"] for phase in nx.lexicographical_topological_sort(self._graph))

    def before(self, phase: int) -> tuple[Edge, ...]:
        """Return the edges that lead to a phase, by where they come from."""
        return tuple(self._graph.edges[before, phase]["edge"] for before in sorted(self._graph.predecessors(phase)))

    def after(self, phase: int) -> tuple[int, ...]:
        """Return the phases that wait for this one and no other in between, ascending."""
        return tuple(sorted(self._graph.successors(phase)))

    def edges_from(self, phase: int) -> tuple[Edge, ...]:
        """Return the edges that lead from a phase, by where they lead."""
        return tuple(self._graph.edges[phase, after]["edge"] for after in self.after(phase))


def load_networkx_ahead() -> None:
    """Import what graphs are made of on a thread, while whoever will need one waits for something else."""
    Thread(target=_load_networkx, name="s3plan-import", daemon=True).start()


def _load_networkx() -> None:
    import networkx as nx  # noqa: F401


def graph_of_jobs(jobs: Sequence[JobRecord], phases: Iterable[Phase]) -> PhaseGraph:
    """Return the one graph that a plan of these jobs has, if these are its phases; raise RowInvalid.

    A job's copies wait for its preparation and its deletes for its copies. A job that depends on another waits for that
    one's writes, and the deletes of the other wait for the writes of all that depend on it, directly or not. Of a job
    that only deletes, the deletes are what others wait for, and wait for none of them. What a job moves is removed
    batch by batch as it is copied, and others wait for that.
    """
    import networkx as nx

    phases = tuple(phases)
    of_jobs = _by_job(jobs, phases)
    dependents: nx.DiGraph[str] = nx.DiGraph()
    for job in jobs:
        for other in job.depends_on:
            if other not in dependents:
                raise RowInvalid(f"job {job.name!a} depends on {other!a}, which is no job before it")
        dependents.add_node(job.name)
        dependents.add_edges_from((other, job.name) for other in job.depends_on)
    behind = {job.name: sorted(nx.descendants(dependents, job.name)) for job in jobs}
    works = {job.name: _work(job, of_jobs[job.name]) for job in jobs}
    return PhaseGraph(phases, chain.from_iterable(_edges_of(job, of_jobs, works, behind[job.name]) for job in jobs))


def _by_job(jobs: Sequence[JobRecord], phases: Iterable[Phase]) -> dict[str, dict[PhaseName, int]]:
    of_jobs: dict[str, dict[PhaseName, int]] = {job.name: {} for job in jobs}
    if len(of_jobs) != len(jobs):
        raise RowInvalid("two of its jobs have one name")
    for phase in phases:
        if phase.job not in of_jobs:
            raise RowInvalid(f"phase {phase.id} is of job {phase.job!a}, which does not exist")
        if phase.name in of_jobs[phase.job]:
            raise RowInvalid(f"job {phase.job!a} has two {phase.name} phases")
        of_jobs[phase.job][phase.name] = phase.id
    for name, of_job in of_jobs.items():
        if PhaseName.PREPARE not in of_job:
            raise RowInvalid(f"job {name!a} has no {PhaseName.PREPARE} phase")
        if PhaseName.REMOVE in of_job and PhaseName.COPY not in of_job:
            raise RowInvalid(f"job {name!a} removes what it does not copy")
    return of_jobs


def _edges_of(
    job: JobRecord, of_jobs: dict[str, dict[PhaseName, int]], works: dict[str, int], dependents: Iterable[str]
) -> Iterator[Edge]:
    own, writes = of_jobs[job.name], works[job.name]
    if PhaseName.COPY in own:
        yield Edge(own[PhaseName.PREPARE], own[PhaseName.COPY], EdgeNeed.ENDED)
    if PhaseName.REMOVE in own:
        yield Edge(own[PhaseName.COPY], own[PhaseName.REMOVE], EdgeNeed.EACH_BATCH)
    for other in job.depends_on:
        yield Edge(works[other], own[PhaseName.PREPARE], EdgeNeed.COMPLETE)
    if PhaseName.DELETE in own and job.only_deletes:
        yield Edge(own[PhaseName.PREPARE], own[PhaseName.DELETE], EdgeNeed.ENDED)
    elif PhaseName.DELETE in own:
        needs = _NEED_OF_DELETES.get(job.settings.delete_when or "", EdgeNeed.ENDED_WELL)
        yield Edge(writes, own[PhaseName.DELETE], needs)
        for dependent in dependents:
            yield Edge(works[dependent], own[PhaseName.DELETE], EdgeNeed.ENDED_WELL)


def _work(job: JobRecord, of_job: dict[PhaseName, int]) -> int:
    """Return the phase of a job that others wait for; one without anything to do has ended once it is prepared."""
    names = (PhaseName.DELETE,) if job.only_deletes else (PhaseName.REMOVE, PhaseName.COPY)
    return next((of_job[name] for name in names if name in of_job), of_job[PhaseName.PREPARE])
