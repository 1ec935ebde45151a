"""A location whose objects are under a key of SSE-C: what the plan keeps of it."""

from __future__ import annotations

from dataclasses import replace

from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.stores.quirks import Encryptions
from s3plan.storage.places.location import FoundLocation
from s3plan.storage.s3.connections.customer_keys import FoundKey
from s3plan.storage.s3.store_quirks import quirks_of


def under_key(found: FoundLocation, reference: KeyReference, key: FoundKey, *, is_written: bool) -> FoundLocation:
    """Return a bucket's location with what its key is named and known by.

    Raises PlanRefused for one that is written to, at a store that is known to have no SSE-C.
    """
    known = quirks_of(found.location.store).encryptions
    if is_written and known is not None and Encryptions.SSE_C not in known:
        raise PlanRefused(
            f"{found.location.url}: stores of the kind {found.location.store} have no SSE-C, so that what is written "
            "would lie there without; leave `encryption` out, or choose another store"
        )
    location = replace(found.location, customer_key=reference.text, customer_key_fingerprint=key.key.fingerprint)
    return FoundLocation(location, found.exists, (*found.warnings, *key.warnings))
