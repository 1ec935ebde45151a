"""The job that a manifest describes, with every default filled in: what a plan is built from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from s3plan.planner.filters import KeyFilter, compile_key_filter
from s3plan.schemas.manifest.locations import EncryptionSetting
from s3plan.schemas.manifest.models import Filters, Guards, Manifest
from s3plan.schemas.manifest.retries import Retries
from s3plan.schemas.manifest.words import Archived, Compare, Mode, Overwrite
from s3plan.schemas.plan.header import EncryptionRecord, ResolvedSettings, RetryRecord


@dataclass(frozen=True, slots=True)
class Job:
    """One resolved job. Prefixes are what every whole key of a location begins with."""

    name: str
    source_prefix: str
    destination_prefix: str
    passes_key: KeyFilter | None
    filters: Filters
    overwrite: Overwrite
    compare: tuple[Compare, ...]
    copies_archived: bool
    deletes_extraneous: bool
    guards_written: Guards
    guards_in_force: Guards
    settings: ResolvedSettings


def resolve_job(manifest: Manifest) -> Job:
    """Return the manifest's job; raise ManifestInvalid for a pattern that cannot be meant."""
    deletion = manifest.delete if manifest.mode is Mode.MIRROR else None
    return Job(
        name=manifest.name,
        source_prefix=manifest.source.key_prefix,
        destination_prefix=manifest.destination.key_prefix,
        passes_key=compile_key_filter(manifest.filters),
        filters=manifest.filters,
        overwrite=manifest.overwrite,
        compare=manifest.compare,
        copies_archived=manifest.archived is Archived.COPY,
        deletes_extraneous=deletion is not None and deletion.extraneous,
        guards_written=manifest.guards,
        guards_in_force=manifest.guards_in_force(),
        settings=_settings(manifest),
    )


def _settings(manifest: Manifest) -> ResolvedSettings:
    run, destination, deletion = manifest.run, manifest.destination, manifest.delete
    return ResolvedSettings(
        mode=manifest.mode.value,
        overwrite=manifest.overwrite.value,
        compare=tuple(word.value for word in manifest.compare),
        archived=manifest.archived.value,
        delete_when=None if deletion is None else deletion.when.value,
        unpinned_deletes=deletion is not None and deletion.unpinned.value == "allow",
        create_bucket=destination.create,
        encryption=_encryption(destination.encryption),
        storage_class=None if destination.storage_class is None else destination.storage_class.value,
        multipart_threshold_bytes=run.multipart_threshold,
        part_size_bytes=run.part_size,
        executor=run.executor.value,
        workers=run.workers,
        in_flight=run.in_flight,
        rate_per_s=run.rate,
        bandwidth_bytes_per_s=run.bandwidth,
        retries=_retries(run.retries),
        max_failures=run.max_failures,
        pin_cores=run.pin_cores,
    )


def _retries(settings: Retries) -> RetryRecord:
    return RetryRecord(
        attempts=settings.attempts,
        initial_ms=settings.initial // timedelta(milliseconds=1),
        max_ms=settings.max // timedelta(milliseconds=1),
        multiplier=settings.multiplier,
        jitter=settings.jitter.value,
    )


def _encryption(setting: EncryptionSetting | None) -> EncryptionRecord | None:
    if setting is None:
        return None
    return EncryptionRecord(type=setting.type.value, key_id=setting.key_id, bucket_key=setting.bucket_key)
