"""The conditions that pins are made of, and what a store is known to do with them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Condition(StrEnum):
    """One kind of conditional request."""

    COPY_SOURCE_MATCH = "copy-source-match"  # CopyObject x-amz-copy-source-if-match
    COPY_ABSENT = "copy-absent"  # CopyObject If-None-Match: *
    COPY_MATCH = "copy-match"  # CopyObject If-Match
    PART_SOURCE_MATCH = "part-source-match"  # UploadPartCopy x-amz-copy-source-if-match
    COMPLETE_ABSENT = "complete-absent"  # CompleteMultipartUpload If-None-Match: *
    COMPLETE_MATCH = "complete-match"  # CompleteMultipartUpload If-Match
    PUT_ABSENT = "put-absent"  # PutObject If-None-Match: *
    PUT_MATCH = "put-match"  # PutObject If-Match
    DELETE_MATCH = "delete-match"  # DeleteObject If-Match
    BATCH_DELETE_MATCH = "batch-delete-match"  # DeleteObjects, ETag of each key


class Enforcement(StrEnum):
    """What a store does with a condition, best first."""

    ENFORCED = "enforced"
    NOT_ATOMIC = "enforced, not atomic"
    CHECKED = "checked"  # the store ignores it: s3plan looks, compares, then acts
    UNKNOWN = "unknown"  # apply probes it before any change

    @property
    def by_store(self) -> bool:
        """Whether the store itself refuses a request whose condition does not hold."""
        return self is Enforcement.ENFORCED or self is Enforcement.NOT_ATOMIC

    @property
    def rank(self) -> int:
        """Strength for comparing a plan's statement with a probe's finding; a larger number promises more."""
        return _RANKS[self]


_RANKS = {Enforcement.ENFORCED: 3, Enforcement.NOT_ATOMIC: 2, Enforcement.CHECKED: 1, Enforcement.UNKNOWN: 0}

Capabilities = Mapping[Condition, Enforcement]
"""Every Condition has an entry."""
