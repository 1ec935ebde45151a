"""Rules about what objects keep and are given."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.files.mtimes import MTIME
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.rules.findings import Finding, Rule
from s3plan.schemas.manifest.words import Preserve


def _has_a_folder(manifest: OneJobManifest) -> bool:
    return any(place.folder for place in manifest.places)


def _preserves_what_there_is(manifest: OneJobManifest) -> Iterator[Finding]:
    """Yield what a job names that its sources cannot carry, or that goes with no file."""
    if manifest.location is not None:
        return
    has_folder = _has_a_folder(manifest)
    for word in manifest.preserve or ():
        if word is Preserve.MTIME and not has_folder:
            yield Finding(
                ("preserve",),
                "mtime goes with a folder, and both sides are buckets",
                "leave it out: copies between buckets keep the metadata, and with them the time of a file that was "
                "uploaded so",
                at="key",
            )
        elif word is not Preserve.MTIME and has_folder:
            said = f"{word} goes with objects that become objects, and one side is a folder"
            yield Finding(("preserve",), said, "of files, mtime may be kept", at="key")


def _has_one_mtime(manifest: OneJobManifest) -> Iterator[Finding]:
    changes = None if manifest.destination is None else manifest.destination.metadata
    if changes is not None and MTIME in changes.set and Preserve.MTIME in (manifest.preserve or ()):
        said = "preserve: [mtime] keeps the time of each file under this name"
        yield Finding(("destination", "metadata"), said, "take one of the two out", at="key")


def _drops_what_is_kept(manifest: OneJobManifest) -> Iterator[Finding]:
    destination = manifest.destination
    if destination is None:
        return
    kept = () if _has_a_folder(manifest) else manifest.preserve
    for name, word in (("metadata", Preserve.METADATA), ("tags", Preserve.TAGS)):
        changes = getattr(destination, name)
        if changes is not None and changes.drop and kept is not None and word not in kept:
            said = "has no effect: nothing of it is kept"
            yield Finding(("destination", name, "drop"), said, "remove it", Severity.WARNING, at="key")


ATTRIBUTE_RULES = (
    Rule((("source", "url"), ("destination", "url"), ("preserve",)), _preserves_what_there_is),
    Rule((("destination", "metadata"), ("preserve",)), _has_one_mtime),
    Rule((("source", "url"), ("destination",), ("preserve",)), _drops_what_is_kept),
)
"""About each job."""
