"""What is asked of a folder, and what answers it. Paths are the components of a key, as parts_of gives them."""

from __future__ import annotations

from dataclasses import dataclass

from s3plan.schemas.bodies import UNKNOWN_DIGESTS, Digests
from s3plan.schemas.stamps import Stamp

Parts = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """All bytes of a file that is held in memory, and the digests that are wanted of them.

    Fails with SOURCE_CHANGED if it is not the file of the stamp, before and after it was read.
    """

    parts: Parts
    stamp: Stamp
    with_crc64nvme: bool = True
    with_md5: bool = False
    with_sha256: bool = False


@dataclass(frozen=True, slots=True)
class FileRead:
    """The bytes of the file that was asked for, and when they were changed last."""

    content: bytes
    mtime_ns: int
    digests: Digests = UNKNOWN_DIGESTS


FileRequest = ReadFile
FileReply = FileRead
