"""What a plan's runs leave in the staging folders of the places that they write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from s3plan.app.roots import move_to_remembered
from s3plan.executors.journal.ledger import BatchState
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.events import OnEvent, Warned
from s3plan.schemas.files.requests import StagedName
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import escape_unprintable
from s3plan.storage.places.folder import has_staged, tidy_staged
from s3plan.storage.places.staging_remains import Settled
from s3plan.storage.transfer.files.downloading import file_parts

_SHOWN = 3
_WELL = frozenset({OutcomeKind.DONE, OutcomeKind.ALREADY_DONE})
_ENDED = _WELL | {OutcomeKind.STALE, OutcomeKind.SKIPPED}


def tidy_folders(plan: PlanReader, states: Mapping[int, BatchState], on_event: OnEvent) -> None:
    """Remove what ended actions have left, and empty staging folders; name what in others may be somebody's."""
    settled = _SettledActions(plan, states)
    for location in _written_folders(plan):
        left = tidy_staged(location, plan.digest, settled=settled.find)
        if left:
            more = "" if len(left) <= _SHOWN else f" and {len(left) - _SHOWN:,} more"
            names = ", ".join(escape_unprintable(path) for path in left[:_SHOWN])
            on_event(Warned(f"files that were being replaced when a run broke off lie in {names}{more}"))


def has_remains(path: Path, journal: Path | None = None) -> bool:
    """Whether something is left to be tidied, of a plan whose every action has ended."""
    with open_plan(path) as plan:
        move_to_remembered(plan, journal)
        return any(has_staged(location, plan.digest) for location in _written_folders(plan))


def clear_folders(plan: PlanReader) -> None:
    """Remove what was fetched and not put into place; what may be somebody's stays."""
    move_to_remembered(plan)
    for location in _written_folders(plan):
        tidy_staged(location, plan.digest, settled=lambda _: None, clears=True)


class _SettledActions:
    """Which actions have ended for good; reads a batch at a time, and keeps the last one."""

    def __init__(self, plan: PlanReader, states: Mapping[int, BatchState]) -> None:
        self._plan = plan
        self._states = states
        self._read: tuple[int, Sequence[Action]] = (0, ())

    def find(self, staged: StagedName) -> Settled | None:
        """Return the end of the action that a staged file is of, None while a run may still act on it."""
        state = self._states.get(staged.batch)
        if state is None or staged.position >= state.batch.actions:
            return None
        end = state.end_of(staged.position)
        if end is None or end not in _ENDED:
            return None
        action = self._action(state, staged.position)
        has_removed = end in _WELL and action.destination_pin is not None
        return Settled(file_parts(action), Stamp.parse(action.destination_pin or "") if has_removed else None)

    def _action(self, state: BatchState, position: int) -> Action:
        number, actions = self._read
        if number != state.batch.id:
            actions = self._plan.actions(state.batch)
            self._read = state.batch.id, actions
        return actions[position]


def _written_folders(plan: PlanReader) -> Iterator[PlanLocation]:
    for identity in sorted({location for job in plan.header.jobs for location in job.changed}):
        if plan.locations_by_id[identity].is_folder:
            yield plan.locations_by_id[identity]
