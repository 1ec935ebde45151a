"""Two ordered listings -> what is so about every key, in order, with the questions about pairs asked well ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from s3plan.planner.asked_ahead import in_order
from s3plan.planner.diff import Pair, Shields
from s3plan.planner.filtering.filters import AttributeFilter
from s3plan.schemas.evidence.findings import AuditAnswer, AuditQuestion, Finding, FindingKind
from s3plan.schemas.evidence.ladder import BY_SIZE, Compared
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.objects import ARCHIVED_CLASSES, ObjectRow, Oddity, oddity_of

_MOST_QUESTIONS = 256
ATTRIBUTES = "attributes"
"""By what two objects differ whose bytes do not."""
_HIDDEN = "destination: below what is no directory there, or cannot be read"
_SHOWN_CHARACTERS = 16  # of a digest, in a reason


class Evidence(Protocol):
    """Finds out about pairs of one size."""

    def settles(self, question: AuditQuestion) -> Compared | None:
        """Return what the listings prove by themselves, None if somebody has to be asked."""

    def ask(self, question: AuditQuestion) -> Future[AuditAnswer]:
        """Begin to find out; what the future raises ends the audit."""


@dataclass(frozen=True, slots=True)
class AuditRules:
    """What a job is about. `from_folder`, `to_folder`: that side's keys are the names of files."""

    objection: AttributeFilter | None
    copies_archived: bool
    from_folder: bool
    to_folder: bool


_Judged = tuple[Finding | AuditQuestion, Future[AuditAnswer] | None]


class Judging:
    """Judges the pairs of one job; used once."""

    def __init__(self, rules: AuditRules, evidence: Evidence, *, explain: Callable[[str], str] = str) -> None:
        """`explain` gets why nothing could be compared, "" where nobody said so, and returns the reason to tell."""
        self._rules = rules
        self._evidence = evidence
        self._explain = explain
        self._shields = Shields() if rules.from_folder else None
        self._shields_there = Shields() if rules.to_folder else None

    def findings(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        """Yield what is so about each key, in the order of the pairs."""
        asked = (self._judged(source, destination) for source, destination in pairs)
        for judged, answer in in_order(asked, most_questions=_MOST_QUESTIONS):
            if isinstance(judged, Finding):
                yield judged
                continue
            assert answer is not None  # noqa: S101  every question is answered
            yield self._finding(judged.source, answer)

    def _judged(self, source: ObjectRow | None, destination: ObjectRow | None) -> _Judged:
        if source is None:
            return self._extra(destination), None
        untold = self._untold(source, destination)
        if untold is not None:
            return untold, None
        if destination is None:
            return self._missing(source), None
        if source.size_bytes != destination.size_bytes:
            sizes = str(source.size_bytes), str(destination.size_bytes)
            return _different(source, Compared(False, BY_SIZE, *sizes)), None  # noqa: FBT003
        question = AuditQuestion(source, destination)
        settled = self._evidence.settles(question)
        if settled is not None:
            return _finding(FindingKind.SAME, source, compared=settled), None
        return question, self._evidence.ask(question)

    def _untold(self, source: ObjectRow, destination: ObjectRow | None) -> Finding | None:
        """Return what is to be said of a key of which nothing can, or need, be compared."""
        oddity = _oddity(source)
        if oddity is not None:
            if self._shields is not None:
                self._shields.add(source)
            kind = FindingKind.LEFT_OUT if oddity.is_left_out else FindingKind.UNREADABLE
            return _finding(kind, source, f"source: {oddity.value}")
        objection = None if self._rules.objection is None else self._rules.objection(source)
        if objection is not None:
            return _finding(FindingKind.LEFT_OUT, source, objection)
        if not _is_text(source.key):
            return _finding(FindingKind.UNREADABLE, source, "its key is not UTF-8")
        if self._rules.to_folder and isinstance(refusal := parts_of(source.key), KeyRefusal):
            is_conflict = refusal.is_conflict or (refusal is KeyRefusal.DIRECTORY and source.size_bytes > 0)
            kind = FindingKind.UNREADABLE if is_conflict else FindingKind.LEFT_OUT
            return _finding(kind, source, f"no file can have this key: {refusal.value}")
        there = None if destination is None else self._oddity_there(destination)
        if there is not None:
            return _finding(FindingKind.UNREADABLE, source, f"destination: {there.value}")
        if destination is None and self._shields_there is not None and self._shields_there.over(source.key) is not None:
            return _finding(FindingKind.UNREADABLE, source, _HIDDEN)
        return None

    def _oddity_there(self, destination: ObjectRow) -> Oddity | None:
        """Return what is odd about a row of the destination; in a folder it may hide what lies below it."""
        oddity = _oddity(destination)
        if oddity is not None and self._shields_there is not None:
            self._shields_there.add(destination)
        return oddity

    def _missing(self, source: ObjectRow) -> Finding:
        if source.storage_class in ARCHIVED_CLASSES and not self._rules.copies_archived:
            return _finding(FindingKind.LEFT_OUT, source, f"archived: {source.storage_class}")
        return _finding(FindingKind.MISSING, source)

    def _extra(self, destination: ObjectRow | None) -> Finding:
        """Return what is to be said of a key that only the destination has; keys come in order."""
        assert destination is not None  # noqa: S101  one of the two is there
        shield = None if self._shields is None else self._shields.over(destination.key)
        if shield is not None:
            return _finding(FindingKind.LEFT_OUT, destination, shield.reason)
        oddity = self._oddity_there(destination)
        if oddity is not None:
            kind = FindingKind.LEFT_OUT if oddity.is_left_out else FindingKind.UNREADABLE
            return _finding(kind, destination, f"destination: {oddity.value}")
        objection = None if self._rules.objection is None else self._rules.objection(destination)
        if objection is not None:
            return _finding(FindingKind.LEFT_OUT, destination, f"only in destination, {objection}")
        return _finding(FindingKind.EXTRA, destination)

    def _finding(self, source: ObjectRow, answer: AuditAnswer) -> Finding:
        compared = answer.compared
        if answer.trouble:
            return _finding(FindingKind.UNREADABLE, source, answer.trouble)
        if compared is not None and not compared.is_same:
            return _different(source, compared)
        if answer.other_attributes:
            return Finding(
                FindingKind.DIFFERENT, source.key, source.size_bytes, "; ".join(answer.other_attributes), ATTRIBUTES
            )
        if compared is None:
            return _finding(FindingKind.NOT_COMPARABLE, source, self._explain(answer.hint))
        return _finding(FindingKind.SAME, source, compared=compared)


def _finding(kind: FindingKind, row: ObjectRow, reason: str = "", compared: Compared | None = None) -> Finding:
    if compared is None:
        return Finding(kind, row.key, row.size_bytes, reason)
    of_source, of_destination = ("", "") if compared.is_same else (compared.of_one, compared.of_other)
    return Finding(kind, row.key, row.size_bytes, reason, compared.by, of_source, of_destination)


def _different(source: ObjectRow, compared: Compared) -> Finding:
    of_source, of_destination = _short(compared.of_one), _short(compared.of_other)
    reason = f"{compared.by} {of_source} at the source, {of_destination} at the destination"
    return _finding(FindingKind.DIFFERENT, source, reason, compared)


def _oddity(row: ObjectRow) -> Oddity | None:
    return None if row.etag else oddity_of(row)


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _short(digest: str) -> str:
    return digest if len(digest) <= _SHOWN_CHARACTERS else f"{digest[:_SHOWN_CHARACTERS]}..."
