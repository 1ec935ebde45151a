"""An awscrt S3 client that sends any request once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s3plan.storage.s3.botocore.client import CONNECT_TIMEOUT_S
from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.connections.tls import trusted_file

_MEMORY_LIMIT_BYTES = 1 << 30
# The ceiling of connections; `max_active_connections_override` only lowers it (measured: 100 Gbps is 250 connections).
_THROUGHPUT_TARGET_GBPS = 400


def open_crt_client(
    settings: ConnectionSettings, session: Any, *, region: str, is_https: bool, max_in_flight: int
) -> Any:
    """Return an awscrt S3Client; raise S3PlanError where the CA bundle cannot be read."""
    from awscrt.s3 import S3Client, S3RequestTlsMode, S3RetryConfig, create_default_s3_signing_config

    provider = credentials_provider(session)
    signing = (
        None if provider is None else create_default_s3_signing_config(region=region, credential_provider=provider)
    )
    return S3Client(
        region=region,
        tls_mode=S3RequestTlsMode.ENABLED if is_https else S3RequestTlsMode.DISABLED,
        tls_connection_options=_tls_options(settings, session) if is_https else None,
        signing_config=signing,
        throughput_target_gbps=_THROUGHPUT_TARGET_GBPS,
        max_active_connections_override=max_in_flight,
        memory_limit=_MEMORY_LIMIT_BYTES,
        retry_config=S3RetryConfig(max_retries=1),  # 0 would mean the default of 5
        connect_timeout_ms=int(CONNECT_TIMEOUT_S * 1000),
    )


def credentials_provider(session: Any) -> Any | None:
    """Return a provider over the session's credentials, None for an anonymous one.

    Credentials that never change are handed over once; others are asked for at each signature.
    """
    from awscrt.auth import AwsCredentials, AwsCredentialsProvider

    credentials = session.get_credentials()
    if credentials is None:
        return None
    of_the_moment = frozen_credentials(credentials)
    if not isinstance(credentials, CredentialsAhead):
        frozen = of_the_moment()
        return AwsCredentialsProvider.new_static(frozen.access_key, frozen.secret_key, frozen.token)

    def current() -> object:
        frozen = of_the_moment()
        return AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token)

    return AwsCredentialsProvider.new_delegate(current)


def _tls_options(settings: ConnectionSettings, session: Any) -> Any:
    from awscrt.io import ClientTlsContext, TlsContextOptions

    options = TlsContextOptions()
    options.verify_peer = settings.tls_verify
    bundle = trusted_file(settings, session)
    if bundle is not None:
        options.override_default_trust_store(bundle.read_bytes())
    return ClientTlsContext(options).new_connection_options()


def lower_names(headers: object) -> Mapping[str, str]:
    """Return awscrt's header pairs by lower-case name; of a repeated one the last."""
    return {name.lower(): value for name, value in headers}  # type: ignore[attr-defined]
