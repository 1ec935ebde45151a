"""From a manifest's connections to the settings that engines are opened with."""

from __future__ import annotations

from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.storage.s3.connections.sessions import ConnectionSettings


def connections_of(manifest: Manifest) -> dict[str, ConnectionSettings]:
    """Return the settings of a manifest's connections by name."""
    return {name: settings_of(name, connection) for name, connection in manifest.connections.items()}


def settings_of(name: str, connection: Connection) -> ConnectionSettings:
    """Return the settings of one; the default connection's name is empty."""
    return ConnectionSettings(
        name=name,
        endpoint=connection.endpoint,
        store=connection.store,
        region=connection.region,
        profile=connection.profile,
        env_prefix=connection.env_prefix,
        role_arn=connection.role_arn,
        external_id=connection.external_id,
        source_profile=connection.source_profile,
        addressing_style=connection.addressing_style,
        engine=connection.engine,
        anonymous=connection.anonymous,
        requester_pays=connection.requester_pays,
        accelerate=connection.accelerate,
        dualstack=connection.dualstack,
        tls_verify=connection.tls_verify,
        ca_bundle=connection.ca_bundle,
        allow_http=connection.allow_http,
    )
