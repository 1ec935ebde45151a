"""The user's own connections as values for a screen or a program; never a secret, for they have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3plan.app.connections.editing import known_connection
from s3plan.app.connections.own_file import own_connections
from s3plan.app.paths import connections_path
from s3plan.planner.manifest.connections.own_connections import OwnConnections
from s3plan.planner.manifest.resolved_text import yaml_lines
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.store_quirks import quirks_of, store_at


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """One connection in a list. `endpoint` None: AWS, or what the environment names; `region` None: the store's word.

    `store` is the name of its kind, None where that is not known; `credentials` says in words where they come from.
    """

    name: str
    endpoint: str | None
    store: str | None
    region: str | None
    credentials: str


@dataclass(frozen=True, slots=True)
class ShownConnection:
    """One connection as YAML, as it is read, and its keys that are not as usual."""

    name: str
    yaml: str
    keys: Mapping[str, Any]


def list_connections() -> tuple[Path, tuple[ConnectionLine, ...]]:
    """Return where the file is, or would be, and its connections in its order. Raises ManifestInvalid."""
    own = own_connections()
    found = {} if own is None else own.connections
    return connections_path(), tuple(
        ConnectionLine(
            name,
            connection.endpoint,
            store_title(connection.endpoint, named=connection.store),
            connection.region,
            credentials_text(connection),
        )
        for name, connection in found.items()
    )


def show_connection(name: str) -> ShownConnection:
    """Return one; UsageInvalid if there is none of that name, ManifestInvalid."""
    own = own_connections() or OwnConnections(connections_path(), b"", {}, {})
    connection = known_connection(own, name)
    text = "\n".join(yaml_lines({name: own.written[name]})) + "\n"
    return ShownConnection(name, text, connection.model_dump(mode="json", exclude_defaults=True))


def store_title(endpoint: str | None, *, named: StoreName | None) -> str | None:
    """Return what the kind of store at an endpoint is called; None where nothing is known of it."""
    row = quirks_of(store_at(endpoint, named=named))
    return None if row.name is StoreName.UNKNOWN else row.title


def credentials_text(connection: Connection) -> str:
    """Return where a connection's credentials come from."""
    if connection.anonymous:
        return "none (anonymous)"
    source = "the AWS chain"
    if connection.profile is not None:
        source = f"profile {connection.profile}"
    elif connection.env_prefix is not None:
        source = f"variables {connection.env_prefix}*"
    if connection.source_profile is not None:
        source = f"profile {connection.source_profile}"
    return source if connection.role_arn is None else f"{connection.role_arn} by {source}"
