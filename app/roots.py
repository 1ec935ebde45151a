"""Another folder in the place of a plan's own: `apply --root`, and what later runs and commands remember of it."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from s3plan.app.paths import journal_path, lock_path
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.lock import read_holder
from s3plan.executors.journal.records import RootRecord
from s3plan.planfile.own_file import objection_to
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import JournalRefused, PlanRefused, UsageInvalid
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.files.urls import parse_folder_url
from s3plan.schemas.plan.rows import Batch, PlanLocation, are_nested
from s3plan.schemas.printable import escape_unprintable, shown_path
from s3plan.schemas.s3_urls import S3UrlInvalid
from s3plan.storage.places.folder import FolderMissing, check_trash, find_folder

_IS_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match


class PlacedPlan(Protocol):
    """What of a plan says where it is to be performed; PlanReader is one."""

    path: Path
    locations: tuple[PlanLocation, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """The absolute path of the folder that runs of a plan go to, and of the one that it was planned in.

    `is_remembered`: an earlier run went there, and nobody has named it now. `inode`: of that run's directory, if known.
    """

    path: str
    planned: str
    is_remembered: bool = False
    inode: int | None = None

    @property
    def sentence(self) -> str:
        """How it came to be, for whoever has not named it."""
        return (
            f"goes on in the folder {shown_path(Path(self.path))}, as it was begun there; it was planned in "
            f"{shown_path(Path(self.planned))}"
        )


@dataclass(frozen=True, slots=True)
class RememberedRoot:
    """What is known of earlier runs: their folder, None for the plan's own, and whether they have begun anything."""

    path: str | None
    has_begun: bool
    inode: int | None = None

    @classmethod
    def of(cls, journaled: RootRecord | None, locked: str | None, *, has_begun: bool) -> Self:
        """Return what a journal and a lock say."""
        if journaled is None:
            return cls(locked, has_begun)
        return cls(os.fsdecode(journaled.path), has_begun, journaled.inode)

    @classmethod
    def read(cls, plan: PlanReader, journal: Path, *, rebuilds: bool = False) -> Self:
        """Return what a plan's journal says, or its lock where the journal is gone; raise JournalRefused.

        With `rebuilds` the journal is about to be set aside, whatever it says.

        A lock that others may have written says nothing here; apply refuses it.
        """
        lock = lock_path(journal)
        holder = read_holder(lock) if objection_to(lock) is None else None
        kept = None if holder is None or holder.plan_digest != plan.digest else holder
        if journal.exists() and not rebuilds:
            with Journal.read(journal, plan_digest=plan.digest) as opened:
                has_begun = opened.doubtful_since_ms is not None or any(True for _ in opened.batches())
                return cls.of(opened.root(), None if kept is None else kept.root, has_begun=has_begun)
        return cls(None, has_begun=False) if kept is None else cls(kept.root, kept.first_begun_at_ms is not None)


def root_in_force(plan: PlacedPlan, remembered: RememberedRoot, *, asked: Path | None) -> Root | None:
    """Return where a plan's folder lies for the next run; None: where it was planned.

    `asked` is what the user has named, by this process's directory. Raises UsageInvalid if the plan has no folder, or
    several, or if what was begun elsewhere is to go on there.
    """
    if asked is None and remembered.path is None:
        return None
    planned = _planned_folder(plan)
    if asked is None:
        return Root(_checked(remembered.path or planned), planned, is_remembered=True, inode=remembered.inode)
    path = _checked(str(asked.absolute()))
    begun_in = remembered.path or planned
    if remembered.has_begun and path != begun_in:
        raise UsageInvalid(
            f"{shown_path(plan.path)} was begun in the folder {shown_path(Path(begun_in))} and cannot go on in "
            f"{shown_path(Path(path))}; leave --root out to go on there, or make a new plan"
        )
    return None if remembered.has_begun and remembered.path is None else Root(path, planned)


def named_folder(text: str) -> Path:
    """Return the folder that a user has named, as a manifest would: a path, `~/...` or a `file:` URL.

    Raises UsageInvalid for nothing, as an empty variable leaves it, and for other URLs: they would be made below the
    current directory.
    """
    if not text:
        raise UsageInvalid("--root names no folder; `--root .` is the current directory")
    path = text.removeprefix("file://") if text.startswith("file:///") else text
    if _IS_URL(path):
        raise UsageInvalid(f"--root takes a folder of this machine, which {escape_unprintable(text)} is not")
    return Path(path).expanduser() if path.partition("/")[0] == "~" else Path(path)


def move_to_remembered(plan: PlanReader, journal: Path | None = None) -> Root | None:
    """Have a plan's folder lie where its runs went, if that was elsewhere, and return it; nothing of it is looked at.

    Where the journal cannot be read, whoever reads it says so. Raises UsageInvalid.
    """
    where = journal or journal_path(plan.path)
    try:
        root = root_in_force(plan, RememberedRoot.read(plan, where), asked=None)
    except JournalRefused:
        return None
    if root is not None:
        plan.move_folders(root.path, root_inode=None)
    return root


