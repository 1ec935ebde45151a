"""The keys of SSE-C: the caller's own, sent with every request that reads or writes what they encrypt."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import md5, sha256
from hmac import compare_digest
from typing import NoReturn

from s3plan.schemas.redaction import remember_bytes

KEY_BYTES = 32
"""Of AES-256, the only algorithm of SSE-C."""
ALGORITHM = "AES256"
SSE_C = "sse-c"
"""What the manifest and we call it; S3 has no name for it among those of its server-side encryptions."""
_FINGERPRINT_DIGITS = 16


class CustomerKey:
    """One key. It shows nothing of itself, is not pickled, and no text has it any more once there is an instance."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the raw bytes of a key; raise ValueError, which does not hold them, if they are not 32."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = bytes(key)
        for secret in (self._key, self._md5):
            remember_bytes(secret)

    @property
    def in_base64(self) -> str:
        """The key itself, as a header has it: only for those who send it."""
        return b64encode(self._key).decode()

    @property
    def md5_in_base64(self) -> str:
        """The MD5 of the key, by which the store notices one that was damaged on its way; as secret as the key."""
        return b64encode(self._md5).decode()

    @property
    def fingerprint(self) -> str:
        """16 hex digits of its SHA-256: tells it from others, and nothing of it."""
        return sha256(self._key).hexdigest()[:_FINGERPRINT_DIGITS]

    @property
    def _md5(self) -> bytes:
        return md5(self._key, usedforsecurity=False).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CustomerKey) and compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return "CustomerKey(not shown)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a customer's key is never pickled: pass on by what it is named")


def is_free_of_digests(encryption: str | None) -> bool:
    """Return whether the ETag of an object that is encrypted so only looks like a sum of its bytes.

    So it is under SSE-KMS and SSE-C (S3 API reference, Object, ETag). None: the store does not say.
    """
    return encryption is not None and (encryption == SSE_C or encryption.startswith("aws:kms"))


def parse_key(content: bytes) -> CustomerKey | None:
    """Return the key that a file or a variable holds, None if it holds none.

    32 bytes as they are, or written as base64 or as 64 hex digits, at whose end a line may end.
    """
    if len(content) == KEY_BYTES:
        return CustomerKey(content)
    text = content.removesuffix(b"\n").removesuffix(b"\r")
    try:
        key = bytes.fromhex(text.decode()) if len(text) == 2 * KEY_BYTES else b64decode(text, validate=True)
    except ValueError:
        return None
    return CustomerKey(key) if len(key) == KEY_BYTES else None


def is_written_key(text: str) -> bool:
    """Return whether a text, where a name is wanted, is a key itself in hex or base64."""
    return len(text) > KEY_BYTES and any(parse_key((text + end).encode()) is not None for end in ("", "="))
