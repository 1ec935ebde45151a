"""Which engine sends a connection's requests: `native` unless something speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.request import getproxies, proxy_bypass

from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.extras import install_command
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.ports import Engine
from s3plan.storage.s3.botocore.client import READ_TIMEOUT_S, open_client
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session
from s3plan.storage.s3.wire.bucket_addresses import BucketAddress, BucketAddresses
from s3plan.storage.s3.wire.failures import RequestUnsendable


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a connection; `reason` says why it is not the one that `auto` would rather take."""

    name: EngineName
    reason: str | None = None

    @property
    def takes_many(self) -> bool:
        """Whether it keeps many requests under way without a thread for each, and so likes a core of its own."""
        return self.name is not EngineName.BOTO3


def choose_engine(settings: ConnectionSettings) -> EngineChoice:
    """Return what the connection asks for; `auto` falls back to boto3 where the fast ones cannot do what is needed.

    Raises S3PlanError if an engine is asked for by name and cannot be had.
    """
    wanted = settings.engine
    if wanted is EngineName.BOTO3:
        return EngineChoice(EngineName.BOTO3)
    reason = _against_proxies(settings)
    if reason is None and wanted is EngineName.CRT:
        reason = _against_awscrt()
    if reason is None:
        return EngineChoice(EngineName.NATIVE if wanted is EngineName.AUTO else wanted)
    if wanted is not EngineName.AUTO:
        raise S3PlanError(f"{settings}: engine: {wanted} cannot be used: {reason}; say engine: auto or engine: boto3")
    return EngineChoice(EngineName.BOTO3, reason)


def open_engine(settings: ConnectionSettings, *, max_in_flight: int, read_timeout_s: float = READ_TIMEOUT_S) -> Engine:
    """Open the connection's engine; CredentialsUnusable, EndpointInvalid or S3PlanError where it cannot be."""
    name = choose_engine(settings).name
    if name is EngineName.NATIVE:
        from s3plan.storage.s3.native.engine import open_native_engine

        return open_native_engine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)
    if name is EngineName.CRT:
        from s3plan.storage.s3.crt.engine import open_crt_engine

        return open_crt_engine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)
    return open_boto3_engine(settings, max_in_flight=max_in_flight, read_timeout_s=read_timeout_s)


def _against_awscrt() -> str | None:
    try:
        import awscrt.s3  # noqa: F401
    except ImportError as error:
        return f"awscrt's S3 client cannot be imported ({error}): {install_command('crt')}"
    return None


def _against_proxies(settings: ConnectionSettings) -> str | None:
    if not getproxies().keys() & {"http", "https"}:
        return None
    address = _ordinary_address(settings)
    scheme = "https" if address.is_https else "http"
    if getproxies().get(scheme) and not proxy_bypass(address.host):
        return f"a proxy is set in the environment ({scheme}_proxy), which only boto3 takes"
    return None


def _ordinary_address(settings: ConnectionSettings) -> BucketAddress:
    """Return where a bucket would be: a NO_PROXY is about the host that is asked, which may begin with a bucket."""
    nobody = replace(settings, anonymous=True, env_prefix=None, role_arn=None)
    client = open_client(nobody, open_session(nobody), max_connections=1, read_timeout_s=READ_TIMEOUT_S)
    try:
        return BucketAddresses(client).ordinary
    except RequestUnsendable as error:
        raise EndpointInvalid(f"{settings}: no bucket can be reached this way: {error}") from error
    finally:
        client.close()
