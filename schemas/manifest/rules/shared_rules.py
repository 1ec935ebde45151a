"""Rules about what the jobs of a manifest share: its connections, and how the plan is carried out."""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.endpoints import parse_endpoint
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.rules.findings import Finding, KeyPath, Rule
from s3plan.schemas.manifest.words import AddressingStyle
from s3plan.schemas.quantities import format_delay

_CREDENTIALS = ("profile", "env_prefix", "role_arn", "source_profile")


def _connections_are_consistent(manifest: OneJobManifest) -> Iterator[Finding]:
    for name, connection in manifest.connections.items():
        path = ("connections", name)
        if connection.endpoint is not None and not connection.allow_http and not _is_private(connection.endpoint):
            yield Finding(
                (*path, "endpoint"),
                "http:// is allowed on this machine only",
                "write https://, or allow_http: true if it must be",
            )
        written = [key for key in _CREDENTIALS if getattr(connection, key) is not None]
        if connection.anonymous and written:
            yield Finding((*path, "anonymous"), f"an anonymous connection has no {written[0]}")
        elif connection.profile is not None and connection.env_prefix is not None:
            yield Finding((*path, "env_prefix"), "credentials come from profile or from env_prefix, not from both")
        yield from _role_is_whole(path, connection)
        yield from _hosts_are_of_aws(path, connection)
        if connection.ca_bundle is not None and not connection.tls_verify:
            yield Finding((*path, "ca_bundle"), "has no effect with tls_verify: false", "remove one of the two")
        if connection.anonymous and connection.requester_pays:
            yield Finding(
                (*path, "requester_pays"),
                "cannot work with anonymous: true: nobody can be billed for unsigned requests",
                "remove anonymous, or requester_pays if the bucket's owner pays",
                Severity.WARNING,
            )


def _role_is_whole(path: KeyPath, connection: Connection) -> Iterator[Finding]:
    if connection.external_id is not None and connection.role_arn is None:
        yield Finding((*path, "external_id"), "only a role has an external id", "add role_arn, or remove external_id")
    if connection.source_profile is None or connection.anonymous:
        return
    if connection.role_arn is None:
        yield Finding(
            (*path, "source_profile"),
            "assumes role_arn, and there is none",
            f"add role_arn, or write profile: {connection.source_profile} to use its credentials themselves",
        )
    others = [key for key in ("profile", "env_prefix") if getattr(connection, key) is not None]
    if others:
        yield Finding(
            (*path, "source_profile"),
            f"the role is assumed with the credentials of source_profile or of {others[0]}, not of both",
            "remove one of the two",
        )


def _hosts_are_of_aws(path: KeyPath, connection: Connection) -> Iterator[Finding]:
    for key in ("accelerate", "dualstack"):
        if getattr(connection, key) and connection.endpoint is not None:
            yield Finding((*path, key), "only AWS has such hosts", f"remove {key}, or endpoint")
    if connection.accelerate and connection.addressing_style is AddressingStyle.PATH:
        yield Finding(
            (*path, "accelerate"),
            "Transfer Acceleration has the bucket in the host name",
            "remove addressing_style: path",
        )


def _is_private(url: str) -> bool:
    """Say whether what is sent there is seen by nobody on the way."""
    endpoint = parse_endpoint(url)
    return endpoint.scheme == "https" or endpoint.is_loopback


def _waits_leave_room(manifest: OneJobManifest) -> Iterator[Finding]:
    retries = manifest.run.retries
    if retries.initial > retries.max:
        yield Finding(
            ("run", "retries", "initial"),
            f"is longer than run.retries.max, {format_delay(retries.max)}",
        )


SHARED_RULES = (
    Rule((("run", "retries"),), _waits_leave_room),
    Rule((), _connections_are_consistent),
)
