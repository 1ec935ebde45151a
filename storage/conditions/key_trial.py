"""Finds out whether a store holds to keys of SSE-C: some take no notice, and what they store is under no key."""

from __future__ import annotations

from typing import NamedTuple

from s3plan.schemas.failures import Failure
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import DeleteObject, HeadObject, ObjectFound, ObjectWritten, PutObject
from s3plan.storage.conditions.probe_remains import remove_versions
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan, to be removed"


class KeyTrial(NamedTuple):
    """What a store does with a key, and whether the object that showed it is gone for certain."""

    holds: bool
    is_clean: bool


def try_customer_key(
    engine: Engine,
    bucket: str,
    key: str,
    *,
    customer_key: CustomerKey,
    owner: str | None = None,
    patience: Patience | None = None,
) -> KeyTrial:
    """Find out whether the store shows an object of ours, written with a key, to nobody without it; it is removed.

    `engine` adds no key by itself. Three requests. A store that refuses to write it holds to it: writes will say why.
    Raises what the hooks of `patience` do.
    """
    patient = patience or Patience()
    made = patient.call(engine, PutObject(bucket, key, _BODY, owner=owner, customer_key=customer_key))
    if isinstance(made, Failure) and not made.kind.is_unclear:
        return KeyTrial(holds=True, is_clean=True)
    is_clean = False
    try:
        shown = patient.call(engine, HeadObject(bucket, key, owner=owner))
    finally:
        removal = patient.for_removal()
        is_clean = not isinstance(removal.call(engine, DeleteObject(bucket, key, owner=owner)), Failure)
        if isinstance(made, ObjectWritten) and made.version is not None:
            remove_versions(engine, bucket, key, owner=owner, patience=removal)
    return KeyTrial(not isinstance(shown, ObjectFound), is_clean)
