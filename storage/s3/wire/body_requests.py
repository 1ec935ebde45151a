"""Requests that send an object's bytes, as HTTP: the S3 API reference has them as PutObject and UploadPart."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import md5
from urllib.parse import quote

from s3plan.schemas.bodies import Body, Digests
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.storage.s3.wire.failures import RequestUnsendable

Headers = list[tuple[str, str]]

HEADER_NAMES = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentType": "content-type",
    "Expires": "expires",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
"""How boto3's names of what an object carries stand in HTTP."""
_IS_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII).fullmatch


def body_headers(body: bytes | Body, digests: Digests) -> Headers:
    """Return what is said of a body: its length, and what the store is to hold its bytes against.

    That is what is known; bytes in memory of which nothing is known get Content-MD5, which every store knows.
    """
    size_bytes = len(body) if isinstance(body, bytes) else body.size_bytes
    headers = [("content-length", str(size_bytes))]
    if digests.crc64nvme is not None:
        headers.append(("x-amz-checksum-crc64nvme", digests.crc64nvme))
    if digests.checksum is not None:
        algorithm, value = digests.checksum
        headers.append((f"x-amz-checksum-{algorithm.lower()}", value))
    if digests.md5 is not None:
        headers.append(("content-md5", digests.md5))
    elif isinstance(body, bytes) and digests.crc64nvme is None:
        headers.append(("content-md5", md5_header(body)))
    return headers


def attribute_headers(attributes: ObjectAttributes) -> Headers:
    """Return what a new object is to carry; raise RequestUnsendable for what no header can."""
    headers = [(HEADER_NAMES[name], value) for name, value in attributes.headers.items()]
    for name, value in attributes.metadata.items():
        if not _IS_TOKEN(name):
            raise RequestUnsendable(f"no header can be named {name!a}")
        headers.append((f"x-amz-meta-{name.lower()}", value))
    if attributes.tags:
        tags = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in attributes.tags.items())
        headers.append(("x-amz-tagging", tags))
    return headers


def md5_header(body: bytes) -> str:
    """Return the value of Content-MD5."""
    return b64encode(md5(body, usedforsecurity=False).digest()).decode()
