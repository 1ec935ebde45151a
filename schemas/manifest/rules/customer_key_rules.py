"""Rules about keys of SSE-C: where they stand, and that nobody reads them on their way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from s3plan.schemas.endpoints import parse_endpoint
from s3plan.schemas.manifest.customer_keys import KeySetting
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.locations import ReadLocation
from s3plan.schemas.manifest.rules.findings import ROLES, Finding, KeyPath, Role, Rule, location_of
from s3plan.schemas.manifest.words import EncryptionType

_ENCRYPTION: KeyPath = ("destination", "encryption")
_READ: tuple[Role, ...] = ("source", "location")
_WRITE = "write key: {env: PHOTO_KEY}, or {file: PATH}"


def _key_goes_with_sse_c(manifest: OneJobManifest) -> Iterator[Finding]:
    encryption = None if manifest.destination is None else manifest.destination.encryption
    if encryption is None:
        return
    if encryption.type is not EncryptionType.SSE_C:
        if encryption.key is not None:
            hint = "write type: sse-c; a key of KMS is named by key_id"
            yield Finding((*_ENCRYPTION, "key"), f"{encryption.type} takes no key of yours", hint, at="key")
        return
    if encryption.key is None:
        yield Finding(_ENCRYPTION, "sse-c needs a key", _WRITE)
    if encryption.key_id is not None:
        yield Finding((*_ENCRYPTION, "key_id"), "goes with KMS, and sse-c has a key of its own", _WRITE, at="key")


def _key_is_named_once(manifest: OneJobManifest) -> Iterator[Finding]:
    encryption = None if manifest.destination is None else manifest.destination.encryption
    if encryption is not None and encryption.key is not None:
        yield from _named_once((*_ENCRYPTION, "key"), encryption.key)


def _decryption_is_meant(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if not isinstance(location, ReadLocation) or location.decryption is None:
        return
    yield from _named_once((role, "decryption", "key"), location.decryption.key)
    if location.folder is not None:
        yield Finding((role, "decryption"), "goes with objects, and a folder has files", at="key")


def _named_once(path: KeyPath, key: KeySetting) -> Iterator[Finding]:
    if (key.env is None) is (key.file is None):
        yield Finding(path, "needs exactly one of env and file", "write {env: PHOTO_KEY}, or {file: PATH}")


def _key_goes_by_https(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if location is None or location.customer_key is None:
        return
    connection = manifest.connections.get(location.connection or "")
    if connection is None or connection.endpoint is None:
        return
    endpoint = parse_endpoint(connection.endpoint)
    if endpoint.scheme == "http" and not endpoint.is_loopback:
        yield Finding(
            _ENCRYPTION if role == "destination" else (role, "decryption"),
            "a key of SSE-C goes over https:// only, and the connection leads to an http:// endpoint",
            "give the connection an https:// endpoint",
            at="key",
        )


CUSTOMER_KEY_RULES = (
    Rule((_ENCRYPTION,), _key_goes_with_sse_c),
    Rule((_ENCRYPTION,), _key_is_named_once),
    *(
        Rule(
            ((role, "url"), (role, "decryption")),
            partial(_decryption_is_meant, role=role),
        )
        for role in _READ
    ),
    *(
        Rule(
            ((role,), ("connections",)),
            partial(_key_goes_by_https, role=role),
        )
        for role in ROLES
    ),
)
"""About each job."""
