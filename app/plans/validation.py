"""What `validate` and `schema` do."""

from __future__ import annotations

from pathlib import Path

from s3plan.planner.manifest.file import LoadedManifest, load_manifest
from s3plan.planner.manifest.job import resolve_job
from s3plan.schemas.manifest.schema import schema_text

__all__ = ["schema_text", "validate"]


def validate(path: Path) -> LoadedManifest:
    """Return the manifest if it can be planned, without asking any store; raise ManifestInvalid with all findings."""
    loaded = load_manifest(path)
    resolve_job(loaded.manifest)
    return loaded
