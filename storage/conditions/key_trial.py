"""Finds out whether a store holds to keys of SSE-C: some take no notice, and what they store is under no key."""

from __future__ import annotations

from typing import NamedTuple

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import DeleteObject, HeadObject, ObjectWritten, PutObject
from s3plan.storage.conditions.probe_remains import remove_versions
from s3plan.storage.s3.patience import Patience

_BODY = b"s3plan, to be removed"
_REFUSED = frozenset({FailureKind.INVALID, FailureKind.DENIED, FailureKind.UNSUPPORTED})


class KeyTrial(NamedTuple):
    """What a store does with a key, and whether the object that showed it is gone for certain.

    `unknown` is why it could not be found out; `holds` is False then.
    """

    holds: bool
    is_clean: bool
    unknown: Failure | None = None


def try_customer_key(
    engine: Engine,
    bucket: str,
    key: str,
    *,
    customer_key: CustomerKey,
    owner: str | None = None,
    patience: Patience | None = None,
) -> KeyTrial:
    """Find out whether the store shows an object of ours, written with a key, to who has it alone; it is removed.

    `engine` adds no key by itself. Four requests at most. A store that refuses to write it holds to it: writes will
    say why. That it is not shown counts only if it is there, and shown with the key: credentials may
    read nothing, and an object may not have come there. Raises what the hooks of `patience` do.
    """
    patient = patience or Patience()
    made = patient.call(engine, PutObject(bucket, key, _BODY, owner=owner, customer_key=customer_key))
    if isinstance(made, Failure) and not made.kind.is_unclear:
        is_refused = made.kind in _REFUSED
        return KeyTrial(holds=is_refused, is_clean=True, unknown=None if is_refused else made)
    is_clean = False
    unknown: Failure | None = None
    try:
        shown = patient.call(engine, HeadObject(bucket, key, owner=owner))
        if isinstance(shown, Failure):
            read = patient.call(engine, HeadObject(bucket, key, owner=owner, customer_key=customer_key))
            if shown.kind not in _REFUSED:
                unknown = shown
            elif isinstance(read, Failure):
                unknown = read
    finally:
        removal = patient.for_removal()
        is_clean = not isinstance(removal.call(engine, DeleteObject(bucket, key, owner=owner)), Failure)
        if isinstance(made, ObjectWritten) and made.version is not None:
            remove_versions(engine, bucket, key, owner=owner, patience=removal)
    return KeyTrial(isinstance(shown, Failure) and unknown is None, is_clean, unknown)
