"""ETags as headers and documents carry them, and as we do."""

from __future__ import annotations


def bare_etag(etag: str) -> str:
    """Return an ETag without its quotes and without the mark of a weak one."""
    return etag.strip().removeprefix("W/").strip('"')
