"""The jobs that a manifest describes, with every default filled in: what a plan is built from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from s3plan.planner.filtering.filters import KeyFilter, compile_key_filter
from s3plan.planner.manifest.findings.between_jobs import dependency_order, nearest_dependencies
from s3plan.planner.manifest.new_objects import objects_record
from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.manifest.locations import EncryptionSetting
from s3plan.schemas.manifest.models import Filters, Guards, JobEntry, RunSettings
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.retries import Retries
from s3plan.schemas.manifest.words import Archived, Compare, DeleteWhen, EncryptionType, Loss, Mode, Overwrite, Preserve
from s3plan.schemas.plan.header import JobSettings, RetryRecord, RunRecord
from s3plan.schemas.plan.header_parts import EncryptionRecord


@dataclass(frozen=True, slots=True)
class Job:
    """One resolved job. Prefixes are what every whole key of a location begins with.

    `depends_on` are jobs that are planned with it, also where jobs between the two are not. `guards_of_all` are the
    manifest's, which hold for each job, too.
    """

    name: str
    depends_on: tuple[str, ...]
    source_prefix: str
    destination_prefix: str
    passes_key: KeyFilter | None
    filters: Filters
    overwrite: Overwrite
    compare: tuple[Compare, ...]
    copies_archived: bool
    allow_loss: tuple[Loss, ...]
    deletes: bool  # of a mirror: what only the destination has
    moves: bool  # what is copied is removed from the source
    guards_written: Guards
    guards_in_force: Guards
    guards_of_all: Guards
    settings: JobSettings
    verifies_as_usual: bool  # the manifest does not say what is asked of writes

    def through_us(self) -> Job:
        """Return the job with what is usual where bytes pass through us."""
        if not self.verifies_as_usual:
            return self
        return replace(self, settings=self.settings.model_copy(update={"verify": Verify.CHECKSUM.value}))


def resolve_jobs(manifest: Manifest, names: Iterable[str] | None = None) -> tuple[Job, ...]:
    """Return a manifest's jobs, or those of these names, each after those that it depends on.

    Raises PatternInvalid for a pattern that cannot be meant.
    """
    chosen = dependency_order(manifest, manifest.jobs if names is None else names)
    return tuple(_job(manifest, name, chosen) for name in chosen)


def run_record(run: RunSettings) -> RunRecord:
    """Return how a plan is carried out, as its header says it."""
    return RunRecord(
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
        memory_bytes=run.memory,
        file_threads=run.file_threads,
        durability=run.durability.value,
    )


def _job(manifest: Manifest, name: str, chosen: tuple[str, ...]) -> Job:
    entry = manifest.jobs[name]
    return Job(
        name=name,
        depends_on=nearest_dependencies(manifest, name, chosen),
        source_prefix="" if entry.source is None else entry.source.key_prefix,
        destination_prefix=entry.changed_place.key_prefix,
        passes_key=compile_key_filter(entry.filters),
        filters=entry.filters,
        overwrite=entry.overwrite,
        compare=entry.compare,
        copies_archived=entry.archived is Archived.COPY,
        allow_loss=entry.allow_loss,
        deletes=entry.mode in (Mode.MIRROR, Mode.DELETE),
        moves=entry.mode is Mode.MOVE,
        guards_written=entry.guards,
        guards_in_force=entry.guards_in_force(),
        guards_of_all=manifest.guards,
        settings=_settings(entry, manifest.run.verify),
        verifies_as_usual=manifest.run.verify is None,
    )


def _settings(entry: JobEntry, verify: Verify | None) -> JobSettings:
    destination, deletion, when = entry.destination, entry.delete, None
    passes_through_us = any(place.folder is not None for place in entry.places)
    if entry.mode is Mode.MIRROR:
        when = (None if deletion is None else deletion.when) or DeleteWhen.ALL_DONE
    return JobSettings(
        mode=entry.mode.value,
        overwrite=entry.overwrite.value,
        compare=tuple(word.value for word in entry.compare),
        preserves_mtime=Preserve.MTIME in (entry.preserve or ()),
        transfer=entry.transfer.value,
        archived=entry.archived.value,
        delete_when=None if when is None else when.value,
        unpinned_deletes=deletion is not None and deletion.unpinned.value == "allow",
        create_bucket=destination is not None and (destination.create or destination.folder is not None),
        encryption=None if destination is None else _encryption(destination.encryption),
        storage_class=None
        if destination is None or destination.storage_class is None
        else destination.storage_class.value,
        acl=None if destination is None or destination.acl is None else destination.acl.value,
        checksum_algorithm=None
        if destination is None or destination.checksum_algorithm is None
        else destination.checksum_algorithm.value.upper(),
        may_lose_checksum=destination is not None
        and destination.checksum_algorithm is not None
        and Loss.CHECKSUM in entry.allow_loss,
        objects=objects_record(entry),
        verify=(verify or (Verify.CHECKSUM if passes_through_us else Verify.ETAG)).value,
        verify_is_strict=verify is Verify.CHECKSUM,
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
    if setting is None or setting.type is EncryptionType.SSE_C:  # that is said of the location
        return None
    return EncryptionRecord(type=setting.type.value, key_id=setting.key_id, bucket_key=setting.bucket_key)
