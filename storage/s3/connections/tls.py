"""Which certificates to trust: those of the file that somebody names, in botocore's order, else the system's."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any

from s3plan.schemas.errors import S3PlanError
from s3plan.storage.s3.connections.sessions import ConnectionSettings

_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # how OpenSSL finds a certificate in a folder


class BundleUnusable(S3PlanError):
    """There are no certificates to trust where somebody says that they are; the message says who and where."""


def tls_context(settings: ConnectionSettings, session: Any) -> ssl.SSLContext:
    """Return the settings for TLS to a connection's store; BundleUnusable where no certificates can be read."""
    bundle = trusted_file(settings, session)
    context = ssl.create_default_context(cafile=None if bundle is None else str(bundle))
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def trusted_file(settings: ConnectionSettings, session: Any) -> Path | None:
    """Return the file of the certificates to trust: the one that is named, else None for those of the system.

    A system that has none trusts what botocore brings along. Raises BundleUnusable.
    """
    named = named_bundle(settings, session)
    if named is None and settings.tls_verify and _is_system_bare():
        from botocore.httpsession import get_cert_path

        return Path(str(get_cert_path(verify=True)))
    return named


def named_bundle(settings: ConnectionSettings, session: Any) -> Path | None:
    """Return the file that is named: by the connection, AWS_CA_BUNDLE, the AWS configuration, REQUESTS_CA_BUNDLE.

    The first of these counts, as for botocore. None if none does, or if certificates are not looked at. Raises
    BundleUnusable.
    """
    if not settings.tls_verify:
        return None
    named_by = {
        f"{settings}: ca_bundle": settings.ca_bundle,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE"),
        "ca_bundle in the AWS configuration": session.get_config_variable("ca_bundle"),
        "REQUESTS_CA_BUNDLE": os.environ.get("REQUESTS_CA_BUNDLE"),
    }
    for who, path in named_by.items():
        if path is not None:
            return _checked(who, str(path))
    return None


def _checked(who: str, written: str) -> Path:
    if not written.strip():
        raise BundleUnusable(f"{who} is empty; name a file with the certificates to trust, or remove it")
    bundle = Path(written).expanduser()
    if not bundle.is_file():
        raise BundleUnusable(f"{who} {bundle} is not a file; name one that holds the certificates to trust")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
    except ssl.SSLError:
        raise BundleUnusable(f"{who} {bundle} holds no certificates that can be read (PEM)") from None
    except OSError as error:
        raise BundleUnusable(f"{who} {bundle} cannot be read: {error.strerror}") from error
    return bundle


def _is_system_bare() -> bool:
    """Whether the system trusts nobody, as in a container without the package of certificates."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile and Path(paths.cafile).stat().st_size:
        return False
    try:
        return not (paths.capath and any(_HASHED_NAME.fullmatch(one.name) for one in Path(paths.capath).iterdir()))
    except OSError:
        return True
