"""The two forms that a manifest is written in: one job, or a map of jobs with what they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.locations import ConnectionName
from s3plan.schemas.manifest.models import Guards, JobEntry, JobFields, JobName, RunSettings
from s3plan.schemas.manifest.readers import format_version
from s3plan.schemas.manifest.values import NotEmpty, Section, text_value

_LATER = frozenset({"vars", "include"})


class ManifestHead(Section):
    """What every manifest begins with."""

    later_words: ClassVar[frozenset[str]] = _LATER

    version: Annotated[Literal[1], format_version()] = Field(description="Version of the manifest format.")
    name: JobName = Field(description="Name of the job, and of its plan's file.", examples=["images-to-dr"])
    description: Annotated[str, text_value(many_lines=True, max_bytes=10_000)] | None = Field(
        default=None, description="What it is for, for people."
    )


class OneJobManifest(JobFields, ManifestHead):
    """A job for s3plan."""

    later_words: ClassVar[frozenset[str]] = _LATER

    run: RunSettings = Field(default=RunSettings(), description="How the plan is carried out.")
    connections: Mapping[ConnectionName, Connection] = Field(
        default={},
        description="Named ways to reach a store. Never a secret.",
        examples=[{"store": {"profile": "backup"}}],
    )


class JobsManifest(ManifestHead):
    """Jobs for s3plan, planned and applied together. `defaults` have been put into each of them."""

    jobs: Annotated[Mapping[JobName, JobEntry], NotEmpty("names no job")] = Field(
        description="The jobs by their names.",
        examples=[{"assets": {"source": "s3://build/assets/", "destination": "s3://site/assets/"}}],
    )
    guards: Guards = Field(
        default=Guards(), description="Limits that are checked before anything is changed: of each job, and of the sum."
    )
    run: RunSettings = Field(default=RunSettings(), description="How the plan is carried out.")
    connections: Mapping[ConnectionName, Connection] = Field(
        default={},
        description="Named ways to reach a store. Never a secret.",
        examples=[{"store": {"profile": "backup"}}],
    )


class ConnectionsFile(Section):
    """A user's own connections, which the manifests of that user may name."""

    called: ClassVar[str] = "a file of connections"

    version: Annotated[Literal[1], format_version()] = Field(default=1, description="Version of the manifest format.")
    connections: Mapping[ConnectionName, Connection] = Field(
        default={}, description="Named ways to reach a store. Never a secret."
    )


DEFAULTS_DESCRIPTION = "What holds for each job that does not say otherwise. Mappings merge, lists replace."
