"""What the jobs of one manifest must be to each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, product

from s3plan.planner.filters import excludes_folder
from s3plan.schemas.manifest.locations import Location
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.rules import Finding, store_of
from s3plan.schemas.manifest.values import did_you_mean
from s3plan.schemas.manifest.words import Mode


def findings_between_jobs(manifest: Manifest) -> Iterator[Finding]:
    """Yield what is wrong whichever jobs are planned; each job is sound by itself."""
    yield from _wrong_dependencies(manifest)
    yield from _mirrors_over_others(manifest)


def findings_of_selected(manifest: Manifest, names: Iterable[str]) -> Iterator[Finding]:
    """Yield what keeps these jobs from being planned together: one would read what another is about to change."""
    names = tuple(names)
    for reading, writing in product(names, names):
        if reading == writing:
            continue
        source, destination = manifest.jobs[reading].source, manifest.jobs[writing].destination
        if _is_within(manifest, source, destination) or _is_within(manifest, destination, source):
            yield Finding(
                ("jobs", reading, "source", "url"),
                f"overlaps the destination of job {writing}, so what is to be read would change meanwhile",
                f"plan and apply them in turn: --select {writing}, then --select {reading}",
            )


def dependency_order(manifest: Manifest, names: Iterable[str]) -> tuple[str, ...]:
    """Return these jobs so that each comes after those that it depends on; as written where that leaves a choice."""
    chosen = tuple(name for name in manifest.jobs if name in set(names))
    if not any(manifest.jobs[name].depends_on for name in chosen):
        return chosen
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(chosen)
    for name in chosen:
        graph.add_edges_from((other, name) for other in manifest.jobs[name].depends_on if other in graph)
    return tuple(nx.lexicographical_topological_sort(graph, key=list(manifest.jobs).index))


def with_dependencies(manifest: Manifest, names: Iterable[str]) -> set[str]:
    """Return these jobs and all that they depend on, directly or not."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(manifest.jobs[name].depends_on)
    return found


def _wrong_dependencies(manifest: Manifest) -> Iterator[Finding]:
    is_known = True
    for name, job in manifest.jobs.items():
        for position, other in enumerate(job.depends_on):
            path = ("jobs", name, "depends_on", position)
            if other not in manifest.jobs:
                is_known = False
                hint = did_you_mean(other, list(manifest.jobs)) or f"the jobs are: {', '.join(manifest.jobs)}"
                yield Finding(path, f"there is no job {other}", hint)
            elif other in job.depends_on[:position]:
                yield Finding(path, f"names {other} twice")
    if is_known and (circle := _circle(manifest)):
        at = ("jobs", circle[0], "depends_on")
        yield Finding(at, f"the jobs wait for each other in a circle: {' -> '.join([*circle, circle[0]])}")


def _circle(manifest: Manifest) -> list[str]:
    if not any(job.depends_on for job in manifest.jobs.values()):
        return []
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, job in manifest.jobs.items():
        graph.add_edges_from((name, other) for other in job.depends_on)
    try:
        return [edge[0] for edge in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return []


def _mirrors_over_others(manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding for each two destinations of which one lies within the other, if a mirror may delete across."""
    for first, second in combinations(manifest.jobs, 2):
        for outer, inner in ((first, second), (second, first)):
            if not _is_within(manifest, manifest.jobs[inner].destination, manifest.jobs[outer].destination):
                continue
            found = _across(manifest, outer, inner)
            if found is not None:
                yield found
                break


def _across(manifest: Manifest, outer: str, inner: str) -> Finding | None:
    around, within = manifest.jobs[outer], manifest.jobs[inner]
    mirror = next((name for name in (outer, inner) if manifest.jobs[name].mode is Mode.MIRROR), None)
    if mirror is None or _leaves_out(around, within.destination):
        return None
    other = inner if mirror == outer else outer
    folder = within.destination.key_prefix.removeprefix(around.destination.key_prefix)
    path = ("jobs", inner, "destination", "url")
    if not folder:
        message = f"is the destination of job {outer}, too, and the mirror {mirror} would delete what {other} writes"
        return Finding(path, message, "give each job a folder of its own")
    return Finding(
        path,
        f"lies within the destination of job {outer}, and the mirror {mirror} would delete what {other} writes",
        f'write exclude: ["/{folder}"] in the filters of job {outer}',
    )


def _leaves_out(job: JobEntry, place: Location) -> bool:
    folder = place.key_prefix.removeprefix(job.destination.key_prefix)
    return folder.endswith("/") and excludes_folder(job.filters, folder.encode())


def _is_within(manifest: Manifest, inner: Location, outer: Location) -> bool:
    return (
        inner.bucket == outer.bucket
        and inner.key_prefix.startswith(outer.key_prefix)
        and store_of(inner, manifest.connections) == store_of(outer, manifest.connections)
    )