def record_of(root: Root) -> RootRecord:
    """Return what a journal keeps of a folder, by what stands there now."""
    inode: int | None = None
    with suppress(FolderMissing):
        inode = find_folder(parse_folder_url(root.path)).location.root_inode
    return RootRecord(os.fsencode(root.path), inode)


def move_to(plan: PlanReader, root: Root, states: Mapping[int, BatchState]) -> None:
    """Have a plan's folder lie there, and see that what is left to do can be done there.

    Raises PlanRefused (exit 4), before anything is changed: files whose pins hold nowhere else, a trash that is not
    apart from the folder or on another disk, no folder where one is read.
    """
    folders = [location for location in plan.locations if location.is_folder]
    read = {job.from_location for job in plan.header.jobs}
    is_read = any(location.id in read for location in folders)
    try:
        found = find_folder(parse_folder_url(root.path), may_be_missing=not is_read and root.inode is None)
    except FolderMissing as missing:
        raise PlanRefused(str(missing)) from missing
    inode = found.location.root_inode
    if root.inode is not None and inode != root.inode:
        raise PlanRefused(
            f"{shown_path(Path(root.path))} is another directory than the one that the plan was begun in: is its disk "
            "mounted? If it was replaced on purpose, name it again with --root"
        )
    if inode is None or inode not in {location.root_inode for location in folders}:  # else it is the same, moved
        _check_stamps(plan, root, folders, states)
    plan.move_folders(root.path, root_inode=inode)
    for location in plan.locations:
        if location.is_folder and location.trash is not None:
            _check_trash(location, location.trash)


def _planned_folder(plan: PlacedPlan) -> str:
    """Return the path of the plan's only folder; raise UsageInvalid if there is none, or more than one."""
    paths = sorted({location.path or "" for location in plan.locations if location.is_folder})
    if not paths:
        raise UsageInvalid(f"{shown_path(plan.path)} has no folder, so --root says nothing; leave it out")
    if len(paths) > 1:
        names = ", ".join(shown_path(Path(path)) for path in paths)
        raise UsageInvalid(
            f"--root is for plans of one folder, and {shown_path(plan.path)} has {len(paths)}: {names}; plan the jobs "
            "of each folder by themselves (s3plan plan --select), or all of them anew where they are to run"
        )
    return paths[0]


def _checked(text: str) -> str:
    """Return the path of a folder, or of its URL; raise UsageInvalid for what no plan could name."""
    try:
        return parse_folder_url(text).path
    except S3UrlInvalid as error:
        raise UsageInvalid(f"--root: {error}") from error


def _check_stamps(
    plan: PlanReader, root: Root, folders: Iterable[PlanLocation], states: Mapping[int, BatchState]
) -> None:
    """Raise PlanRefused if files that are left to be read, replaced or deleted are pinned by inode, too."""
    numbers: set[int | None] = {location.id for location in folders}
    count = 0
    for state in states.values():
        copies = None if state.batch.of_batch is None else states.get(state.batch.of_batch)
        counted = frozenset[int]() if copies is None else frozenset(copies.todo())  # of a removal: with its copy
        left = [position for position in state.todo() if position not in counted]
        count += _count_full_stamps(plan, state.batch, left, numbers)
    if count:
        pinned = "1 file is pinned by its inode" if count == 1 else f"{count:,} files are pinned by their inodes"
        raise PlanRefused(
            f"{shown_path(Path(root.path))} is another folder than {shown_path(Path(root.planned))}, and {pinned}, "
            "which no other folder has; write `stamp: size-mtime` at the folder in the manifest and plan again, so "
            "that sizes and times are the pins"
        )


def _count_full_stamps(plan: PlanReader, batch: Batch, positions: Sequence[int], folders: Container[int | None]) -> int:
    """Return how many of these actions of a batch have a pin of a file that says more than size and time."""
    reads, writes = batch.from_location in folders, batch.to_location in folders
    if not positions or not (reads or writes):
        return 0
    actions = plan.actions(batch)
    pins = (actions[position].source_pin if reads else actions[position].destination_pin for position in positions)
    stamps = (Stamp.parse(pin) for pin in pins if pin is not None)
    return sum(1 for stamp in stamps if stamp is None or not stamp.is_short)


def _check_trash(location: PlanLocation, trash: str) -> None:
    path = location.path or ""
    if are_nested(path, trash):
        raise PlanRefused(
            f"the trash {shown_path(Path(trash))} lies within {shown_path(Path(path))}, or around it; name another "
            "folder with --root, or plan again with another trash"
        )
    check_trash(location)
