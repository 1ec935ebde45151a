"""Gathers what is to be written to the journal, and writes it in blocks: once a second or every 1,000 outcomes."""

from __future__ import annotations

from collections.abc import Callable

from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.ledger import BatchState
from s3plan.executors.journal.records import OutcomeRecord
from s3plan.schemas.tasks import KnownUpload

FLUSH_EVERY_S = 1.0
FLUSH_EVERY_OUTCOMES = 1000


class Recorder:
    """The one writer of a run's news. What is not flushed is lost in a crash, and looked up at the store again."""

    def __init__(self, journal: Journal, *, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._flushed_at_s = clock()
        self._outcomes_since = 0
        self._dirty: dict[int, BatchState] = {}
        self._outcomes: dict[tuple[int, int], OutcomeRecord] = {}
        self._settled: set[tuple[int, int]] = set()
        self._uploads: dict[tuple[int, int], KnownUpload] = {}
        self._parts: list[tuple[int, int, str, int, str]] = []
        self._ended_uploads: set[tuple[int, int]] = set()

    def begin_batch(self, state: BatchState) -> None:
        """Write durably, with all that waits, that an attempt at this batch begins: before its first request."""
        self._dirty[state.batch.id] = state
        self.flush()

    def note_done(self, state: BatchState, position: int, *, had_outcome: bool) -> None:
        """Take note that an action is done; the bitmap is written with the next block."""
        self._dirty[state.batch.id] = state
        self._outcomes_since += 1
        if had_outcome:
            key = (state.batch.id, position)
            self._outcomes.pop(key, None)
            self._settled.add(key)

    def note_outcome(self, record: OutcomeRecord) -> None:
        """Take note of any other outcome."""
        key = (record.batch, record.position)
        self._outcomes[key] = record
        self._settled.discard(key)
        self._outcomes_since += 1

    def note_state(self, state: BatchState) -> None:
        """Take note that a batch's own row changed."""
        self._dirty[state.batch.id] = state

    def note_upload(self, batch: int, upload: KnownUpload) -> None:
        """Take note of an upload that was opened or adopted; parts of an earlier one are forgotten."""
        key = (batch, upload.position)
        self._ended_uploads.discard(key)
        self._parts = [part for part in self._parts if part[:2] != key]
        self._uploads[key] = upload

    def note_part(self, batch: int, position: int, upload_id: str, number: int, etag: str) -> None:
        """Take note of a stored part."""
        self._parts.append((batch, position, upload_id, number, etag))
        self._outcomes_since += 1

    def note_upload_ended(self, batch: int, position: int) -> None:
        """Take note that an upload is gone, with its parts."""
        key = (batch, position)
        self._uploads.pop(key, None)
        self._parts = [part for part in self._parts if part[:2] != key]
        self._ended_uploads.add(key)

    def outcome_of(self, batch: int, position: int) -> OutcomeRecord | None:
        """Return how an action has ended, of this run or an earlier one; None if it is done, or has no outcome yet."""
        self.flush()
        return next((record for record in self._journal.outcomes(batch) if record.position == position), None)

    def known_uploads(self, batch: int) -> tuple[KnownUpload, ...]:
        """Return the uploads of a batch that were begun and not ended."""
        self.flush()
        return self._journal.uploads(batch)

    def flush_if_due(self) -> None:
        """Write if a second has passed or enough has gathered."""
        if self._outcomes_since >= FLUSH_EVERY_OUTCOMES or self._clock() - self._flushed_at_s >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write all that waits, in one transaction."""
        self._flushed_at_s = self._clock()
        self._outcomes_since = 0
        if not (self._dirty or self._outcomes or self._settled or self._uploads or self._parts or self._ended_uploads):
            return
        self._journal.write(
            batches=[state.record() for state in self._dirty.values()],
            outcomes=self._outcomes.values(),
            proofs=[proof for state in self._dirty.values() for proof in state.new_proofs()],
            settled=self._settled,
            uploads=[(batch, upload) for (batch, _), upload in self._uploads.items()],
            parts=self._parts,
            ended_uploads=self._ended_uploads,
        )
        for state in self._dirty.values():
            state.note_proofs_kept()
        self._dirty.clear()
        self._outcomes.clear()
        self._settled.clear()
        self._uploads.clear()
        self._parts.clear()
        self._ended_uploads.clear()
