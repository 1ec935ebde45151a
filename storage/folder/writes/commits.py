"""Brings staged files into their places, and files out of them, many at a time: one sync of the disk is for all.

In turns: what was staged is synced, renamed, and told once the next sync has put the renames on disk as well. While a
sync takes its time others are staged, so the groups are as large as the disk is slow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FilePublished, Published, PublishFile, RemoveFile, StagedName
from s3plan.storage.folder.failures import broken, failure_from, shown_parts
from s3plan.storage.folder.writes.staging import Move, Staging
from s3plan.storage.request_threads import RequestThreads

OnPublished = Callable[[FilePublished | Failure], None]
StagingOf = Callable[[StagedName], Staging]
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Commit:
    request: PublishFile | RemoveFile
    on_reply: OnPublished
    move: Move | None = None
    reply: Failure | None = None  # set if it has failed

    @property
    def operation(self) -> str:
        return type(self.request).__name__


class Commits:
    """Takes commits from any thread; `sync` has the disk keep everything, and raises OSError.

    Once it has, nothing counts as kept any more: what was written before may be lost without another word, so every
    commit fails from then on.
    """

    def __init__(self, staging_of: StagingOf, *, sync: Callable[[], None], on_end: Callable[[], None]) -> None:
        """`staging_of` is asked on the thread that commits; `on_end` is called there, last."""
        self._staging_of = staging_of
        self._sync = sync
        self._lock = Lock()
        self._pending: list[_Commit] = []
        self._is_running = False
        self._broken: OSError | None = None
        self._threads = RequestThreads(1, name="s3plan-commit", on_end=on_end)

    def submit(self, request: PublishFile | RemoveFile, on_reply: OnPublished) -> None:
        """Take a file that is staged, or one to be removed; `on_reply` is called once."""
        with self._lock:
            self._pending.append(_Commit(request, on_reply))
            begins = not self._is_running
            self._is_running = True
        if begins:
            self._threads.submit(self._run)

    def close(self) -> None:
        """Take no more; what was taken is still ended."""
        self._threads.close()

    def _run(self) -> None:
        moved: list[_Commit] = []
        while (group := self._taken(is_last=not moved)) or moved:
            self._try_sync()
            for commit in moved:
                self._end(commit)
            for commit in group:
                self._move(commit)
            moved = group

    def _taken(self, *, is_last: bool) -> list[_Commit]:
        """Return what has come meanwhile; if that is nothing, and `is_last`, the next one begins anew."""
        with self._lock:
            group, self._pending = self._pending, []
            self._is_running = bool(group) or not is_last
            return group

    def _try_sync(self) -> None:
        if self._broken is None:
            try:
                self._sync()
            except OSError as error:
                self._broken = error

    def _move(self, commit: _Commit) -> None:
        request = commit.request
        if self._broken is not None:
            commit.reply = _not_kept(self._broken, commit)
            return
        try:
            staging = self._staging_of(request.staged)
            staging.look_again(request.parts)
            commit.move = _moved(staging, request)
        except Exception as error:  # noqa: BLE001
            commit.reply = _failed(error, commit)

    def _end(self, commit: _Commit) -> None:
        """Tell how it ended, after the sync that followed, and clear away what is in nobody's place any more."""
        if self._broken is not None and commit.reply is None:
            commit.reply = _not_kept(self._broken, commit)
        try:
            reply = self._cleared(commit)
        except Exception as error:  # noqa: BLE001
            reply = _failed(error, commit)
        try:
            commit.on_reply(reply)
        except Exception:
            _logger.exception("a reply broke its receiver")

    def _cleared(self, commit: _Commit) -> FilePublished | Failure:
        request, move = commit.request, commit.move
        staging = self._staging_of(request.staged)
        if commit.reply is not None:
            if move is not None and move.how is Published.DONE:
                staging.undo(request.staged.name, request.parts, move)
            staging.remove(request.staged.name)
            return commit.reply
        assert move is not None  # noqa: S101  without a reply it was moved
        if isinstance(request, RemoveFile) and move.how is Published.DONE and move.kept is not None:
            move = staging.judge_again(move.kept, request.parts, request.pinned)  # the sync may have taken seconds
        if move.how is Published.CHANGED:
            return FilePublished(move.how, None if move.kept is None else staging.shown(move.kept))
        if move.how is Published.DONE:
            if move.kept is not None:
                staging.put_away(move.kept, request.parts)
            if isinstance(request, RemoveFile):
                staging.remove_empty_directories(request.parts)
            elif move.made is not None:
                stamp = staging.stamp_of(request.parts, move.made, mtime_ns=request.mtime_ns)
                return FilePublished(move.how, stamp=stamp)
        elif move.how is not Published.TAKEN:
            staging.remove(request.staged.name)
        return FilePublished(move.how)


def _moved(staging: Staging, request: PublishFile | RemoveFile) -> Move:
    name, parts = request.staged.name, request.parts
    if isinstance(request, RemoveFile):
        return staging.take_away(name, parts, request.pinned)
    if request.pinned is None:
        return staging.publish_new(name, parts)
    return staging.publish_over(name, parts, request.pinned)


def _failed(error: Exception, commit: _Commit) -> Failure:
    if isinstance(error, OSError):
        return failure_from(error, operation=commit.operation, parts=commit.request.parts)
    return broken(error, operation=commit.operation)


def _not_kept(error: OSError, commit: _Commit) -> Failure:
    said = f"{shown_parts(commit.request.parts)}: the disk has not kept what was written: {error.strerror or error}"
    return Failure(FailureKind.LOCAL_IO, commit.operation, "SyncFailed", said)
