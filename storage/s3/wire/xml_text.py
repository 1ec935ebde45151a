"""What stands around the XML of an answer."""

from __future__ import annotations

_BEFORE_A_DOCUMENT = b"\xef\xbb\xbf \t\r\n"


def document_of(body: bytes) -> bytes:
    """Return an answer's document without the white space or byte order mark that some stores send before it.

    CopyObject and CompleteMultipartUpload may send white space for minutes while they work (S3 API reference); with an
    XML declaration after it no parser takes it.
    """
    return body.lstrip(_BEFORE_A_DOCUMENT)
