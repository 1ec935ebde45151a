"""Reads a file that is still the planned one, and says what its bytes are."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from hashlib import md5, sha256
from stat import S_ISREG

from s3plan.schemas.bodies import Body, Digests, pieces_of
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileRead, HeldBytes, Parts, ReadFile
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.digests import new_digest
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import changed, failure_from

READ = "ReadFile"
HELD_BYTES = 8 << 20
"""Files up to this size are read into memory; of larger ones only what is being sent is."""
# A FIFO that was put in the place of a file would hold up whoever opens it.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TOUCHED = "the file was touched after the plan"
_REPLACED = "the file was changed or replaced after the plan"


class FileBody:
    """The Body of a part of a file that is open; it is closed when nobody has this object any more."""

    def __init__(self, descriptor: int, size_bytes: int, *, offset: int = 0) -> None:
        self._descriptor = descriptor
        self._size_bytes = size_bytes
        self._offset = offset

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)

    @property
    def size_bytes(self) -> int:
        """How many bytes there were when it was opened."""
        return self._size_bytes

    def read_into(self, view: memoryview, *, offset: int) -> int:
        """Read at that place."""
        return os.preadv(self._descriptor, [view[: self._size_bytes - offset]], self._offset + offset)


def read_file(
    directories: OpenDirectories, request: ReadFile, *, follows: bool, hold: Callable[[bytes], HeldBytes]
) -> FileRead | Failure:
    """Return the bytes of a file, or how it failed; a file that changes while it is read has changed.

    `hold` keeps those of a file that is read into memory.
    """
    try:
        descriptor = open_file(directories, request.parts, follows=follows)
    except OSError as error:
        return failure_from(error, operation=READ, parts=request.parts)
    body = FileBody(descriptor, request.size_bytes, offset=request.offset)
    try:
        return _read(descriptor, request, body, hold)
    except OSError as error:
        return failure_from(error, operation=READ, parts=request.parts)


def open_file(directories: OpenDirectories, parts: Parts, *, follows: bool = False) -> int:
    """Open a file to be read; raises OSError."""
    flags = _FLAGS | (0 if follows else os.O_NOFOLLOW)
    try:
        return os.open(parts[-1], flags, dir_fd=directories.of(parts[:-1]))
    except FileNotFoundError:
        if len(parts) == 1:
            raise
        directories.forget(parts[:1])  # any on the way may have been put in the place of another one
        return os.open(parts[-1], flags, dir_fd=directories.of(parts[:-1]))


def is_held(request: ReadFile) -> bool:
    """Return whether the bytes are read into memory."""
    return request.size_bytes <= HELD_BYTES


def difference_of(stamp: Stamp, descriptor: int) -> str | None:
    """Return how an open file is not the one of the stamp, as a clause; None if it is."""
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        return "it is no file any more"
    if stamp.holds_for(status):
        return None
    is_same = (status.st_size, status.st_mtime_ns) == (stamp.size_bytes, stamp.mtime_ns)
    return _TOUCHED if is_same and status.st_ino == stamp.inode else _REPLACED


def _read(descriptor: int, request: ReadFile, body: FileBody, hold: Callable[[bytes], HeldBytes]) -> FileRead | Failure:
    differs = difference_of(request.stamp, descriptor)
    if differs is not None:
        return changed(differs, operation=READ, parts=request.parts)
    hashing = _Hashing(request)
    result: Body
    if is_held(request):
        content = _whole(descriptor, request)
        read_bytes = len(content)
        hashing.update(content)
        result = hold(content)
    else:
        read_bytes = 0
        for piece in pieces_of(body):
            hashing.update(piece)
            read_bytes += len(piece)
        result = body
    differs = difference_of(request.stamp, descriptor)
    if differs is not None or read_bytes != request.size_bytes:
        return changed(differs or "it became shorter while it was read", operation=READ, parts=request.parts)
    return FileRead(result, request.stamp.mtime_ns, hashing.digests())


def _whole(descriptor: int, request: ReadFile) -> bytes:
    """Read the bytes that are asked for, fewer if the file ends before."""
    size_bytes = request.size_bytes
    if request.offset:
        os.lseek(descriptor, request.offset, os.SEEK_SET)
    content = os.read(descriptor, size_bytes) if size_bytes else b""
    while len(content) < size_bytes and (more := os.read(descriptor, size_bytes - len(content))):
        content += more
    return content


class _Hashing:
    """The digests that are wanted of bytes which come piece by piece."""

    def __init__(self, wanted: ReadFile) -> None:
        self._md5 = md5(usedforsecurity=False) if wanted.with_md5 else None
        self._sha256 = sha256() if wanted.with_sha256 else None
        self._wants_crc = wanted.with_crc64nvme
        self._crc = 0
        self._further = None if wanted.checksum is None else (wanted.checksum, new_digest(wanted.checksum))

    def update(self, part: bytes | memoryview) -> None:
        if self._md5 is not None:
            self._md5.update(part)
        if self._sha256 is not None:
            self._sha256.update(part)
        if self._wants_crc:
            from awscrt.checksums import crc64nvme

            self._crc = int(crc64nvme(part, self._crc))
        if self._further is not None:
            self._further[1].update(memoryview(part))

    def digests(self) -> Digests:
        return Digests(
            crc64nvme=b64encode(self._crc.to_bytes(8, "big")).decode() if self._wants_crc else None,
            md5=None if self._md5 is None else b64encode(self._md5.digest()).decode(),
            sha256=None if self._sha256 is None else self._sha256.hexdigest(),
            checksum=None if self._further is None else (self._further[0], self._further[1].text()),
        )
