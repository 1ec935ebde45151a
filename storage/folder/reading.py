"""Reads a file that is still the planned one, and says what its bytes are."""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import md5, sha256
from stat import S_ISREG

from s3plan.schemas.bodies import Digests
from s3plan.schemas.failures import Failure
from s3plan.schemas.file_requests import FileRead, Parts, ReadFile
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import changed, failure_from

READ = "ReadFile"
# A FIFO that was put in the place of a file would hold up whoever opens it.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TOUCHED = "the file was touched after the plan"
_REPLACED = "the file was changed or replaced after the plan"


def read_file(directories: OpenDirectories, request: ReadFile, *, follows: bool = False) -> FileRead | Failure:
    """Return the bytes of a file, or how it failed; a file that changes while it is read has changed."""
    try:
        descriptor = open_file(directories, request.parts, follows=follows)
    except OSError as error:
        return failure_from(error, operation=READ, parts=request.parts)
    try:
        return _read(descriptor, request)
    except OSError as error:
        return failure_from(error, operation=READ, parts=request.parts)
    finally:
        os.close(descriptor)


def open_file(directories: OpenDirectories, parts: Parts, *, follows: bool = False) -> int:
    """Open a file to be read; raises OSError."""
    flags = _FLAGS | (0 if follows else os.O_NOFOLLOW)
    try:
        return os.open(parts[-1], flags, dir_fd=directories.of(parts[:-1]))
    except FileNotFoundError:
        directories.forget(parts[:-1])  # it may have been put in the place of another one
        return os.open(parts[-1], flags, dir_fd=directories.of(parts[:-1]))


def difference(request: ReadFile, descriptor: int) -> str | None:
    """Return how an open file is not the one of the stamp, None if it is."""
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        return "it is no file any more"
    stamp = request.stamp
    if stamp.holds_for(status):
        return None
    is_same = (status.st_size, status.st_mtime_ns) == (stamp.size_bytes, stamp.mtime_ns)
    return _TOUCHED if is_same and status.st_ino == stamp.inode else _REPLACED


def _read(descriptor: int, request: ReadFile) -> FileRead | Failure:
    differs = difference(request, descriptor)
    if differs is not None:
        return changed(differs, operation=READ, parts=request.parts)
    content = _whole(descriptor, request.stamp.size_bytes)
    differs = difference(request, descriptor)
    if differs is not None or len(content) != request.stamp.size_bytes:
        return changed(differs or "it became shorter while it was read", operation=READ, parts=request.parts)
    return FileRead(content, request.stamp.mtime_ns, _digests(content, request))


def _whole(descriptor: int, size_bytes: int) -> bytes:
    """Read that many bytes, fewer if the file ends before."""
    content = os.read(descriptor, size_bytes) if size_bytes else b""
    while len(content) < size_bytes and (more := os.read(descriptor, size_bytes - len(content))):
        content += more
    return content


def _digests(content: bytes, request: ReadFile) -> Digests:
    return Digests(
        crc64nvme=crc64nvme_header(content) if request.with_crc64nvme else None,
        md5=b64encode(md5(content, usedforsecurity=False).digest()).decode() if request.with_md5 else None,
        sha256=sha256(content).hexdigest() if request.with_sha256 else None,
    )


def crc64nvme_header(content: bytes) -> str:
    """Return the value of x-amz-checksum-crc64nvme."""
    from awscrt.checksums import crc64nvme

    return b64encode(int(crc64nvme(content)).to_bytes(8, "big")).decode()
