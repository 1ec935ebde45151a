"""What must be true of the actions of one batch: held by the writer, checked again by the reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import lt
from typing import Any

from s3plan.planfile.rows import ACTION_COLUMNS, ColumnValues, RowInvalid
from s3plan.schemas.files.paths import KeyRefusal, parts_of
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.plan.actions import ActionKind, kinds_of_writes
from s3plan.schemas.plan.pins import are_pins, are_versions
from s3plan.schemas.plan.rows import PhaseName, PlanLocation

KINDS_OF_PHASE: dict[PhaseName, frozenset[str]] = {
    PhaseName.PREPARE: frozenset(),
    PhaseName.COPY: frozenset(kind.value for kind in ActionKind if kind.is_write) | {ActionKind.SAME.value},
    PhaseName.REMOVE: frozenset(),  # its batches have no rows
    PhaseName.DELETE: frozenset({ActionKind.DELETE.value}),
    PhaseName.ASIDE: frozenset({ActionKind.SKIP.value, ActionKind.CONFLICT.value}),
}
WRITING_PHASES = frozenset({PhaseName.COPY, PhaseName.REMOVE, PhaseName.DELETE})
_NAMES = tuple(ACTION_COLUMNS)
_IS_STORAGE_CLASS = re.compile(r"[A-Z0-9_]{1,64}").fullmatch


def _are_storage_classes(names: list[str]) -> bool:
    return all(map(_IS_STORAGE_CLASS, set(names)))


# What of an action travels in its requests besides keys, numbers and times, and what may stand there.
_SENT: tuple[tuple[str, str, Callable[[list[str]], bool]], ...] = (
    ("source_pin", "an ETag", are_pins),
    ("destination_pin", "an ETag", are_pins),
    ("source_version", "a version", are_versions),
    ("storage_class", "a storage class", _are_storage_classes),
)
_TIMES = ("source_mtime_ms", "destination_mtime_ms")
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999


def check_actions(
    columns: ColumnValues, *, phase: PhaseName, source: PlanLocation | None, destination: PlanLocation | None
) -> None:
    """Raise RowInvalid unless a phase of that name may hold these actions between these locations.

    Their types were checked. That is: kinds are the phase's; keys ascend strictly by bytes and have 1,024 bytes at
    most, mapped destination keys likewise; no size is negative, times have a date; and for what is performed: it is
    pinned, ETags, versions and storage classes are of their alphabets, and the whole keys at both ends are UTF-8, not
    empty and 1,024 bytes at most.
    """
    column = dict(zip(_NAMES, columns, strict=True))
    strange = set(column["kind"]) - _kinds_of(phase, source, destination)
    if strange:
        raise RowInvalid(f"a {phase} phase cannot hold an action of kind {min(strange)!a}")
    if min(column["size_bytes"]) < 0:
        raise RowInvalid("a size is negative")
    for name in _TIMES:
        known = [time_ms for time_ms in column[name] if time_ms is not None]
        if known and not _EARLIEST_MS <= min(known) <= max(known) <= _LATEST_MS:
            raise RowInvalid(f"a {name} is not within the years 1 to 9999")
    _check_keys(column["key"], name="keys")
    targets = target_keys(column["key"], column["destination_key"])
    if targets is not column["key"]:
        _check_keys(targets, name="destination keys")
    if phase in WRITING_PHASES:
        _check_pins(column, phase)
        for end, keys, name in ((destination, targets, "destination_pin"), (source, column["key"], "source_pin")):
            if end is not None:
                _check_end(end, keys, [pin for pin in column[name] if pin is not None])
        _check_sizes(column, source=source, destination=destination)


def check_way(columns: ColumnValues, *, is_relayed: bool) -> None:
    """Raise RowInvalid if objects come across in another way than their job says."""
    other = ActionKind.COPY if is_relayed else ActionKind.RELAY
    if other.value in columns[_NAMES.index("kind")]:
        raise RowInvalid(f"an action of kind {other.value!a} is not of the transfer that its job has")


def _check_pins(column: Mapping[str, tuple[Any, ...]], phase: PhaseName) -> None:
    pin = "source_pin" if phase is PhaseName.COPY else "destination_pin"
    if None in column[pin]:
        raise RowInvalid(f"a {phase} has no {pin}: it would not be pinned")
    if (ActionKind.SAME.value, None) in set(zip(column["kind"], column["destination_pin"], strict=True)):
        raise RowInvalid("what is the same on both sides has no destination_pin: it would not be pinned")
    for name, what, are_valid in _SENT:
        if not are_valid([text for text in column[name] if text is not None]):
            raise RowInvalid(f"{what} in {name} is none that a request may carry: it could say more than the plan")


def _check_end(end: PlanLocation, keys: tuple[bytes, ...], pins: list[str]) -> None:
    if not end.is_folder:
        _check_whole_keys(keys, prefix=end.prefix)
        return
    for key in keys:
        refused = parts_of(key)
        if isinstance(refused, KeyRefusal):
            raise RowInvalid(f"a key cannot be a file's: {refused}")
    if any(Stamp.parse(pin) is None for pin in pins):
        raise RowInvalid("a file is pinned by what is no stamp")


def _check_sizes(
    column: Mapping[str, tuple[Any, ...]], *, source: PlanLocation | None, destination: PlanLocation | None
) -> None:
    """Hold sizes to the stamps of the files that are read: cut by another size, a copy would miss their end."""
    if source is not None and source.is_folder:
        pairs = list(zip(column["size_bytes"], column["source_pin"], strict=True))
    elif source is not None and destination is not None and destination.is_folder:
        rows = zip(column["kind"], column["size_bytes"], column["destination_pin"], strict=True)
        pairs = [(size_bytes, pin) for kind, size_bytes, pin in rows if kind == ActionKind.SAME.value]
    else:
        return
    for size_bytes, pin in pairs:
        stamp = Stamp.parse(pin)
        if stamp is None or stamp.size_bytes != size_bytes:
            raise RowInvalid("the size of a file is not that of its stamp: a copy would miss its end")


def _kinds_of(phase: PhaseName, source: PlanLocation | None, destination: PlanLocation | None) -> frozenset[str]:
    if phase is PhaseName.COPY and source is not None and destination is not None:
        return frozenset({*kinds_of_writes(source, destination), ActionKind.SAME})
    return KINDS_OF_PHASE[phase]


def target_keys(keys: tuple[bytes, ...], mapped: tuple[bytes | None, ...]) -> tuple[bytes, ...]:
    """Return the keys at the destination, relative to it; `keys` itself where nothing is mapped."""
    if mapped.count(None) == len(mapped):
        return keys
    return tuple([key if target is None else target for key, target in zip(keys, mapped, strict=True)])


def last_keys(columns: ColumnValues) -> tuple[bytes, bytes]:
    """Return a batch's last key and last destination key."""
    keys, targets = _keys_and_targets(columns)
    return keys[-1], targets[-1]


