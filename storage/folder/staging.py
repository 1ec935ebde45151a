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
from enum import Enum
from stat import S_IMODE, S_ISREG

from s3plan.schemas.files.paths import STAGING_NAME
from s3plan.schemas.files.requests import Parts
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.renaming import ExchangeMissing, exchange, rename_into_nothing

Identity = tuple[int, int]  # device and inode: of two files at one time never the same
EXCHANGED = b".x"
"""The ending of a staged name whose file may be somebody's."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_CHANGES = 100  # of a file under our hands; then its last version but one stays in the staging folder
_PERMISSIONS = 0o777  # without setuid, setgid and the sticky bit


class Published(Enum):
    """How a file came into its place, or why it did not; clauses for a person."""

    DONE = "done"
    TAKEN = "a file is there that was not when the plan was made"
    CHANGED = "the file was changed after the plan"
    GONE = "the file is gone"
    NO_FILE = "no file stands there any more"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is written; `name` is that of the staging folder."""

    name: bytes
    size_bytes: int
    mtime_ns: int


class Staging:
    """The staging folder of one plan below one root. Used by one thread at a time for each name.

    `umask` is that of the process: new files get the usual permissions.
    """

    def __init__(self, directories: OpenDirectories, plan_digest: str, *, umask: int) -> None:
        """Make the folder, readable by its owner only; raises OSError."""
        self._directories = directories
        self._parts: Parts = (STAGING_NAME, plan_digest[:32].encode())
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

    def write(self, name: bytes, content: bytes | memoryview, *, mtime_ns: int) -> StagedFile:
        """Write a whole file; raises OSError, and leaves nothing then."""
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=self.folder)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        except BaseException:
            os.close(descriptor)
            self.remove(name)
            raise
        os.close(descriptor)
        return StagedFile(name, len(content), mtime_ns)

    def publish_new(self, staged: StagedFile, parts: Parts) -> Published:
        """Put a staged file to where nothing is; it stays where it is if something is. Raises OSError."""
        os.chmod(staged.name, self._mode, dir_fd=self.folder)
        destination = self._directory_of(parts)
        try:
            rename_into_nothing(self.folder, staged.name, destination, parts[-1])
        except FileExistsError:
            return Published.TAKEN
        return Published.DONE

    def publish_over(self, staged: StagedFile, parts: Parts, pinned: Stamp) -> tuple[Published, bytes | None]:
        """Put a staged file into the place of the planned one; return the name under which that one is kept now.

        It is one of the staging folder, to be removed or put into a trash. Where another file stands, that one stays,
        and the staged one may be gone. Raises OSError; then nothing has changed, or the old file lies under a name that
        ends in EXCHANGED.
        """
        destination = self._directory_of(parts)
        try:
            status = os.stat(parts[-1], dir_fd=destination, follow_symlinks=False)
        except FileNotFoundError:
            return Published.GONE, None
        if not S_ISREG(status.st_mode):
            return Published.NO_FILE, None
        if not pinned.holds_for(status):
            return Published.CHANGED, None
        self._take_over(staged.name, status)
        kept = staged.name + EXCHANGED
        os.rename(staged.name, kept, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        with ExitStack() as held:
            ours = self._hold(kept, held)
            try:
                exchange(self.folder, kept, destination, parts[-1])
            except FileNotFoundError:
                os.rename(kept, staged.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
                return Published.GONE, None
            except ExchangeMissing:
                os.rename(kept, parts[-1], src_dir_fd=self.folder, dst_dir_fd=destination)
                return Published.DONE, None
            out = os.stat(kept, dir_fd=self.folder, follow_symlinks=False)
            if _is_same_file(out, pinned):
                return Published.DONE, kept
            self._change_back(kept, destination, parts[-1], ours, held)
            return Published.CHANGED, None

    def take_away(self, name: bytes, parts: Parts, pinned: Stamp) -> tuple[Published, bytes | None]:
        """Take the planned file out of its place, into the staging folder, under `name` with EXCHANGED at its end.

        Returns that name. Another file than the planned one is put back; if its place is taken by then, it stays under
        that name, which is returned with CHANGED. Raises OSError.
        """
        kept = name + EXCHANGED
        try:
            directory = self._directories.of(parts[:-1])
            status = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return Published.GONE, None
        if not S_ISREG(status.st_mode):
            return Published.NO_FILE, None
        if not pinned.holds_for(status):
            return Published.CHANGED, None
        try:
            rename_into_nothing(directory, parts[-1], self.folder, kept)
        except FileNotFoundError:
            return Published.GONE, None
        out = os.stat(kept, dir_fd=self.folder, follow_symlinks=False)
        if _is_same_file(out, pinned):
            return Published.DONE, kept
        directory = self._directories.of(parts[:-1])
        try:
            rename_into_nothing(self.folder, kept, directory, parts[-1])
        except FileExistsError:
            return Published.CHANGED, kept
        return Published.CHANGED, None

    def remove(self, name: bytes) -> None:
        """Remove a file of the staging folder, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.folder)

    def _directory_of(self, parts: Parts) -> int:
        """Return the directory of a file, made if it is missing; raises OSError where that is on another device."""
        directory = self._directories.of(parts[:-1], makes=True)
        if os.fstat(directory).st_dev != self._device:
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


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _is_same_file(status: os.stat_result, pinned: Stamp) -> bool:
    """Whether a file that was just renamed is the pinned one: a rename changes the ctime, and nothing else."""
    found = (status.st_size, status.st_mtime_ns)
    if not S_ISREG(status.st_mode) or found != (pinned.size_bytes, pinned.mtime_ns):
        return False
    return pinned.inode is None or pinned.inode == status.st_ino
