"""What is known of the two stores of a job, where objects may lose something between them."""

from __future__ import annotations

from s3plan.planner.losses import TwoStores, kept_classes
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.storage.s3.store_quirks import quirks_of


def two_stores(source: PlanLocation, destination: PlanLocation) -> TwoStores | None:
    """Return it; None where files are written, which carry nothing that a store could lack."""
    if destination.is_folder:
        return None
    row = quirks_of(destination.store)
    return TwoStores(
        None if source.is_folder else quirks_of(source.store),
        row,
        kept_classes(source, destination, row),
        is_under_own_key=destination.customer_key is not None,
    )
