"""What is asked of a process's own memory: room for bytes on their way, and sums of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from s3plan.schemas.bodies import Body, Room


@dataclass(frozen=True, slots=True)
class TakeBuffer:
    """Memory for so many bytes; answered once there is some."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class TakeRoom:
    """Room for the bytes of a part; answered once there is some. What is large for all the memory gets a file."""

    size_bytes: int
    number: int  # by which whoever asks knows the part


@dataclass(frozen=True, slots=True)
class SumBuffer:
    """Digests of bytes that are here: MD5, and those that S3 states (CRC64NVME, CRC32, CRC32C, SHA256, SHA1)."""

    content: memoryview | Body
    algorithms: frozenset[str]
    number: int = 0  # as in TakeRoom


@dataclass(frozen=True, slots=True)
class BufferTaken:
    """The room, which is given back once nobody views it."""

    content: memoryview


@dataclass(frozen=True, slots=True)
class RoomTaken:
    """The room, which is given back once nobody has it."""

    room: Room


@dataclass(frozen=True, slots=True)
class BufferSummed:
    """The digests that were asked for, as S3 states them; MD5 in hex."""

    digests: Mapping[str, str]


BufferRequest = TakeBuffer | TakeRoom | SumBuffer
BufferReply = BufferTaken | RoomTaken | BufferSummed
