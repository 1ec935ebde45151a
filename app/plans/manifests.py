"""Which manifests a command means: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from s3plan.app.connections.own_file import own_connections
from s3plan.app.paths import default_plan_path
from s3plan.planner.manifest.file import load_manifest
from s3plan.schemas.errors import ManifestInvalid, UsageInvalid
from s3plan.schemas.printable import shown_path

MANIFEST_NAME = "s3plan.yaml"
MANIFEST_ENDING = ".s3plan.yaml"


def found_manifests(named: Iterable[Path]) -> list[Path]:
    """Return files as they are named, and of folders every manifest below them, by path; each once.

    Links to folders are not followed, nor are folders whose names begin with a dot looked into. Raises UsageInvalid
    for a folder without any.
    """
    found: dict[Path, None] = {}
    for path in named:
        if not path.is_dir():
            found[path] = None
            continue
        below = sorted(_below(path))
        if not below:
            raise UsageInvalid(
                f"{shown_path(path)}: there is no {MANIFEST_NAME} and no *{MANIFEST_ENDING} in this folder or below"
            )
        found |= dict.fromkeys(below)
    return list(found)


def check_names_differ(manifests: Iterable[Path]) -> None:
    """Raise UsageInvalid if two manifests would keep their plans in one place; what cannot be read is told later."""
    places: dict[Path, Path] = {}
    for manifest in manifests:
        with suppress(ManifestInvalid):
            place = default_plan_path(
                manifest, name=load_manifest(manifest, own=own_connections()).manifest.name
            ).absolute()
            other = places.setdefault(place, manifest)
            if other is not manifest:
                raise UsageInvalid(
                    f"{shown_path(other)} and {shown_path(manifest)} have one name, so their plans would have one "
                    "place; give one of them another name"
                )


def _below(folder: Path) -> Iterator[Path]:
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name == MANIFEST_NAME or (name.endswith(MANIFEST_ENDING) and not name.startswith(".")):
                yield Path(at, name)
