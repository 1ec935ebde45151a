"""Two ordered listings -> a verdict for every key, in one pass."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from s3plan.planner.collisions import Collisions
from s3plan.planner.comparison import Policy
from s3plan.planner.filtering.filters import AttributeFilter
from s3plan.planner.losses import KEPT_CLASSES
from s3plan.planner.store_limits import StoreLimits
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.files.paths import OWN_NAMES
from s3plan.schemas.objects import (
    ARCHIVED_CLASSES,
    MAX_KEY_BYTES,
    STANDARD,
    ObjectRow,
    Oddity,
    known_mtime_ms,
    oddity_of,
)
from s3plan.schemas.plan.actions import Action, ActionKind, Verdict, VerdictKind
from s3plan.schemas.plan.header import ARCHIVED_RULE, BELOW_EMPTY_RULE
from s3plan.schemas.plan.pins import MAX_ETAG_CHARACTERS, is_pin
from s3plan.schemas.printable import escape_unprintable

COPY_ABSENT = Verdict(VerdictKind.COPY, "not in destination", "not in destination")
DELETE_EXTRANEOUS = Verdict(VerdictKind.DELETE, "not in source", "not in source")
DELETE_BELOW_EMPTY = Verdict(VerdictKind.DELETE, *[BELOW_EMPTY_RULE] * 2)
DELETE_CHOSEN = Verdict(VerdictKind.DELETE, "passes the filters", "passes the filters")
LEFT_ALONE = Verdict(VerdictKind.UNCHANGED, "only in destination", "only in destination")
THE_LOCATION_ITSELF = Verdict(VerdictKind.SKIPPED, "the location itself", "the location itself")
_NOT_UTF8 = Verdict(VerdictKind.CONFLICT, "key is not UTF-8", "key is not UTF-8")
_NO_ETAG = Verdict(VerdictKind.CONFLICT, "no ETag to pin", "no ETag to pin")
_ODD_ETAG = Verdict(VerdictKind.CONFLICT, *["its ETag has characters that no pin may hold"] * 2)
_ODD_ROWS = {
    oddity: Verdict(VerdictKind.SKIPPED if oddity.is_left_out else VerdictKind.CONFLICT, *[oddity.value] * 2)
    for oddity in Oddity
}
_SHIELDED = Verdict(VerdictKind.SKIPPED, *["only in destination, where the folder has something else"] * 2)
_OWN = Verdict(VerdictKind.SKIPPED, *[Oddity.OWN.value] * 2)
_NOTHING = ObjectRow(b"", 0, "", 0)
_SHOWN_BYTES = 100

_WRITES = frozenset({VerdictKind.COPY, VerdictKind.OVERWRITE})
_WITH_LINE = _WRITES | {VerdictKind.SAME, VerdictKind.DELETE}

Pair = tuple[ObjectRow | None, ObjectRow | None]
"""Source and destination of one key; at least one is there."""
OnVerdict = Callable[[Verdict, int, int], None]
"""Told of a verdict, of how many objects it holds for, and of their bytes; the source's where there is one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about a key, chosen once for a job."""

    policy: Policy
    objection: AttributeFilter | None
    copies_archived: bool
    extraneous: Verdict  # of what only the destination has
    source_prefix_bytes: int
    destination_prefix_bytes: int
    storage_class: str | None  # of new objects, where the manifest names one
    keeps_class: bool = True  # where it names none: they have that of the source
    known_classes: frozenset[str] = KEPT_CLASSES  # those of it that the destination's store has
    lost_classes: Counter[str] = field(default_factory=Counter)  # the others, by how many objects are written without
    kind: ActionKind = ActionKind.COPY  # of writes
    collisions: Collisions | None = None  # where files are written
    limits: StoreLimits | None = None  # where objects are
    empty_directories: deque[bytes] = field(default_factory=deque)  # of the source: keys with `/` at the end, in order


def pair_up(source: Iterator[ObjectRow], destination: Iterator[ObjectRow]) -> Iterator[Pair]:
    """Yield every key of two listings once, in key order; both must be in strictly ascending order of key bytes."""
    left, right = next(source, None), next(destination, None)
    while left is not None and right is not None:
        if left[0] == right[0]:
            yield left, right
            left, right = next(source, None), next(destination, None)
        elif left[0] < right[0]:
            yield left, None
            left = next(source, None)
        else:
            yield None, right
            right = next(destination, None)
    while left is not None:
        yield left, None
        left = next(source, None)
    while right is not None:
        yield None, right
        right = next(destination, None)


