"""What to do about a key that both sides have: the policies that `overwrite:` names."""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.planner.comparison import Policy, by_mtime, by_size, compare_by
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Verdict, VerdictKind

_EXISTS = Verdict(VerdictKind.SKIPPED, "destination exists", "destination exists")
_ALWAYS = Verdict(VerdictKind.OVERWRITE, "overwrite: always", "overwrite: always")


def policy_for(overwrite: Overwrite, *, compare: Sequence[Compare], etags_comparable: bool) -> Policy:
    """Return the policy of a job; `compare` and `etags_comparable` matter to if-different alone, see compare_by."""
    match overwrite:
        case Overwrite.IF_DIFFERENT:
            return compare_by(compare, etags_comparable=etags_comparable)
        case Overwrite.IF_NEWER:
            return by_mtime
        case Overwrite.IF_SIZE_DIFFERS:
            return by_size
        case Overwrite.NEVER:
            return never
        case Overwrite.ALWAYS:
            return always


def never(source: ObjectRow, destination: ObjectRow) -> Verdict:  # noqa: ARG001
    """Leave what is there."""
    return _EXISTS


def always(source: ObjectRow, destination: ObjectRow) -> Verdict:  # noqa: ARG001
    """Overwrite without a look."""
    return _ALWAYS
