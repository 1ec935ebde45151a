"""What an attempt has left whose end nobody knows: its staged files, and files that it took out of their places."""

from __future__ import annotations

import errno
import os
from base64 import b64decode
from contextlib import suppress
from stat import S_ISREG

from s3plan.schemas.files.paths import STAGING_NAME, staging_folder
from s3plan.schemas.files.requests import (
    DropStaged,
    FileFound,
    FileRead,
    FileStaged,
    FindFile,
    HeldBytes,
    LeftEnd,
    LeftReturned,
    Parts,
    ReadFile,
    ReopenStaged,
    ReturnLeft,
    StagedDropped,
    StagedName,
    StagedPart,
)
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.checksums import CRC64NVME, PassingChecksums
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.reading import open_file, read_file
from s3plan.storage.folder.writes.renaming import exchange, rename_into_nothing
from s3plan.storage.folder.writes.staged_sink import OpenStagedFile
from s3plan.storage.folder.writes.staging import EXCHANGED, is_same_file, remove_if_there
from s3plan.storage.folder.writes.trash import Trash

KEPT_NAME = b"kept"
_PIECE_BYTES = 1 << 20


def find_file(directories: OpenDirectories, request: FindFile, *, trash: Trash | None = None) -> FileFound:
    """Answer a FindFile: what is ours and unfinished is removed; raises OSError."""
    left = _clear_earlier(directories, request, trash)
    try:
        status = os.stat(request.parts[-1], dir_fd=directories.of(request.parts[:-1]), follow_symlinks=False)
    except OSError:  # nothing there, or no way to it: whoever wants to put a file there will hear of it
        return FileFound(None, left)
    stamp = Stamp.of(status)
    if status.st_size != request.size_bytes or (request.pinned is not None and request.pinned.holds_for(status)):
        return FileFound(None, left)
    wanted = ReadFile(request.parts, stamp, with_crc64nvme=False, with_md5=True)
    read = read_file(directories, wanted, follows=False, hold=HeldBytes)
    return FileFound(b64decode(read.digests.md5 or "").hex() if isinstance(read, FileRead) else None, left)


def _clear_earlier(directories: OpenDirectories, request: FindFile, trash: Trash | None) -> tuple[bytes, ...]:
    """Remove what earlier attempts have staged, and the planned file if they took it out; return the names of others.

    The planned file was to be replaced or deleted, and out of its place it was already.
    """
    try:
        folder = directories.of(staging_folder(request.staged.plan_digest))
    except FileNotFoundError:
        return ()
    left: list[bytes] = []
    for each in _earlier(request.staged, folder):
        if each != request.keeps:
            remove_if_there(each.name, folder=folder)
        out = each.name + EXCHANGED
        try:
            status = os.stat(out, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if request.pinned is not None and is_same_file(status, request.pinned):
            if trash is None:
                remove_if_there(out, folder=folder)
            else:
                trash.take(folder, out, request.staged.plan_digest, request.parts)
        else:
            left.append(out)
    return tuple(left)


def _earlier(staged: StagedName, folder: int) -> list[StagedName]:
    """Return the names that attempts at an action, this one among them, may have used.

    They are counted from 1 by the journal: whoever is the first by it, and in doubt all the same, has lost one.
    """
    if staged.generation > 1:
        return [*staged.earlier, staged]
    with os.scandir(folder) as found:
        names = {each.name.removesuffix(os.fsdecode(EXCHANGED)) for each in found}
    parsed = (StagedName.parse(staged.plan_digest, name) for name in names)
    return sorted(name for name in parsed if name is not None and name._replace(generation=1) == staged)


def reopen_staged(directories: OpenDirectories, request: ReopenStaged) -> FileStaged:
    """Answer a ReopenStaged; raises OSError."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(request.staged.name, flags, dir_fd=directories.of(staging_folder(request.staged.plan_digest)))
    file = OpenStagedFile(descriptor, request.size_bytes)
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode) or status.st_size > request.size_bytes or status.st_nlink != 1:
        raise FileNotFoundError(errno.ENOENT, "it is not the file that was staged")
    return FileStaged(file, frozenset(part.number for part in request.parts if _is_kept(descriptor, part)))


def _is_kept(descriptor: int, part: StagedPart) -> bool:
    """Return whether a part is on disk as it was fetched: a power failure may have taken some of it."""
    found, at, end = PassingChecksums(is_of_part=True), part.first_byte, part.first_byte + part.size_bytes
    while at < end:
        piece = os.pread(descriptor, min(_PIECE_BYTES, end - at), at)
        if not piece:
            return False
        found.update(piece)
        at += len(piece)
    return found.values()[CRC64NVME] == part.crc64nvme


def drop_staged(directories: OpenDirectories, request: DropStaged) -> StagedDropped:
    """Answer a DropStaged; raises OSError."""
    parts = (*staging_folder(request.staged.plan_digest), request.staged.name)
    is_same = request.compared_with is not None and _are_same(directories, parts, request.compared_with)
    remove_if_there(parts[-1], folder=directories.of(parts[:-1]))
    return StagedDropped(is_same)


def return_left(directories: OpenDirectories, request: ReturnLeft) -> LeftReturned:
    """Answer a ReturnLeft; raises OSError."""
    staging = staging_folder(request.staged.plan_digest)
    ours, left = (*staging, request.staged.name), (*staging, request.left)
    directories.look_again(request.parts[:-1])
    if _are_same(directories, ours, left):
        remove_if_there(request.left, folder=directories.of(staging))
        return LeftReturned(LeftEnd.OURS)
    destination = directories.of(request.parts[:-1], makes=True)
    with suppress(FileExistsError):
        rename_into_nothing(directories.of(staging), request.left, destination, request.parts[-1])
        return LeftReturned(LeftEnd.RETURNED)
    if _are_same(directories, ours, request.parts):
        destination = directories.of(request.parts[:-1])
        exchange(directories.of(staging), request.left, destination, request.parts[-1])
        if _are_same(directories, ours, left):
            remove_if_there(request.left, folder=directories.of(staging))
            return LeftReturned(LeftEnd.RETURNED)
    return LeftReturned(LeftEnd.KEPT, _keep(directories, request))


def _keep(directories: OpenDirectories, request: ReturnLeft) -> str:
    """Put somebody's file where no run clears anything away; return its path from the root."""
    kept = (STAGING_NAME, KEPT_NAME)
    folder = directories.of(kept, makes=True)
    name = staging_folder(request.staged.plan_digest)[-1] + b"-" + request.left.removesuffix(EXCHANGED)
    rename_into_nothing(directories.of(staging_folder(request.staged.plan_digest)), request.left, folder, name)
    return b"/".join((*kept, name)).decode()


def _are_same(directories: OpenDirectories, one: Parts, other: Parts) -> bool:
    """Return whether two files have the same bytes; what is not there, or cannot be read, is not the same."""
    opened: list[int] = []
    try:
        opened.extend(open_file(directories, parts) for parts in (one, other))
        first, second = opened
        statuses = [os.fstat(descriptor) for descriptor in opened]
        if not all(S_ISREG(each.st_mode) for each in statuses) or statuses[0].st_size != statuses[1].st_size:
            return False
        while piece := os.read(first, _PIECE_BYTES):
            if piece != os.read(second, _PIECE_BYTES):
                return False
    except OSError:
        return False
    else:
        return True
    finally:
        for descriptor in opened:
            os.close(descriptor)
