"""SSE-C, as AWS has it: a key that comes with each request, of which the store keeps nothing but what checks it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from fakes.s3server.errors import S3Error

OWN = "x-amz-server-side-encryption-customer"
SOURCE = "x-amz-copy-source-server-side-encryption-customer"
_NAMES = ("algorithm", "key", "key-md5")


def key_of(headers: Mapping[str, str], family: str = OWN) -> str | None:
    """The MD5 of a request's key in base64, by which it is known from then on; None: it has none."""
    found = [headers.get(f"{family}-{name}") for name in _NAMES]
    if found == [None, None, None]:
        return None
    algorithm, key, digest = found
    if algorithm != "AES256" or key is None or digest is None:
        raise S3Error("InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys ...")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise S3Error("InvalidArgument", "The secret key was invalid for the specified algorithm.")
    if base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode() != digest:
        raise S3Error("InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.")
    if family == OWN and "x-amz-server-side-encryption" in headers:
        raise S3Error("InvalidArgument", "Server Side Encryption with Customer provided key is incompatible with it")
    return digest


def made_with(key_md5: str) -> dict[str, str]:
    """What answers say of an object that has been made with a key."""
    return {f"{OWN}-algorithm": "AES256", f"{OWN}-key-md5": key_md5}


def check_read(encryption: Mapping[str, str], headers: Mapping[str, str], family: str = OWN) -> None:
    """Raise S3Error unless a request has the very key of an object, or neither has one."""
    kept, given = encryption.get(f"{OWN}-key-md5"), key_of(headers, family)
    if kept is not None and given is None:
        raise S3Error(
            "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object.",
        )
    if kept is None and given is not None:
        raise S3Error("InvalidRequest", "The encryption parameters are not applicable to this object.")
    if kept != given:
        raise S3Error("AccessDenied")


def check_part(encryption: Mapping[str, str], headers: Mapping[str, str], *, is_required: bool = True) -> None:
    """Raise S3Error unless a request about an upload has the key that it was begun with."""
    kept, given = encryption.get(f"{OWN}-key-md5"), key_of(headers)
    if given is None and not is_required:
        return
    if kept is not None and given is None:
        raise S3Error(
            "InvalidRequest",
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters.",
        )
    if kept != given:
        raise S3Error("InvalidRequest", "The provided encryption parameters did not match the ones used originally.")