def follows(columns: ColumnValues, last: tuple[bytes, bytes]) -> bool:
    """Return whether a batch's keys are above the last ones of the batch before it in its phase."""
    keys, targets = _keys_and_targets(columns)
    return keys[0] > last[0] and targets[0] > last[1]


def _keys_and_targets(columns: ColumnValues) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    column = dict(zip(_NAMES, columns, strict=True))
    return column["key"], target_keys(column["key"], column["destination_key"])


def _check_keys(keys: tuple[bytes, ...], *, name: str) -> None:
    if not all(map(lt, keys, keys[1:])):
        raise RowInvalid(f"its {name} do not ascend")
    if max(map(len, keys)) > MAX_KEY_BYTES:
        raise RowInvalid(f"one of its {name} has more than {MAX_KEY_BYTES:,} bytes")


def _check_whole_keys(keys: tuple[bytes, ...], *, prefix: str) -> None:
    start = prefix.encode()
    if len(start) + max(map(len, keys)) > MAX_KEY_BYTES:
        raise RowInvalid(f"a key with its location's prefix has more than {MAX_KEY_BYTES:,} bytes")
    if not start and not keys[0]:  # they ascend: only the first can be empty
        raise RowInvalid("a key is empty: a request for it would be one for the bucket")
    try:
        b"\0".join(keys).decode()  # NUL ends every sequence, so this is UTF-8 exactly if each key is
    except UnicodeDecodeError as e:
        raise RowInvalid("a key is not UTF-8") from e


def size_of(columns: ColumnValues) -> int:
    """Return the bytes of all objects of a batch whose rules were checked."""
    return sum(columns[_NAMES.index("size_bytes")])
