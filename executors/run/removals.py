"""What a move removes: of each batch of copies, once all of it has ended in this run, the sources of those proved."""

from __future__ import annotations

from collections.abc import Mapping

from s3plan.executors.journal.ledger import BatchState

UNPROVED = "the copy is not known to have the bytes of its source, which is kept"


class Removals:
    """The batches that remove, and how far the batches of copies are that they are of.

    A batch of copies counts as ended if it was never said to be under way.
    """

    def __init__(self, states: Mapping[int, BatchState]) -> None:
        self._states = states
        self._by_copies = {state.batch.of_batch: state for state in states.values() if state.batch.of_batch is not None}
        self._under_way: set[int] = set()
        self._cut: set[int] = set()
        self._open_phases: set[int] = set()
        self.withheld = 0

    def open_phase(self, phase: int) -> None:
        """Take note that a phase of removals has begun."""
        self._open_phases.add(phase)

    def note_copies(self, batch: int) -> None:
        """Take note that a batch of copies is under way from now on."""
        if batch in self._by_copies:
            self._under_way.add(batch)

    def note_cut(self, batch: int) -> None:
        """Take note that a part of a batch is not begun in this run: nothing of it is removed, or withheld."""
        self._cut.add(batch)

    def end_copies(self, batch: int) -> BatchState | None:
        """Take note that a batch of copies has ended; return the one that may remove now, if its phase has begun."""
        removal = self._by_copies.get(batch)
        if removal is None or batch in self._cut:
            return None
        self._under_way.discard(batch)
        return removal if removal.batch.phase in self._open_phases else None

    def may_begin(self, state: BatchState) -> bool:
        """Whether the copies that a batch is of have ended."""
        return state.batch.of_batch not in self._under_way

    def todo(self, state: BatchState) -> list[int]:
        """Return what is to be done of any batch: of one that removes, the sources whose copies are proved."""
        positions = state.todo()
        if state.batch.of_batch is None or not positions:
            return positions
        copies = self._states[state.batch.of_batch]
        return [position for position in positions if copies.is_proved(position)]

    def end(self, state: BatchState) -> int:
        """Withhold what is left of a batch that has removed all that it may; return how much that is."""
        if state.batch.id in self._cut:
            return 0
        proved = set(self.todo(state))
        left = sum(1 for position in state.todo() if position not in proved and state.end_of(position) is None)
        if left:
            state.withheld = f"withheld: {UNPROVED}"
            self.withheld += left
        return left
