"""What a manifest comes to, in whichever form it was written: jobs by name, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.documents import JobsManifest, OneJobManifest
from s3plan.schemas.manifest.models import Guards, JobEntry, JobFields, RunSettings


@dataclass(frozen=True, slots=True)
class Manifest:
    """Jobs in the order in which they are written. `guards` hold for each of them and for their sum."""

    name: str
    jobs: Mapping[str, JobEntry]
    connections: Mapping[str, Connection]
    run: RunSettings
    guards: Guards = field(default_factory=Guards)

    def as_one_job(self, name: str) -> OneJobManifest:
        """Return a manifest of this job alone: what the rules about one job look at."""
        entry = self.jobs[name]
        fields = {each: getattr(entry, each) for each in JobFields.model_fields}
        return OneJobManifest.model_construct(
            **{**fields, "version": 1, "name": name, "run": self.run, "connections": self.connections}
        )


def resolved_one(document: OneJobManifest) -> Manifest:
    """Return what the form of one job comes to: a map with one entry that has the manifest's name."""
    entry = JobEntry.model_construct(
        **{name: getattr(document, name) for name in JobFields.model_fields}, depends_on=()
    )
    return Manifest(document.name, {document.name: entry}, document.connections, document.run)


def resolved_many(document: JobsManifest) -> Manifest:
    """Return what the form of many jobs comes to."""
    return Manifest(document.name, document.jobs, document.connections, document.run, document.guards)
