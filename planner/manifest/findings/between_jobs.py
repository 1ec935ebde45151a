"""What the jobs of one manifest must be to each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, product

from s3plan.planner.filtering.filters import excludes_folder
from s3plan.schemas.manifest.locations import Location
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.rules.findings import Finding
from s3plan.schemas.manifest.rules.job_rules import store_of
from s3plan.schemas.manifest.values import did_you_mean
from s3plan.schemas.manifest.words import Mode

_MOST_PAIRS = 20_000
StoreOf = Callable[[Location], str]
"""Tells stores apart; two locations of one store and bucket are told apart by their prefixes only."""


def findings_between_jobs(manifest: Manifest) -> Iterator[Finding]:
    """Yield what is wrong whichever jobs are planned, as far as the manifest tells; each job is sound by itself."""
    yield from _wrong_dependencies(manifest)
    yield from _too_entangled(manifest)
    yield from mirrors_over_others(manifest, store_by(manifest))


def store_by(manifest: Manifest) -> StoreOf:
    """Return what tells stores apart by the manifest alone; the environment may say more."""
    return lambda location: store_of(location, manifest.connections)


def findings_of_selected(manifest: Manifest, names: Iterable[str], store: StoreOf) -> Iterator[Finding]:
    """Yield what keeps these jobs from being planned together: one would read what another is about to change."""
    names = tuple(names)
    for reading, writing in product(names, names):
        if reading == writing:
            continue
        source, changed = manifest.jobs[reading].source, manifest.jobs[writing].changed_place
        yield from _moved_meanwhile(manifest, reading, writing, store)
        if source is None or not (_is_within(source, changed, store) or _is_within(changed, source, store)):
            continue
        if manifest.jobs[writing].location is not None:
            if reading not in with_dependencies(manifest, [writing]):  # with it, all is read before anything is deleted
                yield Finding(
                    ("jobs", reading, "source", "url"),
                    f"overlaps the location of job {writing}, which may delete what is yet to be read",
                    f"write depends_on: {reading} in job {writing}, or plan and apply them in turn",
                )
        else:
            then = f"--select {reading}{_alone(manifest, reading, writing)}"
            yield Finding(
                ("jobs", reading, "source", "url"),
                f"overlaps the destination of job {writing}, so what is to be read would change meanwhile",
                f"plan and apply them in turn: --select {writing}, then {then}",
            )


def _moved_meanwhile(manifest: Manifest, reading: str, moving: str, store: StoreOf) -> Iterator[Finding]:
    """Yield a finding for a job that reads what another one may have moved by then."""
    source, moved_from = manifest.jobs[reading].source, manifest.jobs[moving].source
    if manifest.jobs[moving].mode is not Mode.MOVE or source is None or moved_from is None:
        return
    is_apart = not (_is_within(source, moved_from, store) or _is_within(moved_from, source, store))
    if is_apart or reading in with_dependencies(manifest, [moving]):  # with it, all is read before anything is moved
        return
    waits = f"write depends_on: {reading} in job {moving}, or plan"
    both_move = manifest.jobs[reading].mode is Mode.MOVE
    yield Finding(
        ("jobs", reading, "source", "url"),
        f"overlaps the source of job {moving}, which moves away what is yet to be read",
        f"{'plan' if both_move else waits} and apply them in turn",
    )


def _alone(manifest: Manifest, reading: str, writing: str) -> str:
    return " --no-dependencies" if writing in with_dependencies(manifest, [reading]) else ""


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


def nearest_dependencies(manifest: Manifest, name: str, chosen: Iterable[str]) -> tuple[str, ...]:
    """Return those of the chosen jobs that this one depends on: directly, or through jobs that are not chosen."""
    known = tuple(chosen)
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(manifest.jobs[name].depends_on)
    while waiting:
        other = waiting.pop()
        if other in known:
            found.add(other)
        elif other not in seen:
            seen.add(other)
            waiting.extend(manifest.jobs[other].depends_on)
    return tuple(other for other in known if other in found)


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


def _too_entangled(manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding if more waits for each other than a plan holds: deletes wait for all that depend on their job."""
    names = manifest.jobs
    if len(names) ** 2 <= _MOST_PAIRS or any(other not in names for job in names.values() for other in job.depends_on):
        return
    pairs = sum(len(with_dependencies(manifest, [name])) - 1 for name in names)
    if pairs > _MOST_PAIRS:
        yield Finding(
            ("jobs",),
            f"has {pairs:,} pairs of jobs of which one depends on the other, directly or not, and the most is "
            f"{_MOST_PAIRS:,}",
            "divide it among several manifests",
        )


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


def mirrors_over_others(manifest: Manifest, store: StoreOf) -> Iterator[Finding]:
    """Yield a finding for each two changed places of which one lies within the other, if a mirror is one of the two.

    It may delete what the other job writes, or bring back what that one deletes.
    """
    for first, second in combinations(manifest.jobs, 2):
        for outer, inner in ((first, second), (second, first)):
            if not _is_within(manifest.jobs[inner].changed_place, manifest.jobs[outer].changed_place, store):
                continue
            found = _across(manifest, outer, inner)
            if found is not None:
                yield found
                break


def _across(manifest: Manifest, outer: str, inner: str) -> Finding | None:
    around, within = manifest.jobs[outer], manifest.jobs[inner]
    mirror = next((name for name in (outer, inner) if manifest.jobs[name].mode is Mode.MIRROR), None)
    if mirror is None or _leaves_out(around, within.changed_place):
        return None
    other = inner if mirror == outer else outer
    folder = _folder_between(around, within.changed_place)
    path = ("jobs", inner, _changing_role(within), "url")
    does = "would delete what {} writes" if manifest.jobs[other].location is None else "decides what {} deletes, too"
    clash = f"the mirror {mirror} {does.format(other)}"
    message = f"lies within the {_changing_role(around)} of job {outer}, and {clash}"
    if within.changed_place.key_prefix == around.changed_place.key_prefix:
        message = f"is the {_changing_role(around)} of job {outer}, too, and {clash}"
    if not folder:
        return Finding(path, message, "give each job a folder of its own")
    return Finding(path, message, f'write exclude: ["/{_as_pattern(folder)}"] in the filters of job {outer}')


def _changing_role(job: JobEntry) -> str:
    return "destination" if job.location is None else "location"


def _leaves_out(job: JobEntry, place: Location) -> bool:
    folder = _folder_between(job, place)
    return bool(folder) and excludes_folder(job.filters, folder.encode())


def _folder_between(job: JobEntry, place: Location) -> str:
    """Return the folder of a job's changed place in which all keys of a place lie; empty if there is none."""
    below = place.key_prefix.removeprefix(job.changed_place.key_prefix)
    return below[: below.rfind("/") + 1]


def _as_pattern(folder: str) -> str:
    """Return the pattern that means this folder and no other."""
    return re.sub(r"([\\*?\[ !#])", r"\\\1", folder)


def _is_within(inner: Location, outer: Location, store: StoreOf) -> bool:
    return (
        inner.bucket == outer.bucket and inner.key_prefix.startswith(outer.key_prefix) and store(inner) == store(outer)
    )
