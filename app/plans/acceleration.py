"""Copies that Transfer Acceleration cannot make."""

from __future__ import annotations

from s3plan.app.locations import PlanEnds
from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.manifest.words import Transfer
from s3plan.schemas.plan.actions import ActionKind, kinds_of_writes


def refuse_accelerated_copies(ends: PlanEnds, stores: Stores) -> None:
    """Raise PlanRefused where a store would copy between two regions over an accelerated host, which it refuses.

    See https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html. Nothing of a copy passes through those
    hosts but the request itself: without them it is as fast.
    """
    for name, (source, destination) in ends.by_job.items():
        if source is None or ActionKind.COPY not in kinds_of_writes(source.location, destination.location):
            continue
        if ends.entries[name].transfer is Transfer.RELAY:
            continue
        regions = source.location.region, destination.location.region
        is_within_one = None in regions or regions[0] == regions[1]
        settings = stores.settings_of(destination.location.connection)
        if settings.accelerate and not is_within_one:
            raise PlanRefused(
                f"job {name}: {source.location.url} is in {regions[0]}, {destination.location.url} in {regions[1]}, "
                f"and no object is copied between regions with accelerate: true; remove it from {settings}, a copy "
                "does not pass through this machine and is as fast without (for its bytes to come through here, say "
                "transfer: relay)"
            )
