"""The bytes of a request, held against its digests as S3 does."""

from __future__ import annotations

from base64 import b64decode
from hashlib import md5

from s3plan.schemas.bodies import Body, Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.memory.store import Refused, sum_of


def whole_body(body: bytes | Body, digests: Digests, *, operation: str) -> bytes | Failure:
    """Return all bytes of a body, or how it could not be had; raise Refused if its digests are those of others."""
    content = body if isinstance(body, bytes) else _read(body, operation)
    if isinstance(content, Failure):
        return content
    if digests.md5 is not None and b64decode(digests.md5) != md5(content, usedforsecurity=False).digest():
        raise Refused("BadDigest", "The Content-MD5 you specified did not match what we received.")
    if digests.crc64nvme is not None and b64decode(digests.crc64nvme) != crc64nvme(content):
        raise Refused("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")
    if digests.checksum is not None and sum_of(content, digests.checksum[0]) != digests.checksum[1]:
        raise Refused("BadDigest", f"The {digests.checksum[0]} you specified did not match the calculated checksum.")
    return content


def crc64nvme(content: bytes) -> bytes:
    """Return the checksum of these bytes, as S3 has it."""
    from awscrt.checksums import crc64nvme as compute

    return int(compute(content)).to_bytes(8, "big")


def _read(body: Body, operation: str) -> bytes | Failure:
    content = bytearray(body.size_bytes)
    view, offset = memoryview(content), 0
    while offset < len(content):
        try:
            read = body.read_into(view[offset:], offset=offset)
        except OSError as error:
            return Failure(FailureKind.LOCAL_IO, operation, "BodyBroken", f"what is to be sent cannot be read: {error}")
        if not read:
            words = "what is to be sent became shorter meanwhile"
            return Failure(FailureKind.SOURCE_CHANGED, operation, "BodyBroken", words)
        offset += read
    return bytes(content)
