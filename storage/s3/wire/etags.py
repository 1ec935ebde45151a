"""ETags as headers and documents carry them, and as we do: of one object there is one, whoever told it."""

from __future__ import annotations

import re

_IS_MD5 = re.compile(r"[0-9A-Fa-f]{32}(?:-[0-9]{1,5})?").fullmatch


def bare_etag(etag: str) -> str:
    """Return an ETag without white space, its quotes and the mark of a weak one; an MD5 in small letters.

    Some stores list in capitals what HeadObject tells in small letters, and proxies make ETags weak. Whether a store
    then takes the ETag for a condition is what a probe finds out.
    """
    if etag.islower() and etag.isalnum():
        return etag
    return small_etag(etag.strip().removeprefix("W/").strip('"'))


def small_etag(bare: str) -> str:
    """Return an ETag without quotes as it is, or in small letters if it is an MD5."""
    return bare.lower() if _IS_MD5(bare) else bare
