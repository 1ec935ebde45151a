"""Batch deletes that are not carried out, or not told, for every key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakes.s3server.errors import S3Error
from fakes.s3server.faults import Fault, FaultKind

_KINDS = frozenset({FaultKind.KEYS_REFUSED, FaultKind.KEYS_UNTOLD})


@dataclass(frozen=True, slots=True)
class BatchFault:
    """What happens to `keys` of one batch delete: they stay, unless `deletes`; they are answered by `error`, or not."""

    keys: frozenset[str] = frozenset()
    deletes: bool = True
    error: S3Error | None = None


UNDISTURBED = BatchFault()


def batch_fault(fault: Fault | None, keys: Sequence[str]) -> BatchFault:
    """What a rule means for a batch delete of these keys."""
    if fault is None or fault.kind not in _KINDS:
        return UNDISTURBED
    error = S3Error(fault.code) if fault.kind is FaultKind.KEYS_REFUSED else None
    return BatchFault(frozenset(fault.keys or keys[::2]), fault.after_commit, error)
