"""Writes manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

STORE = "store"


def write_manifest(folder: Path, *, endpoint: str, engine: str = "auto", **sections: object) -> Path:
    """Write `job.yaml`: bucket `source` to bucket `destination` through one endpoint, and what `sections` say.

    `source` and `destination` may be URLs or mappings; a mapping without `url` means the usual bucket. JSON is YAML.
    """
    places = {side: _place(sections.pop(side, {}), f"s3://{side}/") for side in ("source", "destination")}
    connections = {STORE: {"endpoint": endpoint, "region": "us-east-1", "engine": engine}}
    manifest = {"version": 1, "name": "job", **places, "connections": connections, **sections}
    path = folder / "job.yaml"
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def _place(said: object, url: str) -> Mapping[str, object]:
    if isinstance(said, str):
        return {"url": said, "connection": STORE}
    assert isinstance(said, Mapping)
    return {"url": url, "connection": STORE, **said}
