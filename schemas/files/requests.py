"""What is asked of a folder, and what answers it. Paths are the components of a key, as parts_of gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from s3plan.schemas.bodies import UNKNOWN_DIGESTS, Body, BodyInMemory, Digests, Sink
from s3plan.schemas.files.stamps import Stamp

Parts = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Bytes of a file, all or `part_bytes` of them from `offset` on, and their digests; a few are held in memory.

    Fails with SOURCE_CHANGED if it is not the file of the stamp, before and after it was read.
    """

    parts: Parts
    stamp: Stamp
    with_crc64nvme: bool = True
    with_md5: bool = False
    with_sha256: bool = False
    checksum: str | None = None  # a further algorithm, of those of HashFile
    offset: int = 0
    part_bytes: int | None = None  # None: all from there on

    @property
    def size_bytes(self) -> int:
        """How many bytes are read."""
        return self.stamp.size_bytes - self.offset if self.part_bytes is None else self.part_bytes


@dataclass(frozen=True, slots=True)
class HashFile:
    """Digests of a whole file, which is read in pieces; fails as ReadFile does.

    `algorithms` are MD5 and those that S3 states: CRC64NVME, CRC32, CRC32C, SHA256, SHA1. `part_sizes_bytes`: also the
    ETags of objects that are made of it in parts of these sizes. `is_to_last`: it is on disk before it is told, whoever
    has written it.
    """

    parts: Parts
    stamp: Stamp
    algorithms: frozenset[str]
    part_sizes_bytes: tuple[int, ...] = ()
    is_to_last: bool = False


_STAGED_NAME = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})-([0-9]{1,18})").fullmatch


class StagedName(NamedTuple):
    """A file that an action writes, or takes out of its place, by the attempt that does so."""

    plan_digest: str
    batch: int
    generation: int  # from 1
    position: int

    @property
    def name(self) -> bytes:
        """What it is called in the plan's staging folder."""
        return b"%d.%d-%d" % self[1:]

    @classmethod
    def parse(cls, plan_digest: str, text: str) -> StagedName | None:
        """Return the file of that name, None if there can be none."""
        found = _STAGED_NAME(text)
        return None if found is None else cls(plan_digest, *map(int, found.groups()))

    @property
    def earlier(self) -> list[StagedName]:
        """Those of the attempts before it."""
        return [self._replace(generation=generation) for generation in range(1, self.generation)]


@dataclass(frozen=True, slots=True)
class StageFile:
    """A new file of that size in the staging folder."""

    staged: StagedName
    size_bytes: int


class StagedPart(NamedTuple):
    """A range of a staged file that an earlier attempt has filled, and its CRC64NVME in base64."""

    number: int
    first_byte: int
    size_bytes: int
    crc64nvme: str


@dataclass(frozen=True, slots=True)
class ReopenStaged:
    """The file of an earlier attempt, with those of these parts that are on disk still, read back for that.

    Fails with NOT_FOUND where it is gone, or is not what was made.
    """

    staged: StagedName
    size_bytes: int
    parts: tuple[StagedPart, ...]


@dataclass(frozen=True, slots=True)
class HashStaged:
    """Digests of all that the sinks of a staged file have taken: see HashFile."""

    file: StagedFile
    size_bytes: int
    algorithms: frozenset[str]
    part_sizes_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishFile:
    """Bring a file, whole and on disk, into the place at `parts`, which is empty or holds the pinned one.

    Its bytes are `content`, or what the sinks of a StageFile have taken.
    """

    staged: StagedName
    parts: Parts
    pinned: Stamp | None
    mtime_ns: int
    content: memoryview | StagedFile


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Delete the pinned file, and directories that are empty then."""

    staged: StagedName
    parts: Parts
    pinned: Stamp


@dataclass(frozen=True, slots=True)
class FindFile:
    """What an earlier attempt, whose end is not known, has left in the place and in the staging folder.

    A file in the place is read, for its MD5, if it has that size and is not the pinned one. `keeps`: a staged file that
    is taken up.
    """

    staged: StagedName
    parts: Parts
    pinned: Stamp | None
    size_bytes: int
    keeps: StagedName | None = None


@dataclass(frozen=True, slots=True)
class DropStaged:
    """Remove a staged file; with `compared_with` say whether the file there has the same bytes."""

    staged: StagedName
    compared_with: Parts | None = None


@dataclass(frozen=True, slots=True)
class ReturnLeft:
    """Decide about what an earlier attempt took out of the place at `parts` and did not come to judge.

    `staged` has the bytes that are ours: what has the same is removed. Anything else is somebody's: it goes back if
    ours stand in its place, and is kept where a person finds it otherwise.
    """

    left: bytes
    staged: StagedName
    parts: Parts


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


@dataclass(frozen=True, slots=True)
class FileHashed:
    """The digests that were asked for: as S3 states them, MD5 in hex; and ETags by the sizes of parts."""

    digests: Mapping[str, str]
    etags: Mapping[int, str]


class StagedSink(Sink, Protocol):
    """A Sink that fills a staged file."""

    @property
    def checksums(self) -> Mapping[str, str]:
        """Those of what it has taken, by S3's names, in base64."""


class StagedFile(Protocol):
    """A staged file that is open. Lives in one worker."""

    def sink(self, first_byte: int, size_bytes: int, *, is_of_part: bool = False) -> StagedSink:
        """Return a sink that fills so many bytes from there on; others may be filled meanwhile.

        With `is_of_part` it has the CRC64NVME alone.
        """


@dataclass(frozen=True, slots=True)
class FileStaged:
    """A file to be filled; `kept` are the numbers of the parts that need not be fetched again."""

    file: StagedFile
    kept: frozenset[int] = frozenset()


class Published(Enum):
    """How a file came into its place or out of it, or why it did not; clauses for a person."""

    DONE = "done"
    TAKEN = "a file is there that was not when the plan was made"
    CHANGED = "the file was changed after the plan"
    GONE = "the file is gone"
    NO_FILE = "no file stands there any more"


@dataclass(frozen=True, slots=True)
class FilePublished:
    """How it went; `kept` is where a person finds a file that could not go back to its place.

    `stamp` is that of the file which is in its place now, where nobody has changed it since.
    """

    how: Published
    kept: str | None = None
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class FileFound:
    """What stands in the place, where it is not the pinned file and has the planned size: its MD5, in hex.

    `left` are names of the staging folder whose files may be somebody's.
    """

    md5: str | None = None
    left: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class StagedDropped:
    was_same: bool = False


class LeftEnd(Enum):
    """What became of a file that an earlier attempt had left under its hands."""

    OURS = "it was ours"
    RETURNED = "changed while it was replaced; the change is back in its place"
    KEPT = "changed while it was replaced"


@dataclass(frozen=True, slots=True)
class LeftReturned:
    """What became of it; `kept` is where a person finds it, if it could not go back."""

    end: LeftEnd
    kept: str | None = None


FileRequest = (
    ReadFile
    | HashFile
    | StageFile
    | ReopenStaged
    | HashStaged
    | PublishFile
    | RemoveFile
    | FindFile
    | DropStaged
    | ReturnLeft
)
FileReply = FileRead | FileHashed | FileStaged | FilePublished | FileFound | StagedDropped | LeftReturned
