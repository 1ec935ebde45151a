"""What is asked of a folder, and what answers it. Paths are the components of a key, as parts_of gives them."""

from __future__ import annotations

from dataclasses import dataclass

from s3plan.schemas.bodies import UNKNOWN_DIGESTS, Body, BodyInMemory, Digests
from s3plan.schemas.files.stamps import Stamp

Parts = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """All bytes of a file, and the digests that are wanted of them; small ones are held in memory.

    Fails with SOURCE_CHANGED if it is not the file of the stamp, before and after it was read.
    """

    parts: Parts
    stamp: Stamp
    with_crc64nvme: bool = True
    with_md5: bool = False
    with_sha256: bool = False


class HeldBytes(BodyInMemory):
    """Bytes of a file in memory; they count as taken as long as somebody has this object."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


@dataclass(frozen=True, slots=True)
class FileRead:
    """The bytes of the file that was asked for, and when they were changed last.

    `body` is HeldBytes, or reads the file again: then it is still the planned one only if its digests say so.
    """

    body: Body
    mtime_ns: int
    digests: Digests = UNKNOWN_DIGESTS


FileRequest = ReadFile
FileReply = FileRead
