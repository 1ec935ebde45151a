"""What objects lose where the destination's store does not have it: by the store's row, and counted where rows tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from s3plan.schemas.manifest.words import Loss
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.header import JobSettings
from s3plan.schemas.plan.objects import LossRecord
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.stores.quirks import StoreQuirks, Support

KEPT_CLASSES = frozenset({"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"})
"""What a copy takes over from the source's listing. STANDARD is the default, archived classes would lock the copy away,
and other stores list names of tiers that no request may ask for."""


@dataclass(frozen=True, slots=True)
class TwoStores:
    """What is known of the stores that objects come from (None: a folder) and go to, and what of classes is kept.

    `is_under_own_key`: the destination names a key of SSE-C.
    """

    source: StoreQuirks | None
    destination: StoreQuirks
    kept_classes: frozenset[str] = KEPT_CLASSES
    is_under_own_key: bool = False


def kept_classes(source: PlanLocation, destination: PlanLocation, row: StoreQuirks) -> frozenset[str]:
    """Return which storage classes new objects may keep; of a store that is not known none that another one has."""
    if destination.has_classes_of(source):
        return KEPT_CLASSES
    return frozenset() if row.storage_classes is None else KEPT_CLASSES & row.storage_classes


def find_losses(
    settings: JobSettings,
    stores: TwoStores | None,
    *,
    kind: ActionKind,
    writes: int,
    lost_classes: Mapping[str, int],
    allowed: Collection[Loss],
) -> tuple[LossRecord, ...]:
    """Return what the objects of a job lose; nothing if it writes none, or none into a bucket.

    `lost_classes` counts those objects whose class is not kept, by that.
    """
    if stores is None or not writes:
        return ()
    found = [*_tags(settings, stores, kind), *_classes(stores, lost_classes)]
    found += [*_encryption(settings, stores), *_checksum(settings, stores)]
    return tuple(
        LossRecord(what=what.value, reason=reason, objects=objects, allowed=what in allowed)
        for what, reason, objects in found
    )


_Found = Iterator[tuple[Loss, str, int | None]]


def _tags(settings: JobSettings, stores: TwoStores, kind: ActionKind) -> _Found:
    row, objects = stores.destination, settings.objects
    if row.tags is not Support.NO:
        return
    may_have_some = stores.source is not None and stores.source.tags is not Support.NO
    verbs = ["kept"] if kind is ActionKind.RELAY and "tags" in objects.preserve and may_have_some else []
    verbs += ["set"] if objects.tags.set else []
    if verbs:
        yield Loss.TAGS, f"tags are not {' or '.join(verbs)}: {row.title} has none", None


def _classes(stores: TwoStores, lost_classes: Mapping[str, int]) -> _Found:
    if lost_classes:
        row = stores.destination
        what = "is not known to have" if row.storage_classes is None else "does not have"
        named = ", ".join(sorted(lost_classes))
        yield (
            Loss.STORAGE_CLASS,
            f"storage classes are not kept: {row.title} {what} {named}",
            sum(lost_classes.values()),
        )


def _encryption(settings: JobSettings, stores: TwoStores) -> _Found:
    row, asked = stores.destination, settings.encryption
    named = "sse-c" if stores.is_under_own_key else None if asked is None else asked.type
    if named is not None and row.encryptions is not None and named not in row.encryptions:
        yield Loss.ENCRYPTION, f"encryption {named} is not done as asked for: {row.title} does not do it", None


def _checksum(settings: JobSettings, stores: TwoStores) -> _Found:
    row, named = stores.destination, settings.checksum_algorithm
    if named is not None and row.checksums is not None and named not in row.checksums:
        yield Loss.CHECKSUM, f"objects get no {named}: {row.title} makes none", None
