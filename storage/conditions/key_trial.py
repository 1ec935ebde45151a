"""Finds out whether a store holds to keys of SSE-C: some take no notice, and what they store is under no key."""

from __future__ import annotations

from s3plan.schemas.failures import Failure
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import DeleteObject, HeadObject, ObjectFound, ObjectWritten, PutObject
from s3plan.storage.conditions.probe_remains import remove_versions
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan, to be removed"


def holds_customer_key(
    engine: Engine,
    bucket: str,
    key: str,
    *,
    customer_key: CustomerKey,
    owner: str | None = None,
    patience: Patience | None = None,
) -> bool:
    """Whether the store shows an object of ours, written with a key, to nobody without it; the object is removed.

    `engine` adds no key by itself. Three requests. A store that refuses to write it holds to it: writes will say why.
    Raises what the hooks of `patience` do.
    """
    patient = patience or Patience()
    made = patient.call(engine, PutObject(bucket, key, _BODY, owner=owner, customer_key=customer_key))
    if isinstance(made, Failure) and not made.kind.is_unclear:
        return True
    try:
        return not isinstance(patient.call(engine, HeadObject(bucket, key, owner=owner)), ObjectFound)
    finally:
        removal = patient.for_removal()
        removal.call(engine, DeleteObject(bucket, key, owner=owner))
        if isinstance(made, ObjectWritten) and made.version is not None:
            remove_versions(engine, bucket, key, owner=owner, patience=removal)
