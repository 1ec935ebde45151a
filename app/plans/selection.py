"""Which jobs of a manifest are planned: all, or those that are selected with what they depend on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from s3plan.planner.manifest.file import LoadedManifest, refusal_of_findings
from s3plan.planner.manifest.findings.between_jobs import (
    StoreOf,
    findings_of_selected,
    mirrors_over_others,
    store_by,
    with_dependencies,
)
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.values import did_you_mean


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs to be planned, those that are not, and whether some of the latter are depended on."""

    names: tuple[str, ...]
    not_selected: tuple[str, ...] = ()
    without_dependencies: bool = False


def selected_jobs(loaded: LoadedManifest, select: tuple[str, ...], *, without_dependencies: bool = False) -> Selection:
    """Return which jobs to plan; raise UsageInvalid for a name that there is not, ManifestInvalid for jobs that clash.

    Those clash that cannot be planned at the same time: one reads what another writes.
    """
    manifest = loaded.manifest
    if select == ("",):
        raise UsageInvalid("--select takes names of jobs; without it all jobs are planned")
    for name in select:
        if name not in manifest.jobs:
            hint = did_you_mean(name, list(manifest.jobs)) or f"the jobs are: {', '.join(manifest.jobs)}"
            raise UsageInvalid(f"--select: {loaded.path} has no job {name}; {hint}")
    chosen = set(select or manifest.jobs)
    needed = with_dependencies(manifest, chosen)
    if not without_dependencies:
        chosen = needed
    names = tuple(name for name in manifest.jobs if name in chosen)
    check_apart(loaded, names, store_by(manifest))
    left_out = tuple(name for name in manifest.jobs if name not in chosen)
    return Selection(names, left_out, without_dependencies=bool(needed - chosen))


def check_apart(loaded: LoadedManifest, names: Iterable[str], store: StoreOf) -> None:
    """Raise ManifestInvalid if a mirror may delete what another job writes, or one of these reads what another writes.

    Asked twice: by what the manifest says of stores, and by where the environment leads its connections.
    """
    findings = [*findings_of_selected(loaded.manifest, names, store), *mirrors_over_others(loaded.manifest, store)]
    if findings:
        raise refusal_of_findings(loaded, findings)