def diff(pairs: Iterable[Pair], *, rules: Rules, on_verdict: OnVerdict) -> Iterator[tuple[Verdict, Action]]:
    """Yield, in the order of the pairs, what has a line in the plan: writes, deletes, conflicts, archived objects.

    `on_verdict` is told of every pair, also of those that need nothing, which are told together as long as one follows
    another.
    """
    policy, objection = rules.policy, rules.objection
    extraneous = rules.extraneous
    shields = Shields() if rules.kind is ActionKind.UPLOAD and extraneous is DELETE_EXTRANEOUS else None
    spares = None if extraneous is LEFT_ALONE else _Spares(rules, shields)
    filtered = _Filtered()
    streak, objects, size_bytes = LEFT_ALONE, 0, 0
    for source, destination in pairs:
        if source is None:
            verdict = extraneous if spares is None or destination is None else spares.over(destination) or extraneous
        elif not source[2] and oddity_of(source) is not None:
            verdict = COPY_ABSENT  # `_line` says why there can be none
            if shields is not None:
                shields.add(source)
        elif objection is not None and (rule := objection(source)) is not None:
            verdict = filtered[rule]
        elif destination is None:
            verdict = COPY_ABSENT
        elif not destination[2] and oddity_of(destination) is not None:
            verdict = COPY_ABSENT  # likewise
        else:
            verdict = policy(source, destination)
        if verdict is not streak:
            if verdict.kind in _WITH_LINE:
                verdict, action = _line(verdict, source, destination, rules=rules)
                on_verdict(verdict, 1, action.size_bytes)
                yield verdict, action
                continue
            if objects:
                on_verdict(streak, objects, size_bytes)
            streak, objects, size_bytes = verdict, 0, 0
        objects += 1
        size_bytes += (source or destination or _NOTHING)[1]
    if objects:
        on_verdict(streak, objects, size_bytes)


class Shields:
    """What stands in a folder and is not uploaded: nothing of its key, or below it, is extraneous in the bucket."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []

    def add(self, row: ObjectRow) -> None:
        """Shield what has this key, or lies below it; rows come in order."""
        oddity = oddity_of(row)
        if oddity is not None and oddity.is_of_folder:
            self._keys.append(row.key.removesuffix(b"/"))

    def over(self, key: bytes) -> Verdict | None:
        """Return why a key that only the bucket has is not extraneous, None if it is; keys come in order."""
        if not OWN_NAMES.isdisjoint(key.split(b"/")):
            return _OWN
        self._keys = [each for each in self._keys if key <= each + b"/\xff"]
        return _SHIELDED if any(key == each or key.startswith(each + b"/") for each in self._keys) else None


class _Filtered(dict[str, Verdict]):
    """The verdict about what a rule leaves out, by that rule: one object each."""

    def __missing__(self, rule: str) -> Verdict:
        verdict = self[rule] = Verdict(VerdictKind.SKIPPED, rule, rule)
        return verdict


class _Spares:
    """What only the destination has and is not deleted all the same: none of a mirror's business, or filtered."""

    def __init__(self, rules: Rules, shields: Shields | None) -> None:
        self._objection = rules.objection
        self._where = "" if rules.extraneous is DELETE_CHOSEN else "only in destination, "
        self._shields = shields
        self._empties = rules.empty_directories
        self._filtered = _Filtered()

    def over(self, destination: ObjectRow) -> Verdict | None:
        """Return why an object stays that only the destination has, None if it is extraneous; they come in order.

        One whose directory is there and empty is extraneous, too, and has a verdict of its own: a guard counts those.
        """
        if self._shields is not None and (shield := self._shields.over(destination.key)) is not None:
            return shield
        if not destination.etag and oddity_of(destination) is not None:
            return None  # of an odd one `_line` says why nothing can be done about it
        rule = None if self._objection is None else self._objection(destination)
        if rule is not None:
            return self._filtered[f"{self._where}{rule}"]
        return DELETE_BELOW_EMPTY if self._empties and self._is_below_empty(destination.key) else None

    def _is_below_empty(self, key: bytes) -> bool:
        """Whether a key lies in an empty directory; those that the keys have passed are forgotten."""
        empties = self._empties
        while empties and empties[0] < key and not key.startswith(empties[0]):
            empties.popleft()
        return bool(empties) and key.startswith(empties[0])


