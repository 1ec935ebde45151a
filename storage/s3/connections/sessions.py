"""From a connection's settings to a session with credentials.

Secrets live in the session only, never in the settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.manifest.words import AddressingStyle, EngineName
from s3plan.schemas.redaction import redact
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.log_redaction import keep_secrets_out_of_logs
from s3plan.storage.s3.connections.sdk_data import share_data

_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """How to reach a store; plain data that pickles. `name` is the manifest's, empty for the default connection."""

    name: str = ""
    endpoint: str | None = None
    store: StoreName | None = None  # None: by the endpoint's host
    region: str | None = None
    profile: str | None = None
    env_prefix: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    source_profile: str | None = None
    addressing_style: AddressingStyle = AddressingStyle.AUTO
    engine: EngineName = EngineName.AUTO
    anonymous: bool = False
    requester_pays: bool = False
    accelerate: bool = False
    dualstack: bool = False
    tls_verify: bool = True
    ca_bundle: str | None = None
    allow_http: bool = False

    def __str__(self) -> str:
        """For messages."""
        return f"connection {self.name}" if self.name else "the default connection"


@dataclass(frozen=True, slots=True)
class _Given:
    """Stands in for botocore's chain of credential providers."""

    credentials: object

    def load_credentials(self) -> object:
        return self.credentials


def open_session(settings: ConnectionSettings) -> Any:
    """Return a new botocore session that holds the connection's credentials, read afresh.

    `env_prefix` is read from the environment, else `profile` or the whole AWS chain is asked; `role_arn` is assumed
    with what they give, or with what `source_profile` gives, and renewed in time. An anonymous session holds none.
    CredentialsUnusable says what is missing, EndpointInvalid that a role would be asked for at no place for that.
    """
    from botocore.credentials import RefreshableCredentials

    session = _base_session(settings)
    if settings.anonymous:
        session.register_component("credential_provider", _Given(None))
        return session
    giver = settings if settings.source_profile is None else replace(settings, profile=settings.source_profile)
    found = _base_credentials(giver, session if giver is settings else _base_session(giver))
    if isinstance(found, RefreshableCredentials):
        renewed = found  # asked for when they are needed
    else:
        _check_sendable(settings, found)
        renewed = None
    if settings.role_arn is not None:
        renewed = _assumed(settings, session, found)
    if renewed is not None:
        found = CredentialsAhead(renewed)
    elif settings.env_prefix is None:
        return session
    # A session of its own: STS clients are made by the other one, whose parser nobody has touched.
    own = _base_session(settings)
    own.register_component("credential_provider", _Given(found))
    return own


def _check_sendable(settings: ConnectionSettings, credentials: Any) -> None:
    """Raise CredentialsUnusable for those that no header can carry; a line break at the end is the usual mistake."""
    held = credentials.get_frozen_credentials()
    if not all(isinstance(each, str) for each in (held.access_key, held.secret_key, held.token or "")):
        raise CredentialsUnusable(
            f"{settings}: the AWS files have indented lines below a key of the credentials; write each key and its "
            "value in a line of its own"
        )
    frozen = frozen_credentials(credentials)()  # from here on a secret to be kept
    sent = frozen.access_key + (frozen.token or "")  # in headers; of the secret key, any other letter may be meant
    has_line_end = frozen.secret_key != frozen.secret_key.rstrip("\r\n")
    if has_line_end or not (sent.isascii() and sent.isprintable()) or " " in sent:
        raise CredentialsUnusable(
            f"{settings}: the credentials hold a line break, a space or another character that no request can carry; "
            "set them again without it"
        )


def _base_session(settings: ConnectionSettings) -> Any:
    from botocore.exceptions import BotoCoreError, ProfileNotFound
    from botocore.session import Session

    keep_secrets_out_of_logs()  # before anything is read that could be logged
    session = Session(profile=settings.profile)
    try:
        session.get_scoped_config()
    except ProfileNotFound as error:
        named = settings.profile or os.environ.get("AWS_PROFILE") or "default"
        raise CredentialsUnusable(
            f"{settings}: there is no profile {named} in ~/.aws/config or ~/.aws/credentials; create it or name "
            "another (`s3plan profiles` lists them)",
            connection=_to_choose_for(settings),
        ) from error
    except BotoCoreError as error:
        said = redact(str(error))
        raise CredentialsUnusable(
            f"{settings}: the AWS configuration cannot be read: {said}; "
            "correct the file (~/.aws/config, AWS_CONFIG_FILE)"
        ) from None
    share_data(session)
    return session


