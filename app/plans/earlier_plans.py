"""The plans that a job had before, each with its journal: kept in `.s3plan/earlier/`, where the next plan puts them.

An earlier plan is `NAME.ID.s3plan`, ID being the first 8 digits of its digest, and its journal `NAME.ID.s3run`. Both
are moved, the plan first, so that at no moment a plan lies in its place without its journal, as if it had never been
applied. A move that was interrupted is finished by the next plan.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from s3plan.app.clock import now_ms
from s3plan.app.paths import EARLIER_FOLDER, JOURNAL_SUFFIX, PLAN_SUFFIX, PLANS_FOLDER, journal_path, lock_path
from s3plan.app.runs.standing import count_open, read_states
from s3plan.executors.journal.control_file import control_path
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.lock import JournalLock, is_held
from s3plan.planfile.reader import open_plan
from s3plan.planfile.temporary_file import make_own_folder, prepare_folder, sync
from s3plan.schemas.errors import JournalRefused, Locked, PlanDamaged, PlanRefused, S3PlanError
from s3plan.schemas.printable import shown_path, typed_path

_RETRY_NUMBER = re.compile(r"\.retry-[0-9]+$")


def earlier_plans(plan: Path) -> list[Path]:
    """Return the earlier plans of the job whose plan has this place, and of its retries; newest first."""
    folder = _folder_of(plan)
    name = re.compile(rf"{re.escape(_job_name(plan))}(\.retry-[0-9]+)?\.[0-9a-f]{{8}}", re.DOTALL)
    if plan.parent == folder or not folder.is_dir():
        return []
    found = [path for path in folder.glob(f"*{PLAN_SUFFIX}") if name.fullmatch(path.stem) and path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def check_may_replace(path: Path) -> None:
    """Raise unless a new plan may take this place: nothing there, or a plan that no run is in the middle of."""
    if not path.exists():
        return
    if is_held(lock_path(journal_path(path))):
        raise Locked(f"{path} is being applied; wait for it, or write the new plan elsewhere with -o")
    _check_is_through(path)


def _check_is_through(path: Path) -> None:
    journal = journal_path(path)
    if not journal.exists():
        try:
            with suppress(PlanDamaged), open_plan(path):
                return
        except PlanRefused as error:
            raise PlanRefused(
                f"{shown_path(path)} exists already, and is not a plan that this s3plan could replace; move it away, "
                "or write the new plan elsewhere with -o"
            ) from error
        return
    try:
        with open_plan(path) as plan:
            left = count_open(read_states(plan, journal)) if _has_begun(journal, plan_digest=plan.digest) else 0
    except (PlanRefused, JournalRefused) as error:
        raise PlanRefused(
            f"{error}. Whether a run of it goes on is not known: to put it away and make room for a new plan, "
            f"s3plan discard {typed_path(path)}"
        ) from error
    if left:
        raise PlanRefused(
            f"{shown_path(path)} has a run that is not finished ({left:,} actions left): go on with `s3plan apply "
            f"{typed_path(path)}`, give it up with `s3plan discard {typed_path(path)}`, or write the new plan "
            "elsewhere with -o"
        )


@contextmanager
def cleared_place(path: Path) -> Iterator[None]:
    """Put the plan that is replaced within this context away, with its journal; raise if the place is taken by now.

    With it go those of its retries that have ended. One that was never applied is just replaced. Nobody begins to apply
    it meanwhile. Raises OSError.
    """
    check_may_replace(path)
    with kept_from_applies(path):
        _clear(path)
        yield


def _clear(path: Path) -> None:
    if path.exists():
        _check_is_through(path)  # as long as the lock was anybody's, a run may have begun and ended
    _finish_move(path)
    journal = journal_path(path)
    if not journal.exists():
        return
    with open_plan(path) as plan:
        has_begun = _has_begun(journal, plan_digest=plan.digest)
    if has_begun:
        put_away(path)
    else:
        journal.unlink(missing_ok=True)
    for retry in _retries_of(path):
        with suppress(S3PlanError):  # it is being applied, or has more to do, or cannot be read: then it stays
            if journal_path(retry).exists():
                check_may_replace(retry)
                with kept_from_applies(retry):
                    _check_is_through(retry)
                    put_away(retry)


@contextmanager
def kept_from_applies(plan: Path) -> Iterator[None]:
    """Hold the lock of a plan that is about to go from its place, so that nobody begins to apply it; raise Locked.

    A lock that nobody has held before leaves no trace.
    """
    digest = _digest_of(plan)
    if digest is None:  # nothing that could be applied
        yield
        return
    path = lock_path(journal_path(plan))
    with JournalLock(path, plan_digest=digest, now_ms=now_ms()) as lock:
        try:
            yield
        finally:
            if lock.is_new:
                with suppress(OSError):
                    path.unlink()


def put_away(plan: Path) -> Path:
    """Move a plan and its journal to the earlier ones, within `kept_from_applies`; return its new place.

    Raises OSError, S3PlanError.
    """
    digest, journal = _digest_of(plan), journal_path(plan)
    folder = _folder_of(plan)
    prepare_folder(folder.parent)
    make_own_folder(folder)
    place = folder / f"{plan.stem}.{(digest or secrets.token_hex(4))[:8]}{PLAN_SUFFIX}"
    plan.replace(place)
    if journal.exists():
        journal.replace(journal_path(place))
    sync(folder)
    sync(plan.parent)
    return place


def prune(plan: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` earlier plans of a job, and what journals remain of such. Raises OSError."""
    for place in earlier_plans(plan)[keep:]:
        if not is_held(lock_path(journal_path(place))):
            place.unlink(missing_ok=True)  # first: a journal without its plan is nothing, and goes below
    folder = _folder_of(plan)
    for journal in folder.glob(f"*{JOURNAL_SUFFIX}"):
        if not journal.with_suffix(PLAN_SUFFIX).exists() and not is_held(lock_path(journal)):
            for file in (lock_path(journal), control_path(journal), journal):
                file.unlink(missing_ok=True)


