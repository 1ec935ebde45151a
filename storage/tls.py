"""Which certificates to trust: the connection's own file, else what botocore would, else the system's."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from s3plan.schemas.errors import S3PlanError
from s3plan.storage.connections import ConnectionSettings


def tls_context(settings: ConnectionSettings, session: Any) -> ssl.SSLContext:
    """Return the settings for TLS to a connection's store; S3PlanError where a CA bundle cannot be read."""
    bundle = named_bundle(settings, session)
    context = ssl.create_default_context(cafile=_system_bundle() if bundle is None else str(bundle))
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def ca_bundle(settings: ConnectionSettings) -> Path | None:
    """Return the file that the connection names; S3PlanError if there is none of that name."""
    if settings.ca_bundle is None:
        return None
    bundle = Path(settings.ca_bundle).expanduser()
    if not bundle.is_file():
        raise S3PlanError(f"{settings}: ca_bundle {bundle} is no file; name one that holds the certificates to trust")
    return bundle


def named_bundle(settings: ConnectionSettings, session: Any) -> Path | None:
    """Return the connection's file, else that of AWS_CA_BUNDLE or of the profile's ca_bundle; None if none is named."""
    configured = session.get_config_variable("ca_bundle")
    return ca_bundle(settings) or (Path(str(configured)).expanduser() if configured else None)


def _system_bundle() -> str | None:
    from botocore.httpsession import get_cert_path

    system = ssl.get_default_verify_paths()
    return None if system.cafile or system.capath else str(get_cert_path(verify=True))
