"""A location whose objects are under a key of SSE-C: what the plan keeps of it, and what is to be said of its store."""

from __future__ import annotations

from dataclasses import replace

from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.stores.quirks import Encryptions
from s3plan.storage.places.location import FoundLocation
from s3plan.storage.s3.connections.customer_keys import FoundKey
from s3plan.storage.s3.store_quirks import quirks_of


def under_key(found: FoundLocation, reference: KeyReference, key: FoundKey) -> FoundLocation:
    """Return a bucket's location with what its key is named and known by."""
    location = replace(found.location, customer_key=reference.text, customer_key_fingerprint=key.key.fingerprint)
    warnings = [*found.warnings, *key.warnings]
    known = quirks_of(location.store).encryptions
    if known is not None and Encryptions.SSE_C not in known:
        warnings.append(
            f"{location.url}: stores of the kind {location.store} have no SSE-C; before it writes anything, apply "
            "tries whether this one holds to the key"
        )
    return FoundLocation(location, found.exists, tuple(warnings))
