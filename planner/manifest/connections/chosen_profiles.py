"""A manifest whose connections take their credentials from profiles that somebody has chosen for this plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from s3plan.planner.manifest.defaults import JOBS
from s3plan.planner.manifest.file import LoadedManifest, parse_manifest
from s3plan.planner.manifest.local_places import CONNECTIONS
from s3plan.planner.manifest.resolved_text import resolved_text
from s3plan.planner.manifest.text.data import Data, DataReader
from s3plan.planner.manifest.text.yaml_document import MappingNode, decode_yaml, parse_yaml

_ROLES = ("source", "destination", "location")
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


def with_profiles(loaded: LoadedManifest, profiles: Mapping[str, str]) -> LoadedManifest:
    """Return the manifest with a profile for each of these connections, in what its plan keeps, too.

    "" is the default connection: locations that name none get one that has the profile's name, as far as a connection
    can have it. Raises ManifestInvalid where the rules forbid it.
    """
    if not profiles:
        return loaded
    root = parse_yaml(decode_yaml(loaded.resolved.encode()))
    data = DataReader().mapping(root) if isinstance(root, MappingNode) else {}
    connections = data.get(CONNECTIONS, {})
    known = dict(connections) if isinstance(connections, dict) else {}
    for name, profile in profiles.items():
        if name:
            entry = known.get(name, {})
            known[name] = (entry if isinstance(entry, dict) else {}) | {"profile": profile}
            continue
        made = connection_name(profile, taken=known)
        known[made] = {"profile": profile}
        _name_everywhere(data, made)
    text = resolved_text(data | {CONNECTIONS: known})
    again = parse_manifest(text.encode(), path=loaded.path)
    return replace(loaded, manifest=again.manifest, resolved=again.resolved)


def connection_name(profile: str, *, taken: Iterable[str]) -> str:
    """Return the name of a connection for a profile that no other one has."""
    plain = _NOT_OF_NAMES.sub("-", profile).strip("._-")[:50] or "profile"
    names = set(taken)
    return next(
        name for number in range(len(names) + 1) if (name := f"{plain}-{number}" if number else plain) not in names
    )


def _name_everywhere(data: Data, connection: str) -> None:
    """Have each location in a bucket that names no connection name this one."""
    jobs = data.get(JOBS)
    for job in jobs.values() if isinstance(jobs, dict) else ():
        for role in _ROLES:
            place = job.get(role)
            place = {"url": place} if isinstance(place, str) else place
            if isinstance(place, dict) and str(place.get("url", "")).startswith("s3://") and "connection" not in place:
                job[role] = place | {"connection": connection}
