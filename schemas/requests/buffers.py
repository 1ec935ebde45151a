"""What is asked of a process's own memory: room for bytes on their way, and sums of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TakeBuffer:
    """Room for so many bytes; answered once there is some."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class SumBuffer:
    """Digests of bytes in memory: MD5, and those that S3 states (CRC64NVME, CRC32, CRC32C, SHA256, SHA1)."""

    content: memoryview
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class BufferTaken:
    """The room, which is given back once nobody views it."""

    content: memoryview


@dataclass(frozen=True, slots=True)
class BufferSummed:
    """The digests that were asked for, as S3 states them; MD5 in hex."""

    digests: dict[str, str]


BufferRequest = TakeBuffer | SumBuffer
BufferReply = BufferTaken | BufferSummed