def _base_credentials(settings: ConnectionSettings, session: Any) -> object:
    if settings.env_prefix is not None:
        return _from_environment(settings, settings.env_prefix, os.environ)
    from botocore.exceptions import BotoCoreError, PartialCredentialsError

    try:
        found = session.get_credentials()
    except PartialCredentialsError as error:
        raise CredentialsUnusable(
            f"{settings}: the credentials lack {error.kwargs['cred_var']} ({error.kwargs['provider']}); set it, too",
            connection=_to_choose_for(settings),
        ) from None
    except (BotoCoreError, ValueError, KeyError, OSError, TypeError, AttributeError) as error:
        # of a program, of what it wrote, and of what stands in indented lines where a text should be
        said = " ".join(redact(str(error)).split())  # a credential_process may have written anything
        raise CredentialsUnusable(
            f"{settings}: the credentials cannot be read: {said}; "
            "correct that, or choose others by profile or env_prefix",
            connection=_to_choose_for(settings),
        ) from None
    if found is None:
        where = f"profile {settings.profile} holds none" if settings.profile else "the AWS chain has none"
        raise CredentialsUnusable(
            f"{settings}: no credentials were found ({where}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "log in, or name a profile (`s3plan profiles` lists them) or env_prefix in connections: (for a public "
            "bucket: anonymous: true)",
            connection=_to_choose_for(settings),
        )
    return found


def _to_choose_for(settings: ConnectionSettings) -> str | None:
    """Return the connection's name if naming another profile is all that it takes."""
    is_otherwise = settings.env_prefix is not None or settings.source_profile is not None
    return None if is_otherwise else settings.name


def _from_environment(settings: ConnectionSettings, prefix: str, environment: Mapping[str, str]) -> object:
    from botocore.credentials import Credentials

    names = [f"{prefix}ACCESS_KEY_ID", f"{prefix}SECRET_ACCESS_KEY"]
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise CredentialsUnusable(f"{settings}: set {' and '.join(missing)} in the environment, as env_prefix says")
    access_key, secret_key = (environment[name] for name in names)
    token = environment.get(f"{prefix}SESSION_TOKEN") or None
    return Credentials(access_key, secret_key, token, method="env-prefix")


def _assumed(settings: ConnectionSettings, session: Any, source_credentials: object) -> object:
    from botocore.config import Config
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    service = _role_service(settings, session)
    region = effective_region(settings, session)

    def create_client(service_name: str, **arguments: Any) -> Any:
        # botocore would take the endpoint that is named for all services, which is another store's.
        config = Config(ignore_configured_endpoint_urls=True)
        named = {"region_name": region, "endpoint_url": service, "config": config}
        return session.create_client(service_name, **{**named, **arguments})

    extra = {"RoleSessionName": "s3plan"}
    if settings.external_id is not None:
        extra["ExternalId"] = settings.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=create_client,
        source_credentials=source_credentials,
        role_arn=settings.role_arn,
        extra_args=extra,
    )
    return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")


def _role_service(settings: ConnectionSettings, session: Any) -> str | None:
    """Return the URL of the token service that is configured for just that; None for AWS's own.

    Raises EndpointInvalid where a role, whose secrets are in the answer, would be asked for in the clear.
    """
    found = configured_endpoint(session, service="sts")
    if found is None:
        return None
    where, url = found
    who = f"{settings}: the token service for role_arn ({where})"
    try:
        endpoint = parse_endpoint(url)
    except EndpointInvalid as error:
        raise EndpointInvalid(f"{who}: {error}") from error
    if endpoint.scheme == "http" and not endpoint.is_loopback and not settings.allow_http:
        raise EndpointInvalid(
            f"{who}: http:// sends a role's secrets unencrypted; use https://, or say allow_http: true"
        )
    return url


def effective_endpoint(settings: ConnectionSettings, session: Any = None) -> str | None:
    """Return the URL that requests will go to, None for AWS's own; raise EndpointInvalid.

    Without an endpoint in the settings the user's environment and AWS configuration may name one (AWS_ENDPOINT_URL_S3,
    AWS_ENDPOINT_URL, endpoint_url of the profile). The same rules hold for it.
    """
    found = _endpoint_of(settings, session)
    if found is None:
        return None
    who, url = found
    try:
        endpoint = parse_endpoint(url)
    except EndpointInvalid as error:
        raise EndpointInvalid(f"{who}: {error}") from error
    if endpoint.scheme == "http" and not endpoint.is_loopback and not settings.allow_http:
        where = "" if settings.name else " of a connection in the manifest"
        raise EndpointInvalid(
            f"{who}: http:// sends keys and data unencrypted; use https://, or say allow_http: true{where}"
        )
    return url


def _endpoint_of(settings: ConnectionSettings, session: Any) -> tuple[str, str] | None:
    """Return the endpoint and who names it, as a message begins; None for AWS's own."""
    if settings.endpoint:
        return str(settings), settings.endpoint
    found = configured_endpoint(_base_session(settings) if session is None else session)
    return None if found is None else (f"{settings}: {found[0]}", found[1])


def effective_region(settings: ConnectionSettings, session: Any = None) -> str:
    """Return the region that requests are signed for: the settings', the configuration's, or us-east-1.

    That last is what botocore signs for where nobody names a region, and what other stores answer to. A bucket that is
    made without naming another region is made there.
    """
    return named_region(settings, session) or _DEFAULT_REGION


def named_region(settings: ConnectionSettings, session: Any = None) -> str | None:
    """Return the region that the settings name, else the configuration's; None where nobody names one."""
    if settings.region is not None:
        return settings.region
    asked = _base_session(settings) if session is None else session
    found: str | None = asked.get_config_variable("region")
    return found or None


def configured_endpoint(session: Any, *, service: str = "s3") -> tuple[str, str] | None:
    """Return where botocore would ask a service, and where that stands; None: at AWS's own place.

    One that is named for all services counts for S3 alone: that is how other stores are named. See
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html.
    """
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    scoped = session.get_scoped_config()
    named = scoped.get("services")
    services = session.full_config.get("services", {}).get(named, {}) if isinstance(named, str) else {}
    section = services.get(service, {})
    own = section.get("endpoint_url") if isinstance(section, dict) else None
    variable, in_file = f"AWS_ENDPOINT_URL_{service.upper()}", "endpoint_url in the AWS configuration"
    candidates = [(variable, os.environ.get(variable)), (in_file, own)]
    if service == "s3":
        candidates.insert(1, ("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT_URL")))
        candidates.append((in_file, scoped.get("endpoint_url")))
    return next(((who, url) for who, url in candidates if url), None)


def credentials_identity(session: Any) -> tuple[str, str | None] | None:
    """Return what tells one set of credentials from another: access key and session token; None without any."""
    credentials = session.get_credentials()
    if credentials is None:
        return None
    frozen = credentials.get_frozen_credentials()
    return frozen.access_key, frozen.token
