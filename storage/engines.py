"""Which engine sends a connection's requests: `crt` unless something speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.manifest_words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.storage.boto3_engine import open_engine as open_boto3_engine
from s3plan.storage.connections import ConnectionSettings, effective_endpoint

_AWS = "https://s3.amazonaws.com"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a connection; `reason` says why it is not the one that `auto` would rather take."""

    name: EngineName
    reason: str | None = None


def choose_engine(settings: ConnectionSettings) -> EngineChoice:
    """Return what the connection asks for; `auto` falls back to boto3 where awscrt cannot do what is needed.

    Raises S3PlanError if `crt` is asked for by name and cannot be had.
    """
    if settings.engine is EngineName.BOTO3:
        return EngineChoice(EngineName.BOTO3)
    reason = _against_crt(settings)
    if reason is None:
        return EngineChoice(EngineName.CRT)
    if settings.engine is EngineName.CRT:
        raise S3PlanError(f"{settings}: engine: crt cannot be used: {reason}; say engine: auto or engine: boto3")
    return EngineChoice(EngineName.BOTO3, reason)


def open_engine(settings: ConnectionSettings, *, max_in_flight: int) -> Engine:
    """Open the connection's engine; CredentialsUnusable, EndpointInvalid or S3PlanError where it cannot be."""
    if choose_engine(settings).name is EngineName.CRT:
        from s3plan.storage.crt_engine import open_crt_engine

        return open_crt_engine(settings, max_in_flight=max_in_flight)
    return open_boto3_engine(settings, max_in_flight=max_in_flight)


def _against_crt(settings: ConnectionSettings) -> str | None:
    try:
        import awscrt.s3  # noqa: F401
    except ImportError as error:
        return f"awscrt cannot be imported ({error})"
    url = urlsplit(effective_endpoint(settings) or _AWS)
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy_bypass(url.hostname or ""):
        return f"a proxy is set in the environment ({url.scheme}_proxy), which awscrt's S3 client does not take"
    return None
