"""A folder of this machine as a location."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from s3plan.schemas.errors import PlanRefused, StoreRefused
from s3plan.schemas.files.paths import KeyRefusal, parts_of, staging_folder
from s3plan.schemas.files.urls import FolderUrl
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.ports import Lister
from s3plan.schemas.printable import shown_path
from s3plan.storage.folder.dirs import OpenDirectories
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.folder.listing import FolderLister, file_row
from s3plan.storage.folder.standing import stands_at
from s3plan.storage.folder.writes.staging import EXCHANGED
from s3plan.storage.folder.writes.trash import Trash, is_on_disk_of
from s3plan.storage.folder.writes.trial import TRIAL
from s3plan.storage.listing.keyed import note_of_keys
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.places.folder_conditions import FolderConditions
from s3plan.storage.places.location import FoundLocation, LocationConditions
from s3plan.storage.places.staging_remains import FindSettled, tidy_staging
from s3plan.storage.s3.patience import Patience

_PAGE_ROWS = 1000


class FolderMissing(StoreRefused):
    """There is no folder where the manifest says: perhaps its disk is not mounted."""


class FolderWays(NamedTuple):
    """How a folder is looked at and changed: as PlanLocation has it."""

    follows: bool = False
    has_short_stamps: bool = False
    trash: str | None = None
    stays_on_device: bool = False


def find_folder(url: FolderUrl, *, may_be_missing: bool = False, ways: FolderWays | None = None) -> FoundLocation:
    """Look where the folder is; raise FolderMissing, PlanRefused if its trash is on another disk."""
    inode: int | None = None
    try:
        status = Path(url.path).stat()
    except FileNotFoundError as error:
        if not may_be_missing:
            raise FolderMissing(f"there is no folder {shown_path(Path(url.path))}; is its disk mounted?") from error
    except OSError as error:
        raise FolderMissing(
            f"the folder {shown_path(Path(url.path))} cannot be opened: {error.strerror}; is its disk mounted?"
        ) from error
    else:
        if not S_ISDIR(status.st_mode):
            raise FolderMissing(f"{shown_path(Path(url.path))} is no folder")
        inode = _signed(status.st_ino)
    location = PlanLocation(
        id=0,
        kind=LocationKind.FOLDER,
        url=str(url),
        connection="",
        endpoint=None,
        region=None,
        bucket="",
        prefix="",
        path=url.path,
        root_inode=inode,
        **(ways or FolderWays())._asdict(),
    )
    check_trash(location)
    return FoundLocation(location, exists=inode is not None)


def check_trash(location: PlanLocation) -> None:
    """Raise PlanRefused if the trash of a folder is on another disk: then nothing can be renamed into it."""
    path, trash = Path(location.path or ""), location.trash
    if trash is not None and not is_on_disk_of(Path(trash), path):
        raise PlanRefused(
            f"the trash {shown_path(Path(trash))} is on another disk than {shown_path(path)}, so no file can be moved "
            "there at once; name a folder on the same disk, outside of that one"
        )


def _signed(inode: int) -> int:
    """Return a number of 64 bits as SQLite keeps them: some file systems number by hashes."""
    return inode - (1 << 64) if inode >> 63 else inode


class OpenFolder:
    """An OpenLocation in a folder."""

    def __init__(self, location: PlanLocation, files: FolderEngine) -> None:
        self.location = location
        self._files = files
        self._path = Path(location.path or "")
        self._looking: OpenDirectories | None = None
        self.empty_directories: deque[bytes] = deque()  # that the last lister has come by, with `/` at their ends

    @property
    def conditions(self) -> LocationConditions:
        """What it holds of pins."""
        return FolderConditions(self._path)

    @property
    def clock_offset_ms(self) -> int:
        """None: it goes by this machine's clock."""
        return 0

    def lister(self, *, shared: bytes, unordered: bool, reader: ReaderWaits | None) -> Lister:  # noqa: ARG002
        """Return the lister of its files whose keys begin with `shared`; they are always in order."""
        location = self.location
        self.empty_directories.clear()
        return FolderLister(
            self._path,
            follows=location.follows,
            has_short_stamps=location.has_short_stamps,
            stays_on_device=location.stays_on_device,
            below=shared,
            on_empty=self.empty_directories.append,
        )

    def keyed_lister(self, keys: Sequence[bytes], *, why: str) -> Lister:
        """Return the lister of those of these keys where a file stands."""
        return _KeyedFiles(self.location, keys, why=why)

    def has_digests_as_etags(self) -> bool:
        """Whether MD5 sums can be told of its files: those that are read have one."""
        return True

    def prepare(
        self,
        *,
        may_make: bool,  # noqa: ARG002
        was_missing: bool,  # noqa: ARG002
        on_made: Callable[[str], None],
        patience: Patience,  # noqa: ARG002
    ) -> None:
        """See that the same directory stands there as at the plan; make it if there was none."""
        check_trash(self.location)
        planned = self.location.root_inode
        try:
            found = find_folder(FolderUrl(str(self._path)), may_be_missing=planned is None)
        except FolderMissing as missing:
            raise PlanRefused(str(missing)) from missing
        if not found.exists:
            self._make(on_made)
        elif planned is not None and found.location.root_inode != planned:
            raise PlanRefused(
                f"{shown_path(self._path)} is another directory than when the plan was made: is its disk mounted? If "
                "it was replaced on purpose, plan again"
            )

    def _make(self, on_made: Callable[[str], None]) -> None:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlanRefused(
                f"the folder {shown_path(self._path)} cannot be made: {error.strerror or error}"
            ) from error
        on_made(f"made the folder {shown_path(self._path)}")

    def oddity_at(self, key: bytes) -> str | None:
        """Return what stands where the file of a key would be made, as a clause; None if nothing does.

        To be asked in the order of keys: the directories on the way are kept open.
        """
        if self._looking is None:
            try:
                self._looking = OpenDirectories(self._path)
            except OSError:
                return None  # it is not there yet
        return stands_at(self._looking, key)

    def close(self) -> None:
        """Let go of what was opened to look."""
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def ask_whether_it_answers(self, tell: Callable[[bool], None]) -> None:
        """Say that it does: nothing is asked of a store."""
        tell(True)  # noqa: FBT003

    def abort_upload(self, key: str, upload_id: str) -> None:  # noqa: ARG002
        """Nothing is uploaded into a folder."""
        raise AssertionError("no plan uploads into a folder")


