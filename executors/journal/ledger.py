"""What is known of every batch: the plan's, folded with the journal's, kept up as outcomes come in.

Memory: one byte for each action of the plan; reasons stay in the journal. An action that an attempt of unclear end may
have done takes a hundred more until it has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, ProofRecord
from s3plan.schemas.bitmaps import bitmap_of, count_in, numbers_in
from s3plan.schemas.errors import JournalRefused
from s3plan.schemas.evidence.ladder import NOT_COMPARABLE, PROOFS
from s3plan.schemas.failures import FailureKind
from s3plan.schemas.outcomes import Evidence, OutcomeKind
from s3plan.schemas.plan.rows import Batch, Phase, PhaseName
from s3plan.schemas.printable import shown_path

_CODES = {kind: code for code, kind in enumerate(OutcomeKind, start=1)}
_CODES_BY_EVIDENCE = {str(evidence): code for code, evidence in enumerate(Evidence, start=len(_CODES) + 1)}
_CODES_BY_PROOF = {by: code for code, by in enumerate(PROOFS, start=len(_CODES) + len(_CODES_BY_EVIDENCE) + 1)}
_PROOFS_BY_CODE = {code: by for by, code in _CODES_BY_PROOF.items()}
_UNVERIFIED = len(_CODES) + len(_CODES_BY_EVIDENCE) + len(_CODES_BY_PROOF) + 1  # failed, and by what
_KINDS = (
    {code: kind for kind, code in _CODES.items()}
    | {_UNVERIFIED: OutcomeKind.FAILED}
    | dict.fromkeys(_CODES_BY_EVIDENCE.values(), OutcomeKind.ALREADY_DONE)
    | dict.fromkeys(_CODES_BY_PROOF.values(), OutcomeKind.DONE)
)
_DONE = _CODES[OutcomeKind.DONE]
_TRY_AGAIN = frozenset({0, _UNVERIFIED, _CODES[OutcomeKind.FAILED], _CODES[OutcomeKind.UNKNOWN]})
_SUCCESS = frozenset({_DONE, _CODES[OutcomeKind.ALREADY_DONE], *_CODES_BY_EVIDENCE.values(), *_CODES_BY_PROOF.values()})
_PROOFS_BY_LOOK = {Evidence.BY_ETAG: "ETag", Evidence.BY_CHECKSUM: "checksum", Evidence.BY_BYTES: "bytes"}
_PROVED = frozenset({*_CODES_BY_PROOF.values(), *(_CODES_BY_EVIDENCE[str(evidence)] for evidence in _PROOFS_BY_LOOK)})


class BatchState:
    """One batch's standing: for each position how its action ended, if it has."""

    __slots__ = (
        "_done",
        "_ends",
        "_new_proofs",
        "_proved",
        "_unclear_since_ms",
        "all_doubtful",
        "batch",
        "begun_at_ms",
        "generation",
        "is_kept_withheld",
        "is_open",
        "withheld",
    )

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.generation = 0
        self.begun_at_ms = 0
        self.is_open = False
        self.withheld: str | None = None  # why all that is left of it is skipped
        self.is_kept_withheld = False  # the journal says so of an earlier run
        self.all_doubtful = False
        self._ends = bytearray(batch.actions)
        self._done = bytearray((batch.actions + 7) // 8)
        self._proved: dict[str, bytearray] = {}  # a bitmap of each proof
        self._new_proofs: set[str] = set()  # those that the journal has not
        self._unclear_since_ms: dict[int, int] = {}  # of actions that have not ended yet

    def begin(self, *, now_ms: int) -> None:
        """Take note that an attempt begins, by the store's clock.

        `begun_at_ms` stays that of the attempt before if nothing is known of its end: it may be what wrote.
        """
        if not (self.begun_at_ms and (self.is_open or self.all_doubtful)):
            self.begun_at_ms = now_ms
        self.generation += 1
        self.is_open = True

    def reopen(self) -> None:
        """Take back that what is left is skipped: whether it is, is decided anew once its turn has come."""
        self.is_kept_withheld = self.is_kept_withheld or self.withheld is not None
        self.withheld = None

    def end_of(self, position: int) -> OutcomeKind | None:
        """Return how the action ended, or None if it has no outcome yet."""
        return _KINDS.get(self._ends[position])

    def mark(
        self,
        position: int,
        kind: OutcomeKind,
        *,
        evidence: str = "",
        failure: FailureKind | None = None,
        unclear_since_ms: int | None = None,
    ) -> None:
        """Take note of an action's newest outcome; `evidence` of a done one is what proved it.

        `unclear_since_ms` is the durable start, by the store's clock, of an attempt at it whose end is unclear; the
        first such one is kept until the action has ended.
        """
        code = _CODES[kind]
        self._ends[position] = _CODES_BY_EVIDENCE.get(evidence, code) if kind is OutcomeKind.ALREADY_DONE else code
        if kind is OutcomeKind.FAILED and failure is FailureKind.VERIFICATION:
            code = self._ends[position] = _UNVERIFIED
        if kind is OutcomeKind.DONE and evidence in _CODES_BY_PROOF:
            self._note_proof(position, evidence)
        if code not in _TRY_AGAIN:
            self._unclear_since_ms.pop(position, None)
        elif unclear_since_ms is not None:
            self._unclear_since_ms.setdefault(position, unclear_since_ms)
        if kind is OutcomeKind.DONE:
            self._done[position >> 3] |= 1 << (position & 7)

    def _note_proof(self, position: int, by: str) -> None:
        self._ends[position] = _CODES_BY_PROOF[by]
        proved = self._proved.get(by)
        if proved is None:
            proved = self._proved[by] = bytearray(len(self._done))
        proved[position >> 3] |= 1 << (position & 7)
        self._new_proofs.add(by)

    def unclear_since_ms(self, position: int) -> int | None:
        """Return the durable start of the first attempt at an action whose end is unclear; None if there is none."""
        return self._unclear_since_ms.get(position)

    def todo(self) -> list[int]:
        """Return the positions that an apply must still act on, ascending."""
        if self.withheld is not None:
            return []
        return [position for position, code in enumerate(self._ends) if code in _TRY_AGAIN]

    def doubtful(self, todo: Iterable[int]) -> bytes:
        """Return the bitmap of those in `todo` that an attempt of unclear end may have done; to ask before `begin`."""
        if not (self.all_doubtful or self.is_open):
            todo = (position for position in todo if position in self._unclear_since_ms)
        return bitmap_of(todo, size=self.batch.actions)

    def doubtful_since_ms(self, todo: Iterable[int]) -> dict[int, int]:
        """Return since when those in `todo` are doubtful that are not so since `begun_at_ms`."""
        since = self._unclear_since_ms
        return {position: since[position] for position in todo if position in since} if since else {}

    def unverified(self, todo: Iterable[int]) -> frozenset[int]:
        """Return those in `todo` that failed since their bytes were not, or not known to be, those of the source."""
        if not self.unverified_actions:
            return frozenset()
        return frozenset(position for position in todo if self._ends[position] == _UNVERIFIED)

    @property
    def unverified_actions(self) -> int:
        """How many failed so."""
        return self._ends.count(_UNVERIFIED)

    def not_done(self) -> Iterator[tuple[int, OutcomeKind | None]]:
        """Yield position and end of every action that is neither done nor already-done."""
        return ((position, _KINDS.get(code)) for position, code in enumerate(self._ends) if code not in _SUCCESS)

    def counts(self) -> Counter[OutcomeKind]:
        """Return how many actions ended how; those without an outcome are not counted."""
        counts: Counter[OutcomeKind] = Counter()
        for code, kind in _KINDS.items():
            if number := self._ends.count(code):
                counts[kind] += number
        if self.withheld is not None:
            counts[OutcomeKind.SKIPPED] += self._ends.count(0)
        return counts

    def evidence(self) -> Counter[str]:
        """Return on what its already-done actions rest, and how many on each."""
        return Counter({name: count for name, code in _CODES_BY_EVIDENCE.items() if (count := self._ends.count(code))})

    def verified(self) -> Counter[str]:
        """Return by what its writes that ended well are known to have the bytes of their sources."""
        counts: Counter[str] = Counter()
        for by, code in _CODES_BY_PROOF.items():
            counts[by] += self._ends.count(code)
        for name, code in _CODES_BY_EVIDENCE.items():
            counts[_PROOFS_BY_LOOK.get(Evidence(name), NOT_COMPARABLE)] += self._ends.count(code)
        counts[NOT_COMPARABLE] += self._ends.count(_DONE) + self._ends.count(_CODES[OutcomeKind.ALREADY_DONE])
        return counts

    def is_proved(self, position: int) -> bool:
        """Whether a write ended well, and the destination is known by a proof to have the bytes of its source."""
        return self._ends[position] in _PROVED

    def proof_of(self, position: int) -> str:
        """Return by which of `ladder.PROOFS` a done action was proved as it was written; empty if by none."""
        return _PROOFS_BY_CODE.get(self._ends[position], "")

    def new_proofs(self) -> Iterator[ProofRecord]:
        """Yield what the journal has not of what was proved."""
        return (ProofRecord(self.batch.id, by, bytes(self._proved[by])) for by in sorted(self._new_proofs))

    def note_proofs_kept(self) -> None:
        """Take note that the journal has all that was proved."""
        self._new_proofs.clear()

    def record(self) -> BatchRecord:
        """Return what the journal keeps of this batch."""
        return BatchRecord(
            self.batch.id,
            self.generation,
            self.begun_at_ms,
            self.is_open,
            self.batch.actions,
            bytes(self._done),
            self.withheld,
        )

    def take_record(self, record: BatchRecord) -> bool:
        """Take over what the journal kept; return False if it cannot be of this batch."""
        is_fitting = record.actions == self.batch.actions and len(record.done) == len(self._done)
        if not is_fitting or (numbers := list(numbers_in(record.done)))[-1:] > [self.batch.actions - 1]:
            return False
        self.generation, self.begun_at_ms = record.generation, record.begun_at_ms
        self.is_open, self.withheld = record.is_open, record.withheld
        self._done = bytearray(record.done)
        for position in numbers:
            self._ends[position] = _DONE
        return count_in(record.done) == len(numbers)

    def take_proof(self, proof: ProofRecord) -> bool:
        """Take over what the journal kept; return False if that was not done, or is proved by something else."""
        positions = list(numbers_in(proof.actions))
        if len(proof.actions) != len(self._done) or any(position >= len(self._ends) for position in positions):
            return False
        if any(self._ends[position] != _DONE for position in positions):
            return False
        for position in positions:
            self._ends[position] = _CODES_BY_PROOF[proof.proved_by]
        self._proved[proof.proved_by] = bytearray(proof.actions)
        return True


def load_states(batches: Iterable[Batch], journal: Journal) -> dict[int, BatchState]:
    """Return the state of every batch by id, in id order; raise JournalRefused if the two do not fit together."""
    states = {batch.id: BatchState(batch) for batch in batches}
    for record in journal.batches():
        state = states.get(record.id)
        if state is None or not state.take_record(record):
            raise does_not_fit(journal)
    for proof in journal.proofs():
        state = states.get(proof.batch)
        if state is None or not state.take_proof(proof):
            raise does_not_fit(journal)
    for outcome in journal.outcomes():
        state = states.get(outcome.batch)
        is_free = state is not None and 0 <= outcome.position < state.batch.actions
        is_free = is_free and outcome.kind is not OutcomeKind.DONE  # those are bits, and have no rows
        if state is None or not is_free or state.end_of(outcome.position) is not None:
            raise does_not_fit(journal)
        state.mark(
            outcome.position,
            outcome.kind,
            evidence=outcome.evidence,
            failure=outcome.failure,
            unclear_since_ms=outcome.unclear_since_ms,
        )
    return states


def does_not_fit(journal: Journal) -> JournalRefused:
    """Return the error for a journal that speaks of actions which the plan has not got."""
    return JournalRefused(
        f"{shown_path(journal.path)}: the journal is damaged: its batches are not those of the plan; "
        "`s3plan apply --rebuild-journal` sets it aside and looks at the store instead"
    )


def total_counts(states: Iterable[BatchState]) -> Counter[OutcomeKind]:
    """Return how many actions of all batches ended how."""
    counts: Counter[OutcomeKind] = Counter()
    for state in states:
        counts.update(state.counts())
    return counts


def total_evidence(states: Iterable[BatchState]) -> Counter[str]:
    """Return on what the already-done actions of all batches rest, and how many on each."""
    counts: Counter[str] = Counter()
    for state in states:
        counts.update(state.evidence())
    return counts


def total_verified(states: Iterable[BatchState], phases: Mapping[int, Phase]) -> dict[str, int]:
    """Return by what the writes of all batches are known to have the bytes of their sources, and how many by each.

    In the order of the ladder, what was looked at after it; last NOT_COMPARABLE, which ended well without such a proof.
    """
    counts: Counter[str] = Counter()
    for state in states:
        if phases[state.batch.phase].name is PhaseName.COPY:
            counts.update(state.verified())
    return {by: counts[by] for by in (*PROOFS, *_PROOFS_BY_LOOK.values(), NOT_COMPARABLE) if counts[by]}


def total_unverified(states: Iterable[BatchState]) -> int:
    """Return how many actions of all batches failed by their verification."""
    return sum(state.unverified_actions for state in states)
