"""Rules about keys of SSE-C: where they stand, and that nobody reads them on their way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from s3plan.schemas.endpoints import parse_endpoint
from s3plan.schemas.manifest.customer_keys import KeySetting
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.rules import Finding, KeyPath, Role, Rule, location_of
from s3plan.schemas.manifest.words import EncryptionType

_ENCRYPTION: KeyPath = ("destination", "encryption")
_DECRYPTION: KeyPath = ("source", "decryption")
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
    decryption = None if manifest.source is None else manifest.source.decryption
    if encryption is not None and encryption.key is not None:
        yield from _named_once((*_ENCRYPTION, "key"), encryption.key)
    if decryption is not None:
        yield from _named_once((*_DECRYPTION, "key"), decryption.key)


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
            _ENCRYPTION if role == "destination" else _DECRYPTION,
            "a key of SSE-C goes over https:// only, and the connection leads to an http:// endpoint",
            "give the connection an https:// endpoint",
            at="key",
        )


def _folder_needs_no_key(manifest: OneJobManifest) -> Iterator[Finding]:
    source = manifest.source
    if source is not None and source.folder is not None and source.decryption is not None:
        yield Finding(_DECRYPTION, "goes with objects, and a folder has files", at="key")


CUSTOMER_KEY_RULES = (
    Rule((_ENCRYPTION,), _key_goes_with_sse_c),
    Rule((_ENCRYPTION, _DECRYPTION), _key_is_named_once),
    Rule((("source", "url"), _DECRYPTION), _folder_needs_no_key),
    *(
        Rule(
            ((role,), ("connections",)),
            partial(_key_goes_by_https, role=role),
        )
        for role in ("source", "destination")
    ),
)
"""About each job."""
