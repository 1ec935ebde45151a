"""Rules about what jobs delete: what a mirror must write out, and what a job must that does nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.models import Filters, JobFields
from s3plan.schemas.manifest.rules.findings import Finding, Rule
from s3plan.schemas.manifest.words import Durability, Mode, Symlinks

_OF_WRITES = ("overwrite", "compare", "preserve", "allow_loss", "archived")
"""Fields that say how objects are written: nothing is, where a job only deletes."""


def _mirror_writes_out_its_deletes(manifest: OneJobManifest) -> Iterator[Finding]:
    deletion = manifest.delete
    if manifest.mode is not Mode.MIRROR:
        return
    if deletion is None:
        yield Finding(
            ("mode",),
            "a mirror also deletes what the source lacks, and must say so",
            "add delete: {extraneous: true, when: all-done}",
        )
    elif deletion.extraneous is None:
        yield Finding(("delete", "extraneous"), "is missing", "a mirror deletes what the source lacks: write true")
    elif not deletion.extraneous:
        yield Finding(
            ("delete", "extraneous"),
            "a mirror deletes what the source lacks, so this must be true",
            "without deletes it is mode: copy",
        )


def _copy_deletes_nothing(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.mode is Mode.COPY and manifest.delete is not None:
        yield Finding(
            ("delete",),
            "mode: copy never deletes, so this would have no effect",
            "write mode: mirror, or remove delete:",
            at="key",
        )


def _one_location_is_for_deletes(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.location is not None and manifest.mode is not Mode.DELETE:
        yield Finding(
            ("location",),
            f"goes with mode: delete, and this is mode: {manifest.mode}",
            "write mode: delete, or source: and destination: instead",
            at="key",
        )
    if manifest.mode is not Mode.DELETE:
        return
    if not manifest.places:
        yield Finding(("location",), "is missing", "mode: delete has one place: location: s3://bucket/prefix/")
    for role in ("source", "destination"):
        if getattr(manifest, role) is not None:
            yield Finding((role,), "mode: delete has one place", "write it as location:", at="key")


def _deletes_from_buckets_only(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.location is not None and manifest.location.folder is not None:
        yield Finding(
            ("location", "url"),
            "mode: delete deletes objects, and this is a folder of this machine",
            "files go by a mirror, or by other means",
        )


def _says_which_are_deleted(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.mode is Mode.DELETE and manifest.filters == Filters():
        yield Finding(
            ("filters",),
            "mode: delete without any filter would delete everything there",
            'say which objects; if all of them are meant, write include: ["*"]',
        )


def _limits_its_deletes(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.mode is not Mode.DELETE:
        return
    if manifest.guards.max_delete is None:
        yield Finding(
            ("guards", "max_delete"),
            "must be written with mode: delete: the most that it may ever delete",
            "a share of the objects that pass the key filters, or a number: max_delete: 10%",
        )
    if manifest.guards.refuse_empty_source is not None:
        yield Finding(
            ("guards", "refuse_empty_source"), "has no effect: mode: delete has no source", "remove it", at="key"
        )


def _move_takes_only_what_it_may(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.mode is not Mode.MOVE:
        return
    yield from _words_of_mirrors(manifest)
    source, destination = manifest.source, manifest.destination
    if source is not None and source.symlinks is Symlinks.FOLLOW:
        yield Finding(
            ("source", "symlinks"),
            "a move removes files, and behind a link they are somebody else's",
            "leave it out: links stay where they are",
        )
    if destination is not None and destination.folder is not None and manifest.run.durability is Durability.NONE:
        yield Finding(
            ("run", "durability"),
            "a move removes an object once its file is on disk, so it has to wait for that",
            "leave it out",
        )


def _words_of_mirrors(manifest: OneJobManifest) -> Iterator[Finding]:
    for name in ("extraneous", "when"):
        if manifest.delete is not None and getattr(manifest.delete, name) is not None:
            yield Finding(
                ("delete", name), f"is about mirrors, and this is mode: {manifest.mode}", "remove it", at="key"
            )


def _says_nothing_of_writes(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.mode is not Mode.DELETE:
        return
    for name in _OF_WRITES:
        if getattr(manifest, name) != JobFields.model_fields[name].default:
            yield Finding((name,), "has no effect: mode: delete writes nothing", "remove it", at="key")
    yield from _words_of_mirrors(manifest)


DELETION_RULES = (
    Rule((("mode",), ("delete",)), _mirror_writes_out_its_deletes),
    Rule((("mode",), ("delete",)), _copy_deletes_nothing),
    Rule((("mode",), ("location",), ("source",), ("destination",)), _one_location_is_for_deletes),
    Rule((("location", "url"),), _deletes_from_buckets_only),
    Rule((("mode",), ("filters",)), _says_which_are_deleted),
    Rule((("mode",), ("guards",)), _limits_its_deletes),
    Rule((("mode",), ("delete",), ("source",), ("destination",), ("run",)), _move_takes_only_what_it_may),
    Rule((("mode",), ("delete",), *((name,) for name in _OF_WRITES)), _says_nothing_of_writes),
)
"""About each job."""
