"""Where files are written before they come into their place, and how they come there and go: pinned, whole, or not.

What a run writes lies in `.s3plan-tmp/<32 digits of the plan>/` below the location's root, one file an action, until it
is complete and on disk. A file that stands in the way was pinned by the plan: it changes places with the new one, and
is looked at then. Was it not the planned one, the two change back. Before that the staged name gets the ending `.x`:
what lies under such a name, and is not our own, is somebody's file that is to go back.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from stat import S_IMODE, S_ISREG

from s3plan.schemas.files.paths import staging_folder
from s3plan.schemas.files.requests import Parts, Published
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.writes.renaming import ExchangeMissing, exchange, rename_into_nothing
from s3plan.storage.folder.writes.reserving import reserve
from s3plan.storage.folder.writes.trash import Trash

Identity = tuple[int, int]  # device and inode: of two files at one time never the same
EXCHANGED = b".x"
"""The ending of a staged name whose file may be somebody's."""
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC
_RESERVED_FROM_BYTES = 1 << 20
_MOST_CHANGES = 100  # of a file under our hands; then its last version but one stays in the staging folder
_PERMISSIONS = 0o777  # without setuid, setgid and the sticky bit


@dataclass(frozen=True, slots=True)
class Move:
    """How a file came into its place, or out of it.

    `kept` is the name, in the staging folder, of what was taken out: to be removed once that is on disk, or with
    CHANGED somebody's file that could not go back. `made` is the file that we put there, if that can be taken back:
    where files cannot be exchanged, what it replaced is gone.
    """

    how: Published
    kept: bytes | None = None
    made: Identity | None = None


