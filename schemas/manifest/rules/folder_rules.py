"""Rules about jobs of which one side is a folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from s3plan.schemas.manifest.attributes import NEW_OBJECT_WORDS
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.rules.findings import Finding, Role, Rule, location_of
from s3plan.schemas.manifest.words import Compare, Symlinks
from s3plan.schemas.plan.rows import are_nested
from s3plan.schemas.printable import shown_path


def _folder_has_no_words_of_buckets(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if location is None or location.folder is None:
        return
    for name in ("connection", "region", "expected_bucket_owner", "prefix"):
        if getattr(location, name) is not None:
            yield Finding((role, name), "goes with a bucket, and this is a folder", at="key")


def _bucket_has_no_words_of_folders(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if location is None or location.folder is not None:
        return
    for name in ("symlinks", "stamp", "trash", "one_file_system"):
        if getattr(location, name, None) is not None:
            yield Finding((role, name), "goes with a folder, and this is a bucket", at="key")


def _no_link_is_written_through(manifest: OneJobManifest) -> Iterator[Finding]:
    destination = manifest.destination
    if destination is not None and destination.folder is not None and destination.symlinks is Symlinks.FOLLOW:
        yield Finding(
            ("destination", "symlinks"),
            "nothing is written through a symbolic link",
            "leave it out, or name the folder that it leads to",
        )


def _trash_is_apart(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.destination is None:
        return
    folder, trash = manifest.destination.folder, manifest.destination.trash
    if folder is not None and trash is not None and are_nested(folder.path, trash.path):
        yield Finding(
            ("destination", "trash"),
            "lies within the folder, or around it",
            f"name one beside it, such as {shown_path(Path(folder.path).parent / 'trash')}",
        )


def _one_side_is_a_bucket(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.places and all(place.folder for place in manifest.places) and manifest.location is None:
        yield Finding(("destination", "url"), "copying from folder to folder is not there: one side is a bucket")


def _folder_has_no_words_of_objects(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.destination is None or manifest.destination.folder is None:
        return
    for name in ("create", "storage_class", "encryption", "acl", "checksum_algorithm", *NEW_OBJECT_WORDS):
        if getattr(manifest.destination, name):
            yield Finding(("destination", name), "goes with objects, and a folder has files", at="key")


def _both_are_buckets(manifest: OneJobManifest) -> bool:
    return manifest.location is None and not any(place.folder for place in manifest.places)


def _checksums_are_of_files(manifest: OneJobManifest) -> Iterator[Finding]:
    if Compare.CHECKSUM in manifest.compare and _both_are_buckets(manifest):
        yield Finding(
            ("compare",),
            "checksum reads every file again, and both sides are buckets",
            "write etag: it says whether two objects have the same bytes where that can be told",
            at="key",
        )


FOLDER_RULES = (
    Rule((("source",),), partial(_folder_has_no_words_of_buckets, role="source")),
    Rule((("destination",),), partial(_folder_has_no_words_of_buckets, role="destination")),
    Rule((("source",),), partial(_bucket_has_no_words_of_folders, role="source")),
    Rule((("destination",),), partial(_bucket_has_no_words_of_folders, role="destination")),
    Rule((("location",),), partial(_bucket_has_no_words_of_folders, role="location")),
    Rule((("destination",),), _no_link_is_written_through),
    Rule((("destination",),), _trash_is_apart),
    Rule((("source", "url"), ("destination", "url")), _one_side_is_a_bucket),
    Rule((("destination",),), _folder_has_no_words_of_objects),
    Rule((("source", "url"), ("destination", "url"), ("compare",)), _checksums_are_of_files),
)
"""About each job."""
