"""What was tried of a connection, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a trial has shown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried, or could not be.

    `permission` is what a `no` lacks, None where it lacks none: the store does not offer it. `said` are the store's
    words, or why nothing is known: untrusted, escape them before printing. `is_feature`: a `no` is about the store, and
    nothing that anybody has to mend.
    """

    name: str
    answer: Answer
    permission: str | None = None
    said: str = ""
    is_feature: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether something is not as it must be."""
        return self.answer is Answer.NO and not self.is_feature


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs, as AWS's token service says."""

    account: str
    arn: str
    user_id: str
