"""How far a run goes to learn that what it wrote has the bytes of its source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verify(StrEnum):
    """What is asked of a write whose reply does not prove it, each with all that stands before it."""

    NONE = "none"  # nothing
    SIZE = "size"  # its size
    ETAG = "etag"  # what the store states: checksums, ETags
    CHECKSUM = "checksum"  # the bytes themselves, where nothing that is stated proves them

    @property
    def rank(self) -> int:
        """Its place in that order."""
        return _RANKS[self]


_RANKS = {verify: rank for rank, verify in enumerate(Verify)}  # asked of each write


@dataclass(frozen=True, slots=True)
class Verification:
    """What holds for the writes of one job.

    `is_strict`: what nothing can prove is a failure, as it was asked for; else it counts as not comparable.
    `etags_are_md5`: neither side encrypts by KMS or a customer's key, as far as was known when the plan was made.
    """

    asks: Verify = Verify.NONE
    is_strict: bool = False
    etags_are_md5: bool = False


REPLIES_ALONE = Verification()
"""What the reply to a write proves, and nothing more."""
