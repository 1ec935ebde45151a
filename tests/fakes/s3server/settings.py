"""What the server does and what it leaves out, changed while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

MIB = 1 << 20
GIB = 1 << 30


class ConditionMode(StrEnum):
    ALL = "all"
    NONE = "none"
    PUT_ONLY = "put-only"
    NOT_ATOMIC = "not-atomic"
    NO_BATCH_DELETE = "no-batch-delete"


class ListOrder(StrEnum):
    SORTED = "sorted"
    UNSORTED = "unsorted"
    CASE_BLIND = "case-blind"
    UTF_16 = "utf-16"


class Condition(StrEnum):
    """Where a condition may stand."""

    READ = "read"
    PUT = "put"
    COPY_SOURCE = "copy-source"
    COPY = "copy"
    COMPLETE = "complete"
    DELETE = "delete"
    BATCH_DELETE = "batch-delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`credential`: the only access key id that is let in; None lets in any.

    `policies`: the IAM policy document of those access key ids that have one.
    """

    conditions: ConditionMode = ConditionMode.ALL
    order: ListOrder = ListOrder.SORTED
    owner: str = "123456789012"
    credential: str | None = None
    anonymous: bool = False
    page_keys: int = 1000  # the most that one page of a listing holds, whatever was asked for
    min_part_size_bytes: int = 5 * MIB
    max_copy_size_bytes: int = 5 * GIB
    complete_again: bool = False  # AWS answers a repeated complete with 200 for a while; many stores do not
    clock_offset_s: float = 0.0
    parts_take_s: float = 1.0  # by so much later is what is made of parts said to be made: see fakes/later_second.py
    latency_s: float = 0.0
    not_atomic_pause_s: float = 0.02
    refused_headers: Sequence[str] = ()  # what a store does not know, lower-case, it refuses with 400
    requester_pays: Sequence[str] = ()  # buckets whose requests must say who pays, copies from them too
    has_acls: bool = False  # else every object is the bucket owner's, and no other ACL is taken
    ignores_owners: bool = False
    ignores_checksums: bool = False  # neither compares nor keeps what is said of bytes
    drops_checksums_of: Sequence[str] = ()  # operations whose objects are left without: CopyObject
    misstates_checksums: Sequence[str] = ()  # beginnings of keys of which it states others than it keeps
    ignores_customer_keys: bool = False  # takes no notice of SSE-C
    flips_keys: Sequence[str] = ()  # beginnings of keys whose bytes suffer before they are stored
    # By access key id: `secret`, `account`, and `token` of temporary ones. With any, signatures are checked, see
    # principals.py: a bucket's owner may do everything, another account what it is granted (list, read, write).
    # Grants are by bucket and account, `*` for anybody.
    principals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)  # accounts of buckets that are not `owner`'s
    grants: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    foreign: Sequence[str] = ()  # buckets of somebody else's, which nobody here may use
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)  # other names of buckets, as access points give them

    def enforces(self, condition: Condition) -> bool:
        match self.conditions:
            case ConditionMode.NONE:
                return False
            case ConditionMode.PUT_ONLY:
                return condition in {Condition.READ, Condition.PUT}
            case ConditionMode.NO_BATCH_DELETE:
                return condition is not Condition.BATCH_DELETE
            case _:
                return True

    def owner_of(self, bucket: str) -> str:
        return self.owners.get(bucket, self.owner)

    def suffers(self, key: str) -> bool:
        return any(key.startswith(start) for start in self.flips_keys)

    def now_s(self) -> float:
        return time.time() + self.clock_offset_s

    def changed(self, values: Mapping[str, object]) -> Settings:
        """These settings with some replaced; ValueError names a field or a value that does not exist."""
        known = {item.name for item in fields(self)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"no such setting: {', '.join(unknown)} (known: {', '.join(sorted(known))})")
        typed = dict(values)
        if "conditions" in typed:
            typed["conditions"] = ConditionMode(str(typed["conditions"]))
        if "order" in typed:
            typed["order"] = ListOrder(str(typed["order"]))
        return replace(self, **typed)  # type: ignore[arg-type]  # JSON values; a test that sends a wrong type fails itself
