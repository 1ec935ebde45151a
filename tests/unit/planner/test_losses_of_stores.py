"""Losses by the rows of two stores: what is kept or set, and the destination's store has not."""

from __future__ import annotations

import pytest
from s3plan.planner.losses import KEPT_CLASSES, TwoStores, find_losses
from s3plan.schemas.manifest.words import Loss
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.header import JobSettings
from s3plan.schemas.plan.header_parts import EncryptionRecord
from s3plan.schemas.plan.objects import ChangesRecord, ObjectsRecord
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.store_quirks import STORES, quirks_of

TAGGED = ObjectsRecord(tags=ChangesRecord(set={"a": "b"}))


def losses(
    source: StoreName | None,
    destination: StoreName,
    *,
    kind: ActionKind = ActionKind.RELAY,
    objects: ObjectsRecord | None = None,
    encryption: str | None = None,
    writes: int = 1,
    lost_classes: dict[str, int] | None = None,
    own_key: bool = False,
) -> list[str]:
    settings = JobSettings(
        mode="copy",
        overwrite="always",
        archived="skip",
        objects=objects or ObjectsRecord(),
        encryption=None if encryption is None else EncryptionRecord(type=encryption),
    )
    row = quirks_of(destination)
    stores = TwoStores(None if source is None else quirks_of(source), row, KEPT_CLASSES, own_key)
    found = find_losses(
        settings, stores, kind=kind, writes=writes, lost_classes=lost_classes or {}, allowed=(Loss.TAGS,)
    )
    assert all(each.allowed is (each.what == "tags") for each in found)
    return [each.what for each in found]


def test_tags_are_lost_where_they_are_relayed_or_set_and_the_store_has_none() -> None:
    assert losses(StoreName.AWS, StoreName.R2) == ["tags"]
    assert losses(StoreName.UNKNOWN, StoreName.SWIFT) == ["tags"]
    assert losses(StoreName.R2, StoreName.SWIFT) == []  # there are none to lose
    assert losses(StoreName.R2, StoreName.R2, kind=ActionKind.COPY) == []
    assert losses(StoreName.R2, StoreName.R2, kind=ActionKind.COPY, objects=TAGGED) == ["tags"]
    assert losses(None, StoreName.SWIFT, kind=ActionKind.UPLOAD) == []
    assert losses(None, StoreName.SWIFT, kind=ActionKind.UPLOAD, objects=TAGGED) == ["tags"]
    assert losses(StoreName.AWS, StoreName.R2, objects=ObjectsRecord(preserve=("metadata",))) == []


def test_an_encryption_is_lost_where_the_store_is_known_not_to_do_it() -> None:
    assert losses(StoreName.R2, StoreName.SWIFT, encryption="aws:kms") == ["encryption"]
    assert losses(StoreName.R2, StoreName.SWIFT, own_key=True) == ["encryption"]
    assert losses(StoreName.R2, StoreName.AWS, encryption="aws:kms") == []
    assert losses(StoreName.R2, StoreName.UNKNOWN, encryption="aws:kms") == []


def test_storage_classes_are_counted() -> None:
    assert losses(StoreName.R2, StoreName.SWIFT, lost_classes={"GLACIER_IR": 2, "STANDARD_IA": 1}) == ["storage_class"]


@pytest.mark.parametrize("destination", STORES)
def test_a_plan_that_writes_nothing_loses_nothing(destination: StoreName) -> None:
    assert losses(StoreName.AWS, destination, objects=TAGGED, encryption="aws:kms", writes=0) == []


@pytest.mark.parametrize("store", STORES)
def test_what_stays_at_its_store_and_is_given_nothing_loses_nothing(store: StoreName) -> None:
    assert losses(store, store, kind=ActionKind.COPY) == []
