"""The alphabet of pins, which travel from listings and plans into requests: closed, so that none says more than itself.

Stores and plan files are not trusted. A condition carries an ETag in quotes in a header, a batch delete carries it in
an XML document, a copy carries a version in a header.
"""

from __future__ import annotations

import re

MAX_ETAG_CHARACTERS = 255
MAX_VERSION_CHARACTERS = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html"""

# Hexadecimal digits with `-N`, UUIDs, both kinds of base64, times: what stores are known to send. A quote, `*` or `,`
# would make a condition mean any object or several; `<`, `>`, `&` and line ends would be markup, or another header.
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=@-")
_BYTES = bytes(sorted(_ALPHABET))
_IS_ETAG = re.compile(f"[{re.escape(_BYTES.decode())}]{{1,{MAX_ETAG_CHARACTERS}}}").fullmatch


def is_pin(etag: str) -> bool:
    """Return whether a condition with this ETag in quotes means one object, whatever the store makes of it."""
    if etag.isalnum() and len(etag) <= MAX_ETAG_CHARACTERS and etag.isascii():  # nearly all are hexadecimal digits
        return True
    return _IS_ETAG(etag) is not None


def are_pins(etags: list[str]) -> bool:
    """Return whether `is_pin` holds for all; quicker, for thousands."""
    return _are_of_alphabet(etags, most=MAX_ETAG_CHARACTERS)


def are_versions(versions: list[str]) -> bool:
    """Return whether all of these may be ids of an object's versions."""
    return _are_of_alphabet(versions, most=MAX_VERSION_CHARACTERS)


def _are_of_alphabet(texts: list[str], *, most: int) -> bool:
    joined = "".join(texts)
    is_closed = joined.isascii() and not joined.encode().translate(None, _BYTES)
    return is_closed and "" not in texts and max(map(len, texts), default=0) <= most
