"""What `validate` and `schema` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s3plan.app.connections.own_file import own_connections
from s3plan.app.plans.key_lists import open_key_lists
from s3plan.planner.manifest.file import load_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.planner.manifest.text.diagnostics import render_diagnostics
from s3plan.schemas.manifest.resolved import Manifest


@dataclass(frozen=True, slots=True)
class ValidManifest:
    """A manifest that can be planned, and the remarks on it as lines for a person."""

    path: Path
    manifest: Manifest
    remarks: tuple[str, ...]


def validate(path: Path) -> ValidManifest:
    """Return the manifest if it can be planned, without asking any store; raise ManifestInvalid with all findings."""
    loaded = load_manifest(path, own=own_connections())
    resolve_jobs(loaded.manifest)
    with open_key_lists(loaded, loaded.manifest.jobs):
        pass  # they can be read
    remarks = render_diagnostics(loaded.warnings).split("\n") if loaded.warnings else ()
    return ValidManifest(loaded.path, loaded.manifest, tuple(remarks))
