"""Jobs between a folder and a bucket: their manifests, and the files that they read and write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fakes.workplace import WorkplaceOn

MIRRORS_ALL = {"mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}
ODD_NAMES = ("a b+c", "caf\u00e9", "percent%20", "back\\slash", "line\nbreak", "\x1b[2J", "~", "-rf", "\U0001f9ea")


def write_folder_job(
    place: WorkplaceOn[Any], *, source: str | dict[str, Any], destination: str | dict[str, Any], **sections: Any
) -> None:
    """Write the manifest of one job; what is no folder is reached by a connection to the place's server."""
    document: dict[str, Any] = {
        "version": 1,
        "name": "job",
        "connections": {
            "store": {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine},
        },
        "source": _place(source),
        "destination": _place(destination),
    }
    (place.folder / "job.yaml").write_text(json.dumps(document | sections))


def _place(said: str | dict[str, Any]) -> str | dict[str, Any]:
    if isinstance(said, str):
        return {"url": said, "connection": "store"} if said.startswith("s3:") else said
    return {"connection": "store", **said} if said["url"].startswith("s3:") else said


def write_files(folder: Path, *keys: str, size: int = 100, content: bytes | None = None) -> None:
    """Write files below a folder, of random bytes unless their content is given."""
    for key in keys:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size) if content is None else content)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder by their paths, without what symbolic links lead to."""
    paths = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()
    }
