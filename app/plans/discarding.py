"""Gives a plan's run up: what it leaves behind is told, and the plan makes room for a new one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from s3plan.app.connections.settings import connections_of
from s3plan.app.folder_remains import clear_folders
from s3plan.app.paths import EARLIER_FOLDER, journal_path, lock_path
from s3plan.app.plans.earlier_plans import kept_from_applies, put_away
from s3plan.app.requests import ApplyRequest
from s3plan.app.runs.checks import check_endpoints
from s3plan.app.runs.kept_manifest import resolved_manifest
from s3plan.app.runs.standing import performed_batches, standing_end, was_begun
from s3plan.app.stores import Stores
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import load_states
from s3plan.executors.journal.lock import is_held
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.errors import JournalRefused, Locked, PlanRefused, S3PlanError, UsageInvalid
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import shown_path


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that the plan's runs began and did not end; `key` is the whole one."""

    location: PlanLocation
    key: str
    upload_id: str


@dataclass(frozen=True, slots=True)
class Remains:
    """What a plan leaves behind that is given up. `unreadable`: why that is not known."""

    plan: Path
    digest: str | None
    has_run: bool
    ended: int = 0
    remaining: int = 0
    uploads: tuple[OpenUpload, ...] = ()
    unreadable: str | None = None


def look_at_remains(plan: Path) -> Remains:
    """Return what would be left behind; raise Locked while the plan is applied, PlanRefused where there is none."""
    _check_may_discard(plan)
    return _look(plan)


def _look(plan: Path) -> Remains:
    journal = journal_path(plan)
    try:
        with open_plan(plan) as opened:
            if not journal.exists() and was_begun(opened, journal):
                return Remains(plan, opened.digest, has_run=True, unreadable="it was applied, but its journal is gone")
            if not journal.exists():
                return Remains(plan, opened.digest, has_run=False, remaining=opened.header.actions)
            with Journal.read(journal, plan_digest=opened.digest) as read:
                states = load_states(performed_batches(opened), read)
                uploads = tuple(_open_uploads(opened, read))
                has_run = bool(read.runs())
            end = standing_end(opened, states)
            ended = sum(state.batch.actions for state in states.values()) - end.remaining
            return Remains(plan, opened.digest, has_run=has_run, ended=ended, remaining=end.remaining, uploads=uploads)
    except (PlanRefused, JournalRefused) as error:
        return Remains(plan, None, has_run=journal.exists(), unreadable=str(error))


def discard_plan(remains: Remains, *, aborts_uploads: bool = False) -> Path:
    """Put the plan away, with its journal, among the earlier ones; return where it lies.

    With `aborts_uploads` its own open uploads go first: StoreRefused at the first that cannot be aborted,
    CredentialsUnusable. Raises as look_at_remains, and PlanRefused if what is left behind is something else by now.
    """
    plan = remains.plan
    _check_may_discard(plan)
    try:
        with kept_from_applies(plan):
            if _look(plan) != remains:
                raise PlanRefused(
                    f"{shown_path(plan)} was applied or replaced meanwhile; nothing was changed, look again"
                )
            if aborts_uploads:
                _abort_uploads(remains)
            if remains.has_run:
                with suppress(PlanRefused), open_plan(plan) as opened:
                    clear_folders(opened)
            return put_away(plan)
    except OSError as error:
        raise S3PlanError(
            f"{shown_path(plan)} cannot be moved: {error.strerror or error}; check the disk and its permissions"
        ) from error


def _abort_uploads(remains: Remains) -> None:
    if not remains.uploads:
        return
    with open_plan(remains.plan) as plan:
        manifest = resolved_manifest(plan).manifest
        check_endpoints(plan, ApplyRequest(plan=remains.plan), manifest)
        with Stores(connections_of(manifest), max_in_flight=1) as stores:
            for upload in remains.uploads:
                stores.at(upload.location).abort_upload(upload.key, upload.upload_id)


def _check_may_discard(plan: Path) -> None:
    if not plan.exists():
        raise PlanRefused(f"there is no plan at {shown_path(plan)}")
    if plan.parent.name == EARLIER_FOLDER:
        raise UsageInvalid(f"{shown_path(plan)} was put away already; `s3plan plan --keep N` says how many stay")
    if is_held(lock_path(journal_path(plan))):
        raise Locked(f"{shown_path(plan)} is being applied; stop it with `s3plan cancel` first")


def _open_uploads(plan: PlanReader, journal: Journal) -> list[OpenUpload]:
    found: list[OpenUpload] = []
    for batch in performed_batches(plan):
        uploads = journal.uploads(batch.id)
        location = plan.destination(batch)
        if not uploads or location is None or location.is_folder:
            continue  # what comes into a folder lies in its staging folder, and goes with it
        actions = plan.actions(batch)
        for upload in uploads:
            if upload.position < len(actions):
                action = actions[upload.position]
                key = location.prefix + (action.destination_key or action.key).decode()
                found.append(OpenUpload(location, key, upload.upload_id))
    return found
