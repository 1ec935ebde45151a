"""Connections of a manifest that nothing uses: a misspelt or forgotten `connection:`, more often than not."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.rules.findings import Finding


def unused_connections(manifest: Manifest) -> Iterator[Finding]:
    """Yield a warning for each connection that no location names; of a manifest that is sound otherwise."""
    places = [place for job in manifest.jobs.values() for place in job.places]
    used = {place.connection for place in places}
    for name in manifest.connections:
        if name not in used:
            yield Finding(
                ("connections", name),
                _unused(manifest),
                f"write connection: {name} there, or remove it",
                Severity.WARNING,
                at="key",
            )


def _unused(manifest: Manifest) -> str:
    if len(manifest.jobs) > 1:
        return "no source or destination of any job uses this connection"
    is_alone = any(job.location is not None for job in manifest.jobs.values())
    if is_alone:
        return "the location does not use this connection"
    return "neither source nor destination uses this connection"