def tidy_staged(location: PlanLocation, plan_digest: str, *, settled: FindSettled, clears: bool = False) -> list[str]:
    """Remove what a plan's settled actions have left, and its staging folder if it is empty then; see tidy_staging.

    Returns the paths of what is in it and may be somebody's: what is ours is for the next run.
    """
    root = Path(location.path or "")
    try:
        trash = None if location.trash is None else Trash(Path(location.trash))
        left = tidy_staging(root, plan_digest, settled=settled, clears=clears, trash=trash)
    except OSError:  # it is not there, or no longer ours to look into: nothing can be said of it
        return []
    folder = root.joinpath(*map(os.fsdecode, staging_folder(plan_digest)))
    return [str(folder / os.fsdecode(name)) for name in left if name.endswith(EXCHANGED)]


def has_staged(location: PlanLocation, plan_digest: str) -> bool:
    """Whether tidy_staged has something to look at: a staging folder of the plan, or one of no plan at all."""
    parts = [os.fsdecode(part) for part in staging_folder(plan_digest)]
    try:
        names = {path.name for path in Path(location.path or "", parts[0]).iterdir()}
    except OSError:
        return False
    return parts[1] in names or all(name.startswith(os.fsdecode(TRIAL)) for name in names)


class _KeyedFiles:
    """A Lister of the files at keys that are known beforehand."""

    def __init__(self, location: PlanLocation, keys: Sequence[bytes], *, why: str) -> None:
        self._location = location
        self._keys = keys
        self._why = why

    @property
    def note(self) -> str:
        """Say that not all of the folder was looked at."""
        return note_of_keys(len(self._keys), self._why)

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of those that are there, in order."""
        directories = OpenDirectories(self._location.path or "", follows=self._location.follows)
        try:
            for at in range(0, len(self._keys), _PAGE_ROWS):
                rows = [self._row(directories, key) for key in self._keys[at : at + _PAGE_ROWS]]
                yield [row for row in rows if row is not None]
        finally:
            directories.close()

    def _row(self, directories: OpenDirectories, key: bytes) -> ObjectRow | None:
        parts = parts_of(key)
        if isinstance(parts, KeyRefusal):
            return None
        try:
            above = directories.of(parts[:-1])
            status = os.stat(parts[-1], dir_fd=above, follow_symlinks=self._location.follows)
            if self._location.stays_on_device and status.st_dev != os.fstat(directories.of(())).st_dev:
                return None
        except OSError:
            return None
        return file_row(key, status, has_short_stamp=self._location.has_short_stamps)
