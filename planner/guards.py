"""Limits of the manifest, checked against what was planned, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.models import Guards
from s3plan.schemas.plan.guards import (
    EMPTY_DIRECTORY,
    GUARD_NAMES,
    MAX_BYTES,
    MAX_DELETE,
    MAX_OVERWRITE,
    REFUSE_EMPTY_SOURCE,
)
from s3plan.schemas.plan.header import GuardRecord
from s3plan.schemas.quantities import Limit, format_size


@dataclass(frozen=True, slots=True)
class Findings:
    """What guards look at; objects are those that pass the key filters, without the location's own marker."""

    deletes: int
    overwrites: int
    bytes_to_write: int
    source_objects: int
    destination_objects: int
    deletes_below_empty: int = 0  # of the deletes, those of which the source's directory is there and empty
    objects_it_deletes_from: int | None = None  # None: those of the destination

    @property
    def delete_scope(self) -> int:
        """What a share of deletes is of."""
        found = self.objects_it_deletes_from
        return self.destination_objects if found is None else found


def check_guards(
    *, written: Guards, in_force: Guards, of_all: Guards, findings: Findings, allow: Mapping[str, int]
) -> tuple[GuardRecord, ...]:
    """Return what each guard in force on a job found; one that holds is released if `allow` has the exact number.

    `written` is what the job says, `in_force` the same with the mode's defaults, `of_all` what the manifest says of
    each job: of two limits the lower one counts. An empty source is found as 1 where 0 are allowed; that on deletes
    below an empty directory is in force always. Raises UsageInvalid if `allow` has another number than was found.
    """
    by_name = {record.name: record for record in _records(of_all, of_all, findings)}
    for record in [*_records(written, in_force, findings), *_empty_directory_record(findings)]:
        other = by_name.get(record.name)
        if other is None or record.allowed <= other.allowed:
            by_name[record.name] = record
    return _released([by_name[name] for name in GUARD_NAMES if name in by_name], allow)


def check_guards_of_all(
    of_all: Guards, *, findings: Iterable[Findings], allow: Mapping[str, int]
) -> tuple[GuardRecord, ...]:
    """Return what the manifest's own guards found on the sums over its jobs; see check_guards."""
    return _released(_records(of_all, of_all, sum_of(findings)), allow)


def sum_of(findings: Iterable[Findings]) -> Findings:
    """Return what guards on all jobs together look at."""
    each = [astuple(replace(found, objects_it_deletes_from=found.delete_scope)) for found in findings]
    return Findings(*map(sum, zip(*each, strict=True)))


def _records(written: Guards, in_force: Guards, findings: Findings) -> list[GuardRecord]:
    return [
        *_limit_record(
            MAX_DELETE, written.max_delete, in_force.max_delete, found=findings.deletes, of=findings.delete_scope
        ),
        *_limit_record(
            MAX_OVERWRITE,
            written.max_overwrite,
            in_force.max_overwrite,
            found=findings.overwrites,
            of=findings.destination_objects,
        ),
        *_bytes_record(in_force.max_bytes, findings),
        *_empty_source_record(written.refuse_empty_source, in_force.refuse_empty_source, findings),
    ]


def _released(records: Sequence[GuardRecord], allow: Mapping[str, int]) -> tuple[GuardRecord, ...]:
    for record in records:
        number = allow.get(record.name)
        if number is not None and record.found != number:
            raise UsageInvalid(
                f"--allow {record.name}={number}: the plan found {record.found}; write {record.name}={record.found}"
            )
    return tuple(
        record.model_copy(update={"released": True}) if record.held and record.name in allow else record
        for record in records
    )


def _limit_record(
    name: str, written: Limit | None, in_force: Limit | None, *, found: int, of: int
) -> list[GuardRecord]:
    if in_force is None:
        return []
    limit = str(in_force) if written is not None else f"{in_force} (default)"
    return [_record(name, limit, allowed=in_force.allowed(of=of), found=found)]


def _bytes_record(limit_bytes: int | None, findings: Findings) -> list[GuardRecord]:
    if limit_bytes is None:
        return []
    return [_record(MAX_BYTES, format_size(limit_bytes), allowed=limit_bytes, found=findings.bytes_to_write)]


def _empty_source_record(written: bool | None, in_force: bool | None, findings: Findings) -> list[GuardRecord]:  # noqa: FBT001
    if not in_force:
        return []
    limit = "true" if written is not None else "true (default)"
    return [_record(REFUSE_EMPTY_SOURCE, limit, allowed=0, found=int(findings.source_objects == 0))]


def _empty_directory_record(findings: Findings) -> list[GuardRecord]:
    found = findings.deletes_below_empty
    return [_record(EMPTY_DIRECTORY, "0 (default)", allowed=0, found=found)] if found else []


def _record(name: str, limit: str, *, allowed: int, found: int) -> GuardRecord:
    return GuardRecord(name=name, limit=limit, allowed=allowed, found=found, held=found > allowed)
