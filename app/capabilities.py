"""What the destination's store is known to enforce: from the table, from a recent probe, or by probing now."""

from __future__ import annotations

from datetime import datetime

from s3plan.app.locations import FoundLocation
from s3plan.app.paths import capability_cache_path
from s3plan.app.stores import Stores
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.storage.conditions.capabilities import CapabilityCache, known_capabilities
from s3plan.storage.conditions.probe import probe
from s3plan.storage.conditions.probe_remains import remove_remains
from s3plan.storage.s3.patience import Patience


def capabilities_for_plan(stores: Stores, found: FoundLocation, *, probe: bool, now: datetime) -> Capabilities:
    """Return what can be said without writing; with `probe`, unknown conditions are found out by writing."""
    known = _known(found.location, now=now)
    if not probe or not found.exists or Enforcement.UNKNOWN not in known.values():
        return known
    return find_out(stores, found.location, now=now)


def find_out(
    stores: Stores, location: PlanLocation, *, now: datetime, patience: Patience | None = None
) -> Capabilities:
    """Return what is enforced at a destination that exists; probes whatever neither table nor cache knows."""
    known = _known(location, now=now)
    if Enforcement.UNKNOWN not in known.values():
        return known
    return _merged(known, probe_anew(stores, location, now=now, patience=patience))


def known_before(location: PlanLocation, *, now: datetime) -> Capabilities | None:
    """Return what table and cache say, if together they know all."""
    known = _known(location, now=now)
    return None if Enforcement.UNKNOWN in known.values() else known


def probe_anew(
    stores: Stores, location: PlanLocation, *, now: datetime, patience: Patience | None = None
) -> Capabilities:
    """Probe, whatever is known, and keep what is found for a day."""
    engine = stores.engine_of(location)
    cache = CapabilityCache(capability_cache_path())
    endpoint, bucket = location.endpoint, location.bucket
    remove_left_behind(engine, location, cache=cache, patience=patience)
    try:
        probed = probe(
            engine,
            bucket,
            location.prefix,
            owner=location.owner,
            patience=patience,
            on_begin=lambda stem: cache.note_probe(endpoint, bucket, stem=stem),
        )
    except Exception:
        cache.note_failed_probe(endpoint, bucket)
        raise
    cache.keep(endpoint, bucket, probed, now=now)
    return probed


def remove_left_behind(
    engine: Engine, location: PlanLocation, *, cache: CapabilityCache, patience: Patience | None = None
) -> None:
    """Remove what probes left that were killed, or that the store did not let; what stays is kept in mind."""
    stems = cache.broken_probes(location.endpoint, location.bucket)
    left = [
        stem
        for stem in stems
        if not remove_remains(engine, location.bucket, stem, owner=location.owner, patience=patience)
    ]
    if stems:
        cache.note_left(location.endpoint, location.bucket, stems=left)


def _known(location: PlanLocation, *, now: datetime) -> Capabilities:
    table = known_capabilities(location.endpoint, bucket=location.bucket)
    if Enforcement.UNKNOWN not in table.values():
        return table
    cached = CapabilityCache(capability_cache_path()).find(location.endpoint, location.bucket, now=now)
    return table if cached is None else _merged(table, cached)


def _merged(table: Capabilities, probed: Capabilities) -> Capabilities:
    return {
        condition: probed[condition] if table[condition] is Enforcement.UNKNOWN else table[condition]
        for condition in Condition
    }