class Staging:
    """The staging folder of one plan below one root. Used by one thread at a time for each name.

    `umask` is that of the process: new files get the usual permissions. What is taken out of its place goes to the
    trash if there is one.
    """

    def __init__(
        self, directories: OpenDirectories, plan_digest: str, *, umask: int, trash: Trash | None = None
    ) -> None:
        """Make the folder, readable by its owner only; raises OSError."""
        self._plan_digest = plan_digest
        self._trash = trash
        self._directories = directories
        self._parts: Parts = staging_folder(plan_digest)
        self._mode = 0o666 & ~umask
        root = directories.of(())
        for depth in (1, 2):
            with suppress(FileExistsError):
                os.mkdir(self._parts[depth - 1], 0o700, dir_fd=directories.of(self._parts[: depth - 1]))
        self._device = os.fstat(root).st_dev

    @property
    def folder(self) -> int:
        """Its descriptor, good until others are asked for; those that were asked for just before stay good."""
        return self._directories.of(self._parts)

    def create(self, name: bytes, *, size_bytes: int) -> int:
        """Return the descriptor of a new file, with room for so many bytes where that can be had; raises OSError."""
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=self.folder)
        try:
            if size_bytes >= _RESERVED_FROM_BYTES:
                reserve(descriptor, size_bytes)
        except BaseException:
            os.close(descriptor)
            self.remove(name)
            raise
        return descriptor

    def write(self, name: bytes, content: memoryview, *, mtime_ns: int) -> None:
        """Write a whole file; raises OSError, and leaves nothing then."""
        descriptor = self.create(name, size_bytes=0)
        try:
            write_all(descriptor, content)
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        except BaseException:
            os.close(descriptor)
            self.remove(name)
            raise
        os.close(descriptor)

    def seal(self, name: bytes, descriptor: int, *, size_bytes: int, mtime_ns: int) -> None:
        """Give a file that was filled its time; raises OSError if it is not the one that lies under the name."""
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        ours, there = os.fstat(descriptor), os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        if _identity(ours) != _identity(there) or ours.st_size != size_bytes:
            raise OSError(errno.ESTALE, "the file in the staging folder was replaced")

    def look_again(self, parts: Parts) -> None:
        """See that a file's directory and the staging folder are where they are held; raises OSError."""
        self._directories.look_again(parts[:-1], self._parts)
        try:
            self._directories.of(self._parts)
        except FileNotFoundError as error:
            raise _staging_gone() from error

    def publish_new(self, name: bytes, parts: Parts) -> Move:
        """Put a staged file to where nothing is; it stays where it is if something is. Raises OSError."""
        os.chmod(name, self._mode, dir_fd=self.folder)
        made = _identity(os.stat(name, dir_fd=self.folder, follow_symlinks=False))
        try:
            self._rename_into_nothing(name, parts)
        except FileExistsError:
            return Move(Published.TAKEN)
        return Move(Published.DONE, made=made)

    def _rename_into_nothing(self, name: bytes, parts: Parts) -> None:
        destination = self._directory_of(parts)
        try:
            rename_into_nothing(self.folder, name, destination, parts[-1])
        except FileNotFoundError:
            if len(parts) == 1:
                raise
            self._directories.forget(parts[:1])  # somebody may have removed a directory that we hold
            destination = self._directory_of(parts)
            rename_into_nothing(self.folder, name, destination, parts[-1])

    def publish_over(self, name: bytes, parts: Parts, pinned: Stamp) -> Move:
        """Put a staged file into the place of the planned one, which is kept.

        Where another file stands, that one stays, and the staged one may be gone. Raises OSError; then nothing has
        changed, or the old file lies under a name that ends in EXCHANGED.
        """
        destination = self._directory_of(parts)
        try:
            status = os.stat(parts[-1], dir_fd=destination, follow_symlinks=False)
        except FileNotFoundError:
            return Move(Published.GONE)
        if not S_ISREG(status.st_mode):
            return Move(Published.NO_FILE)
        if not pinned.holds_for(status):
            return Move(Published.CHANGED)
        self._take_over(name, status)
        kept = name + EXCHANGED
        os.rename(name, kept, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        with ExitStack() as held:
            ours = self._hold(kept, held)
            try:
                exchange(self.folder, kept, destination, parts[-1])
            except ExchangeMissing:
                if self._trash is not None:
                    os.rename(kept, name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
                    raise _no_trash() from None
                os.rename(kept, parts[-1], src_dir_fd=self.folder, dst_dir_fd=destination)
                return Move(Published.DONE)
            except OSError as error:
                os.rename(kept, name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
                if isinstance(error, FileNotFoundError):
                    return Move(Published.GONE)
                raise
            out = os.stat(kept, dir_fd=self.folder, follow_symlinks=False)
            if is_same_file(out, pinned):
                return Move(Published.DONE, kept, ours)
            self._change_back(kept, destination, parts[-1], ours, held)
            return Move(Published.CHANGED)

    def take_away(self, name: bytes, parts: Parts, pinned: Stamp) -> Move:
        """Take the planned file out of its place, into the staging folder, under `name` with EXCHANGED at its end.

        Another file than the planned one is put back; if its place is taken by then, it is kept. Raises OSError.
        """
        kept = name + EXCHANGED
        try:
            directory = self._directories.of(parts[:-1])
            status = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return Move(Published.GONE)
        if not S_ISREG(status.st_mode):
            return Move(Published.NO_FILE)
        if not pinned.holds_for(status):
            return Move(Published.CHANGED)
        try:
            rename_into_nothing(directory, parts[-1], self.folder, kept)
        except FileNotFoundError:
            if _is_there(parts[-1], directory):
                raise _staging_gone() from None
            return Move(Published.GONE)
        out = os.stat(kept, dir_fd=self.folder, follow_symlinks=False)
        return Move(Published.DONE, kept) if is_same_file(out, pinned) else self._put_back(kept, parts)

    def judge_again(self, kept: bytes, parts: Parts, pinned: Stamp) -> Move:
        """Look once more at a file that was taken out of its place: who has it open may have written to it since."""
        out = os.stat(kept, dir_fd=self.folder, follow_symlinks=False)
        return Move(Published.DONE, kept) if is_same_file(out, pinned) else self._put_back(kept, parts)

    def _put_back(self, kept: bytes, parts: Parts) -> Move:
        directory = self._directories.of(parts[:-1])
        try:
            rename_into_nothing(self.folder, kept, directory, parts[-1])
        except FileExistsError:
            return Move(Published.CHANGED, kept)
        return Move(Published.CHANGED)

    def undo(self, name: bytes, parts: Parts, move: Move) -> None:
        """Take back a move that went well, unless somebody has replaced what was put there; raises OSError."""
        destination = self._directory_of(parts)
        if move.made is None:
            if move.kept is not None:
                rename_into_nothing(self.folder, move.kept, destination, parts[-1])
            return
        if move.kept is not None:
            with ExitStack() as held:
                self._change_back(move.kept, destination, parts[-1], move.made, held)
            return
        out = name + EXCHANGED
        rename_into_nothing(destination, parts[-1], self.folder, out)
        if _identity(os.stat(out, dir_fd=self.folder, follow_symlinks=False)) == move.made:
            self.remove(out)
        else:
            rename_into_nothing(self.folder, out, destination, parts[-1])

    def put_away(self, kept: bytes, parts: Parts) -> None:
        """Remove what was taken out of its place, or move it to the trash; raises OSError."""
        if self._trash is None:
            self.remove(kept)
        else:
            self._trash.take(self.folder, kept, self._plan_digest, parts)

    def stamp_of(self, parts: Parts, made: Identity, *, mtime_ns: int) -> Stamp | None:
        """Return the stamp of a file that was put into its place; None if it is not as it was made any more."""
        try:
            status = os.stat(parts[-1], dir_fd=self._directories.of(parts[:-1]), follow_symlinks=False)
        except OSError:
            return None
        is_ours = _identity(status) == made and status.st_mtime_ns == mtime_ns
        return Stamp.of(status) if is_ours else None

    def remove_empty_directories(self, parts: Parts) -> None:
        """Remove the directories above a file that have nothing in them any more, but never the root."""
        for depth in range(len(parts) - 1, 0, -1):
            above = self._directories.of(parts[: depth - 1])
            try:
                os.rmdir(parts[depth - 1], dir_fd=above)
            except OSError:
                return
            self._directories.forget(parts[:depth])

    def shown(self, name: bytes) -> str:
        """Return the path of a staged file, from the root, for a person."""
        return b"/".join((*self._parts, name)).decode()

    def remove(self, name: bytes) -> None:
        """Remove a file of the staging folder, if it is there."""
        with suppress(FileNotFoundError):  # the folder itself may be gone
            remove_if_there(name, folder=self.folder)

    def _directory_of(self, parts: Parts) -> int:
        """Return the directory of a file, made if it is missing; raises OSError where that is on another device."""
        directory = self._directories.of(parts[:-1], makes=True)
        if self._directories.device_of(parts[:-1]) != self._device:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return directory

    def _take_over(self, name: bytes, status: os.stat_result) -> None:
        """Give a staged file the permissions of the one that it replaces, and its owner where that is permitted."""
        with suppress(PermissionError):
            os.chown(name, status.st_uid, status.st_gid, dir_fd=self.folder, follow_symlinks=False)
        os.chmod(name, S_IMODE(status.st_mode) & _PERMISSIONS, dir_fd=self.folder)

    def _hold(self, name: bytes, held: ExitStack) -> Identity:
        """Return which file a staged name is; until `held` ends no other file can get the same number."""
        descriptor = os.open(name, _LOOK, dir_fd=self.folder)
        held.callback(os.close, descriptor)
        return _identity(os.fstat(descriptor))

    def _change_back(self, kept: bytes, directory: int, name: bytes, ours: Identity, held: ExitStack) -> None:
        """Put what lies under `kept` back to where our own file was put; `ours` identifies that, and is held.

        If somebody has replaced ours meanwhile, what they put there is newer, and goes back in its turn: until what
        comes out is what went in last. Then it is ours, or a version that somebody has replaced by a newer one.
        """
        went_in = ours
        for _ in range(_MOST_CHANGES):
            next_in = self._hold(kept, held)
            try:
                exchange(self.folder, kept, directory, name)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    rename_into_nothing(self.folder, kept, directory, name)
                    return
                continue
            if _identity(os.stat(kept, dir_fd=self.folder, follow_symlinks=False)) == went_in:
                self.remove(kept)
                return
            went_in = next_in


def remove_if_there(name: bytes, *, folder: int) -> None:
    """Remove a file of an open directory, if it is there; raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _is_there(name: bytes, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _staging_gone() -> OSError:
    return OSError(errno.ESTALE, "the staging folder was removed")


def _no_trash() -> OSError:
    return OSError(errno.ENOTSUP, "files cannot change places here, and without that none can go to the trash")


def write_all(descriptor: int, content: memoryview) -> None:
    """Write all of it where the descriptor stands; raises OSError."""
    while content:
        content = content[os.write(descriptor, content) :]


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def is_same_file(status: os.stat_result, pinned: Stamp) -> bool:
    """Whether a file that was just renamed is the pinned one: a rename changes the ctime, and nothing else."""
    found = (status.st_size, status.st_mtime_ns)
    if not S_ISREG(status.st_mode) or found != (pinned.size_bytes, pinned.mtime_ns):
        return False
    return pinned.inode is None or pinned.inode == status.st_ino