def _line(
    verdict: Verdict, source: ObjectRow | None, destination: ObjectRow | None, *, rules: Rules
) -> tuple[Verdict, Action]:
    """Return the action of a verdict, or the verdict and line of why there can be none."""
    if source is None:
        return _delete(verdict, destination or _NOTHING, rules=rules)
    storage_class = rules.storage_class
    if source.storage_class != STANDARD:
        if source.storage_class in ARCHIVED_CLASSES and not rules.copies_archived:
            verdict = Verdict(VerdictKind.SKIPPED, *[f"{ARCHIVED_RULE}{source.storage_class}"] * 2)
        elif storage_class is None and rules.keeps_class and source.storage_class in KEPT_CLASSES:
            storage_class = source.storage_class
    if verdict.kind is not VerdictKind.SKIPPED:
        refused = _conflict(source.key, source=rules.source_prefix_bytes, destination=rules.destination_prefix_bytes)
        verdict = refused or _no_pin(source) or verdict
        if destination is not None:
            verdict = _no_pin(destination) or verdict
        if rules.limits is not None and verdict.kind in _WRITES:
            verdict = rules.limits.refusal(source) or verdict
        if rules.collisions is not None and verdict.kind in _WRITES:
            verdict = rules.collisions.verdict(source, is_new=destination is None) or verdict
    if verdict.kind not in _WRITES and verdict.kind is not VerdictKind.SAME:
        return verdict, line_aside(verdict, source, destination)
    is_write = verdict.kind in _WRITES
    if is_write and rules.storage_class is None and storage_class is not None and not _is_kept(storage_class, rules):
        rules.lost_classes[storage_class] += 1
        storage_class = None
    return verdict, Action(
        kind=rules.kind if is_write else ActionKind.SAME,
        key=source.key,
        size_bytes=source.size_bytes,
        reason=verdict.reason,
        source_pin=source.etag,
        source_mtime_ms=source.mtime_ms,
        destination_pin=None if destination is None else destination.etag,
        destination_mtime_ms=None if destination is None else destination.mtime_ms,
        storage_class=storage_class if is_write else None,
    )


def _is_kept(storage_class: str, rules: Rules) -> bool:
    """Return whether the destination's store can give a new object the class of its source."""
    has_it = rules.limits is None or rules.limits.storage_class(storage_class) is not None
    return has_it and storage_class in rules.known_classes


def _delete(verdict: Verdict, destination: ObjectRow, *, rules: Rules) -> tuple[Verdict, Action]:
    refused = _conflict(destination.key, source=0, destination=rules.destination_prefix_bytes) or _no_pin(destination)
    if refused is None and rules.limits is not None:
        refused = rules.limits.spares(destination)
    if refused is not None:
        return refused, line_aside(refused, None, destination)
    return verdict, Action(
        kind=ActionKind.DELETE,
        key=destination.key,
        size_bytes=destination.size_bytes,
        reason=verdict.reason,
        destination_pin=destination.etag,
        destination_mtime_ms=destination.mtime_ms,
    )


def line_aside(verdict: Verdict, source: ObjectRow | None, destination: ObjectRow | None) -> Action:
    """Return the line of what is planned and never done, whatever the store says of it; one side at least is there.

    Raises ListingUnusable for a key that no plan can hold: no request could name it either.
    """
    row = source or destination or _NOTHING
    if len(row.key) > MAX_KEY_BYTES:
        raise ListingUnusable(
            f"the store lists a key of {len(row.key):,} bytes, and the most that S3 has is {MAX_KEY_BYTES:,}; leave it "
            f"out with a filter: it begins with {escape_unprintable(row.key[:_SHOWN_BYTES].decode(errors='replace'))}"
        )
    return Action(
        kind=ActionKind.CONFLICT if verdict.kind is VerdictKind.CONFLICT else ActionKind.SKIP,
        key=row.key,
        size_bytes=row.size_bytes,
        reason=verdict.reason,
        source_pin=None if source is None else source.etag[:MAX_ETAG_CHARACTERS],
        source_mtime_ms=known_mtime_ms(source),
        destination_pin=None if destination is None else destination.etag[:MAX_ETAG_CHARACTERS],
        destination_mtime_ms=known_mtime_ms(destination),
    )


def _no_pin(row: ObjectRow) -> Verdict | None:
    """Return why no request can be pinned to this object, or None; stores may send anything for an ETag."""
    if is_pin(row.etag):
        return None
    oddity = oddity_of(row)
    if oddity is not None:
        return _ODD_ROWS[oddity]
    return _ODD_ETAG if row.etag else _NO_ETAG


def _conflict(key: bytes, *, source: int, destination: int) -> Verdict | None:
    """Return why no request can name this key, or None; the two are how long the prefixes are, in bytes."""
    if len(key) + max(source, destination) > MAX_KEY_BYTES:
        side, prefix_bytes = ("source", source) if source > destination else ("destination", destination)
        reason = f"{side} key of {prefix_bytes + len(key):,} bytes, the most is {MAX_KEY_BYTES:,}"
        return Verdict(VerdictKind.CONFLICT, f"{side} key too long", reason)
    try:
        key.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    return None
