"""What a job's new objects are like, as a plan's header says it."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import format_datetime

from s3plan.schemas.manifest.attributes import GUESS, MetadataChanges, TagChanges
from s3plan.schemas.manifest.locations import Destination
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.words import EncryptionType, Preserve
from s3plan.schemas.plan.objects import HEADER_WORDS, ChangesRecord, ObjectsRecord


def objects_record(entry: JobEntry) -> ObjectsRecord:
    """Return what the new objects of a job keep and are given; without a word all is kept that objects have."""
    destination = entry.destination
    if destination is None:
        return ObjectsRecord()
    headers = _headers(destination)
    kept = {} if entry.preserve is None else {"preserve": _kept(entry.preserve)}
    return ObjectsRecord(
        **kept,
        headers={name: value for name, value in headers.items() if value != GUESS},
        guesses_type=destination.content_type == GUESS,
        metadata=_changes(destination.metadata),
        tags=_changes(destination.tags),
    )


def may_compare_etags(entry: JobEntry) -> bool:
    """Return whether ETags of both sides may be MD5 sums, as far as the manifest tells: its buckets are asked then."""
    source, destination = entry.source, entry.destination
    if source is None or destination is None or source.customer_key is not None:
        return False
    return destination.encryption is None or destination.encryption.type is EncryptionType.AES256


def _kept(preserve: Sequence[Preserve]) -> tuple[str, ...]:
    return tuple(word.value for word in Preserve if word in preserve and word is not Preserve.MTIME)


def _headers(destination: Destination) -> dict[str, str]:
    written = {name: getattr(destination, name) for name in HEADER_WORDS if name != "expires"}
    expires = destination.expires
    # https://www.rfc-editor.org/rfc/rfc9110#field.date
    at = {} if expires is None else {"expires": format_datetime(expires.replace(microsecond=0), usegmt=True)}
    return {name: value for name, value in written.items() if value is not None} | at


def _changes(changes: MetadataChanges | TagChanges | None) -> ChangesRecord:
    return ChangesRecord() if changes is None else ChangesRecord(set=dict(changes.set), drop=changes.drop)
