"""What an audit of two places finds of one key, and what it found of all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from s3plan.schemas.evidence.ladder import Compared
from s3plan.schemas.objects import ObjectRow


class FindingKind(StrEnum):
    """What is so about a key, in the order in which it is told."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"  # at the destination
    EXTRA = "extra"  # there, and not at the source
    UNREADABLE = "unreadable"  # odd, not to be read, or changed meanwhile
    NOT_COMPARABLE = "not comparable"  # nothing of the two sides can be compared
    LEFT_OUT = "left out"  # by a filter, or on purpose: no matter of the job

    @property
    def is_wanting(self) -> bool:
        """Whether the destination is not what the source is; of EXTRA its job's mode says so."""
        return self in (FindingKind.DIFFERENT, FindingKind.MISSING)

    @property
    def is_untold(self) -> bool:
        """Whether it could not be told what is so."""
        return self in (FindingKind.UNREADABLE, FindingKind.NOT_COMPARABLE)


class Finding(NamedTuple):
    """What was found of one key. `by` is the evidence of SAME and DIFFERENT, the digests are those that differ."""

    kind: FindingKind
    key: bytes
    size_bytes: int  # the source's where there is one
    reason: str = ""
    by: str = ""
    of_source: str = ""
    of_destination: str = ""


class AuditQuestion(NamedTuple):
    """Two rows of one key and one size, of which something is to be found out."""

    source: ObjectRow
    destination: ObjectRow


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """What was found out: what decided, or why nothing could.

    `trouble` is a clause: one side could not be read, or is not what was listed any more. `hint` says why nothing could
    be compared, where that is known. `other_attributes` are clauses about what the two sides hold besides, unlike.
    """

    compared: Compared | None = None
    trouble: str = ""
    hint: str = ""
    other_attributes: tuple[str, ...] = ()


@dataclass(slots=True)
class AuditCounts:
    """How many keys there are of each kind, their bytes, and by which evidence keys were found the same."""

    objects: Counter[FindingKind] = field(default_factory=Counter)
    size_bytes: Counter[FindingKind] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """Count one more."""
        self.objects[finding.kind] += 1
        self.size_bytes[finding.kind] += finding.size_bytes
        if finding.kind is FindingKind.SAME:
            self.evidence[finding.by] += 1
