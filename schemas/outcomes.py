"""How actions end, and what a batch tells on its way."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from s3plan.schemas.failures import FailureKind
from s3plan.schemas.plan.sides import Side


class OutcomeKind(StrEnum):
    """How one action ended."""

    DONE = "done"
    ALREADY_DONE = "already-done"  # the store already holds what this action would have made
    STALE = "stale"  # a pin did not hold: source or destination changed after the plan
    FAILED = "failed"
    SKIPPED = "skipped"  # on purpose, with a reason: withheld, planned as skip
    UNKNOWN = "unknown"  # begun, end not learnt: look before acting again

    @property
    def is_success(self) -> bool:
        """Whether the destination is known to be as planned."""
        return self in {OutcomeKind.DONE, OutcomeKind.ALREADY_DONE}


class Evidence(StrEnum):
    """What an `already-done` rests on, from the strongest to the weakest; ABSENT is a delete's."""

    BY_ETAG = "by etag"
    BY_CHECKSUM = "by checksum"
    BY_BYTES = "by bytes"
    BY_PARTS = "by its parts"  # made of those that the store has copied: by whose bytes, nobody has looked
    BY_SIZE_AND_TIME = "by size and time"
    ABSENT = "absent"


class Outcome(NamedTuple):
    """How the action at `position` of its batch ended.

    `reason` is one clause for a person; `evidence` is an `already-done`'s Evidence, or by which of `ladder.PROOFS` a
    `done` write has proved that its bytes are the source's, if it has. `failure` classes a `failed` or `unknown` one:
    the scheduler retries it if that class is retryable. `is_unclear`: a request of this attempt may have done what the
    action is about, and nobody knows. `side` is which side that failure came from.
    """

    position: int
    kind: OutcomeKind
    reason: str = ""
    evidence: str = ""
    failure: FailureKind | None = None
    retry_after_s: float | None = None
    is_unclear: bool = False
    side: Side | None = None


class UploadBegun(NamedTuple):
    """A multipart upload that the action at `position` opened."""

    position: int
    upload_id: str
    part_size_bytes: int


class PartDone(NamedTuple):
    """One part of an upload of the action at `position` is stored."""

    position: int
    upload_id: str
    number: int  # from 1
    etag: str


class UploadEnded(NamedTuple):
    """The upload is gone: completed or aborted by us. Its parts need not be kept."""

    position: int
    upload_id: str


class Matched(NamedTuple):
    """The destination of the write at `position` has the bytes of its source now, under this pin."""

    position: int
    pin: str


class Remark(NamedTuple):
    """Something that a person should know about the action at `position`; it changes nothing."""

    position: int
    message: str


Progress = Outcome | UploadBegun | PartDone | UploadEnded | Matched | Remark