def _finish_move(path: Path) -> None:
    """A journal without its plan follows it to where it was put away; one whose plan somebody took is nothing."""
    journal = journal_path(path)
    if path.exists() or not journal.exists() or is_held(lock_path(journal)):
        return
    for place in earlier_plans(path):
        digest = None if journal_path(place).exists() else _digest_of(place)
        if digest is not None and _is_of(journal, plan_digest=digest):
            journal.replace(journal_path(place))
            return
    journal.unlink()


def _is_of(journal: Path, *, plan_digest: str) -> bool:
    try:
        Journal.read(journal, plan_digest=plan_digest).close()
    except JournalRefused:
        return False
    return True


def _has_begun(journal: Path, *, plan_digest: str) -> bool:
    """Return whether a run of the plan was ever begun, as far as its journal, or one that it replaced, knows."""
    with Journal.read(journal, plan_digest=plan_digest) as opened:
        return bool(opened.runs()) or opened.doubtful_since_ms is not None


def _digest_of(plan: Path) -> str | None:
    try:
        with open_plan(plan) as opened:
            return opened.digest
    except PlanRefused:
        return None


def _retries_of(plan: Path) -> list[Path]:
    name = re.compile(rf"{re.escape(plan.stem)}\.retry-[0-9]+", re.DOTALL)
    return sorted(path for path in plan.parent.glob(f"*{PLAN_SUFFIX}") if name.fullmatch(path.stem))


def _job_name(plan: Path) -> str:
    return _RETRY_NUMBER.sub("", plan.stem)


def _folder_of(plan: Path) -> Path:
    """Return where plans from this place are put: `.s3plan/earlier`, also if they lie beside that folder."""
    if plan.parent.name == EARLIER_FOLDER:
        return plan.parent
    beside = plan.parent if plan.parent.name == PLANS_FOLDER else plan.parent / PLANS_FOLDER
    return beside / EARLIER_FOLDER
