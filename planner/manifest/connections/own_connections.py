"""The user's own connections: a YAML file with the same mappings as `connections:` of a manifest.

A manifest's locations may name them. What a manifest takes is put into what its plan keeps, so that nothing but the
plan is read later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from s3plan.planner.manifest.defaults import DEFAULTS, JOBS
from s3plan.planner.manifest.findings.problems import findings_of
from s3plan.planner.manifest.local_places import CONNECTIONS, make_bundles_absolute
from s3plan.planner.manifest.text.data import Data, DataReader, locate
from s3plan.planner.manifest.text.document_text import MAX_FINDINGS, byte_order_mark, judged, read_document
from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.diagnostics import Diagnostic
from s3plan.schemas.manifest.documents import ConnectionsFile, OneJobManifest
from s3plan.schemas.manifest.models import RunSettings
from s3plan.schemas.manifest.rules.findings import Finding, broken_rules
from s3plan.schemas.manifest.rules.shared_rules import SHARED_RULES
from s3plan.schemas.plan.rows import store_name
from s3plan.schemas.printable import shown_path

_ROLES = ("source", "destination", "location")


@dataclass(frozen=True, slots=True)
class OwnConnections:
    """What stands in the user's file; `written` is each connection as it was read, before it was typed.

    Files that they name have absolute paths in both.
    """

    path: Path
    text: bytes
    connections: Mapping[str, Connection]
    written: Mapping[str, Data]
    warnings: tuple[Diagnostic, ...] = ()


def parse_connections(text: bytes, *, path: Path) -> OwnConnections:
    """Judge the text of such a file; raise ManifestInvalid with every finding. `path` is not read."""
    root, shown = read_document(text, path=path, kind="a file of connections", keys=tuple(ConnectionsFile.model_fields))
    if root is None:
        return OwnConnections(path, text, {}, {})
    reader = DataReader()
    data = reader.mapping(root)
    make_bundles_absolute(data, base=path.parent.absolute())
    placed = [*reader.placed, *byte_order_mark(text)]
    connections: Mapping[str, Connection] = {}
    try:
        connections = ConnectionsFile.model_validate(data).connections
    except ValidationError as error:
        placed += [locate(root, found) for found in findings_of(error, document=ConnectionsFile, most=MAX_FINDINGS + 1)]
        connections = _sound_ones(data)
    placed += [locate(root, finding) for finding in connection_findings(connections)]
    warnings = judged(path, placed, shown=shown)
    return OwnConnections(path, text, connections, _written(data), warnings)


def connection_findings(connections: Mapping[str, Connection]) -> list[Finding]:
    """Return what the rules about connections say of these."""
    manifest = OneJobManifest.model_construct(run=RunSettings(), connections=connections)
    return [broken.finding for broken in broken_rules(manifest, rules=SHARED_RULES, unsound=())]


def take_connections(data: Data, own: OwnConnections | None) -> tuple[tuple[str, ...], list[Finding]]:
    """Put into a manifest's data those of the user's connections that its locations name and that it lacks.

    Returns their names, and a finding for each connection of the manifest that leads to another store than the user's
    of that name.
    """
    written = data.get(CONNECTIONS, {})
    if own is None or not isinstance(written, dict):
        return (), []
    taken = [name for name in dict.fromkeys(_named(data)) if name in own.written and name not in written]
    if taken:
        data[CONNECTIONS] = written | {name: own.written[name] for name in taken}
    clashes = [_clash(name, written[name], own) for name in written if name in own.connections]
    return tuple(taken), [clash for clash in clashes if clash is not None]


def _clash(name: str, written: object, own: OwnConnections) -> Finding | None:
    if not isinstance(written, dict):
        return None
    here, there = written.get("endpoint"), own.connections[name].endpoint
    try:
        is_same = _place(here) == _place(there)
    except EndpointInvalid:  # a finding of its own
        return None
    if is_same:
        return None
    path = (CONNECTIONS, name) if here is None else (CONNECTIONS, name, "endpoint")
    return Finding(
        path,
        f"leads to {here or 'AWS'}, but the connection {name} of your own, in {shown_path(own.path)}, leads to "
        f"{there or 'AWS'}",
        "give one of the two another name",
        at="value" if here else "key",
    )


def _place(endpoint: object) -> tuple[str, str]:
    """Return what tells where an endpoint leads, and how; raise EndpointInvalid."""
    if not isinstance(endpoint, str):
        return "https", ""
    return parse_endpoint(endpoint).scheme, store_name(endpoint)


def _named(data: Data) -> Iterator[str]:
    """Yield the connections that a manifest's locations name, wherever they are written."""
    jobs = data.get(JOBS)
    for part in (data, data.get(DEFAULTS), *(jobs.values() if isinstance(jobs, dict) else ())):
        for role in _ROLES if isinstance(part, dict) else ():
            place = part.get(role)
            name = place.get("connection") if isinstance(place, dict) else None
            if isinstance(name, str):
                yield str(name)


def _written(data: Data) -> Mapping[str, Data]:
    found = data.get(CONNECTIONS, {})
    return {name: dict(entry) for name, entry in found.items()} if isinstance(found, dict) else {}


def _sound_ones(data: Data) -> Mapping[str, Connection]:
    """Return those of the connections that can be read although others cannot."""
    sound: dict[str, Connection] = {}
    found = data.get(CONNECTIONS, {})
    for name, entry in found.items() if isinstance(found, dict) else ():
        try:
            sound[name] = Connection.model_validate(entry)
        except ValidationError:
            continue
    return sound
