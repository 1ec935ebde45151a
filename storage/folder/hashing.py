"""Digests of a whole file, read once: those that a store states, and the ETags of objects made of it in parts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from hashlib import md5

from s3plan.schemas.bodies import Body, pieces_of
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileHashed, HashFile, HashStaged
from s3plan.storage.digests import new_digest
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.failures import changed, failure_from
from s3plan.storage.folder.reading import FileBody, difference_of, open_file
from s3plan.storage.folder.writes.staged_sink import OpenStagedFile

_HASH = "HashFile"


def hash_file(directories: OpenDirectories, request: HashFile, *, follows: bool) -> FileHashed | Failure:
    """Return the digests of a file that is still the one of its stamp, before and after it was read."""
    try:
        descriptor = open_file(directories, request.parts, follows=follows)
        return _hashed(descriptor, request)
    except OSError as error:
        return failure_from(error, operation=_HASH, parts=request.parts)


def _hashed(descriptor: int, request: HashFile) -> FileHashed | Failure:
    size_bytes = request.stamp.size_bytes
    body = FileBody(descriptor, size_bytes)  # closes it
    differs = difference_of(request.stamp, descriptor)
    if differs is not None:
        return changed(differs, operation=_HASH, parts=request.parts)
    hashed, read_bytes = hash_body(body, request.algorithms, request.part_sizes_bytes)
    differs = difference_of(request.stamp, descriptor)
    if differs is not None or read_bytes != size_bytes:
        return changed(differs or "it became shorter while it was read", operation=_HASH, parts=request.parts)
    return hashed


def hash_staged(request: HashStaged) -> FileHashed | Failure:
    """Answer a HashStaged; raises OSError."""
    hashed, read_bytes = hash_body(_Staged(request), request.algorithms, request.part_sizes_bytes)
    if read_bytes != request.size_bytes:
        raise OSError(errno.EIO, "the staged file is shorter than what was written")
    return hashed


def hash_body(body: Body, algorithms: Iterable[str], part_sizes_bytes: Iterable[int] = ()) -> tuple[FileHashed, int]:
    """Return the digests of a body's bytes, and how many there were. Raises OSError where they cannot be read."""
    return hash_pieces(pieces_of(body), algorithms, part_sizes_bytes)


def hash_pieces(
    pieces: Iterable[memoryview], algorithms: Iterable[str], part_sizes_bytes: Iterable[int] = ()
) -> tuple[FileHashed, int]:
    """Return the digests of bytes that come in order, and how many there were."""
    digests = {name: new_digest(name) for name in sorted(algorithms)}
    etags = {part_bytes: _PartsEtag(part_bytes) for part_bytes in part_sizes_bytes}
    read_bytes = 0
    for piece in pieces:
        read_bytes += len(piece)
        for taker in (*digests.values(), *etags.values()):
            taker.update(piece)
    hashed = FileHashed(
        {name: digest.text() for name, digest in digests.items()},
        {part_bytes: etag.text() for part_bytes, etag in etags.items()},
    )
    return hashed, read_bytes


class _Staged:
    """The Body of a staged file."""

    def __init__(self, request: HashStaged) -> None:
        assert isinstance(request.file, OpenStagedFile)  # noqa: S101  there are no others
        self._file = request.file
        self.size_bytes = request.size_bytes

    def read_into(self, view: memoryview, *, offset: int) -> int:
        return os.preadv(self._file.descriptor, [view], offset)


class _PartsEtag:
    """The ETag of an object that was uploaded in parts of one size: see evidence.multipart_etag_of."""

    def __init__(self, part_bytes: int) -> None:
        self._part_bytes = part_bytes
        self._part = md5(usedforsecurity=False)
        self._in_part_bytes = 0
        self._sums = md5(usedforsecurity=False)
        self._count = 0

    def update(self, piece: memoryview) -> None:
        while piece:
            taken = piece[: self._part_bytes - self._in_part_bytes]
            self._part.update(taken)
            self._in_part_bytes += len(taken)
            piece = piece[len(taken) :]
            if self._in_part_bytes == self._part_bytes:
                self._end_part()

    def _end_part(self) -> None:
        self._sums.update(self._part.digest())
        self._count += 1
        self._part, self._in_part_bytes = md5(usedforsecurity=False), 0

    def text(self) -> str:
        if self._in_part_bytes or not self._count:
            self._end_part()
        return f"{self._sums.hexdigest()}-{self._count}"
