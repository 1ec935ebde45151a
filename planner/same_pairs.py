"""What a move makes of pairs that are the same by now: nothing is to be written, and the source is to be removed."""

from __future__ import annotations

from s3plan.planner.comparison import Policy
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import Verdict, VerdictKind


class SamePairs:
    """A policy that says `same` where another one says that nothing is to be done since both sides are.

    Whether they are is proved by apply, before anything is removed. Where the other policy leaves objects alone that
    may differ (`never`, `if-newer`, `if-size-differs`), only equal ETags count.
    """

    def __init__(self, policy: Policy, *, overwrite: Overwrite) -> None:
        self._policy = policy
        self._tells_same = overwrite is Overwrite.IF_DIFFERENT
        self._same: dict[str, Verdict] = {}

    def verdict(self, source: ObjectRow, destination: ObjectRow) -> Verdict:
        """Return what is to be done about a key that both sides have."""
        found = self._policy(source, destination)
        if found.kind is VerdictKind.OVERWRITE or source.size_bytes != destination.size_bytes:
            return found
        has_same_etag = source.etag == destination.etag != ""
        if not has_same_etag and not (self._tells_same and found.kind is VerdictKind.UNCHANGED):
            return found
        rule = found.rule if found.kind is VerdictKind.UNCHANGED else "same ETag"
        if rule not in self._same:
            self._same[rule] = Verdict(VerdictKind.SAME, rule, f"{rule}: to be removed")
        return self._same[rule]
