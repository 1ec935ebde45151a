"""Limits of the manifest, checked against what was planned, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.models import Guards
from s3plan.schemas.plan.guards import MAX_BYTES, MAX_DELETE, MAX_OVERWRITE, REFUSE_EMPTY_SOURCE
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


def check_guards(
    *, written: Guards, in_force: Guards, findings: Findings, allow: Mapping[str, int]
) -> tuple[GuardRecord, ...]:
    """Return what each guard in force found; one that holds is released if `allow` has the exact number.

    `written` is what the manifest says, `in_force` the same with the mode's defaults. An empty source is found as 1
    where 0 are allowed. Raises UsageInvalid if `allow` names a guard that is not in force, or another number than was
    found.
    """
    records = [
        *_limit_record(MAX_DELETE, written.max_delete, in_force.max_delete, findings.deletes, findings),
        *_limit_record(MAX_OVERWRITE, written.max_overwrite, in_force.max_overwrite, findings.overwrites, findings),
        *_bytes_record(in_force.max_bytes, findings),
        *_empty_source_record(written.refuse_empty_source, in_force.refuse_empty_source, findings),
    ]
    _check_allowances(allow, records)
    return tuple(
        record.model_copy(update={"released": True}) if record.held and record.name in allow else record
        for record in records
    )


def _limit_record(
    name: str, written: Limit | None, in_force: Limit | None, found: int, findings: Findings
) -> list[GuardRecord]:
    if in_force is None:
        return []
    limit = str(in_force) if written is not None else f"{in_force} (default)"
    return [_record(name, limit, allowed=in_force.allowed(of=findings.destination_objects), found=found)]


def _bytes_record(limit_bytes: int | None, findings: Findings) -> list[GuardRecord]:
    if limit_bytes is None:
        return []
    return [_record(MAX_BYTES, format_size(limit_bytes), allowed=limit_bytes, found=findings.bytes_to_write)]


def _empty_source_record(written: bool | None, in_force: bool | None, findings: Findings) -> list[GuardRecord]:  # noqa: FBT001
    if not in_force:
        return []
    limit = "true" if written is not None else "true (default)"
    return [_record(REFUSE_EMPTY_SOURCE, limit, allowed=0, found=int(findings.source_objects == 0))]


def _record(name: str, limit: str, *, allowed: int, found: int) -> GuardRecord:
    return GuardRecord(name=name, limit=limit, allowed=allowed, found=found, held=found > allowed)


def _check_allowances(allow: Mapping[str, int], records: Sequence[GuardRecord]) -> None:
    found = {record.name: record.found for record in records}
    for name, number in allow.items():
        if name not in found:
            in_force = ", ".join(found) or "none"
            raise UsageInvalid(f"--allow {name}={number}: this guard is not in force; in force: {in_force}")
        if found[name] != number:
            raise UsageInvalid(f"--allow {name}={number}: the plan found {found[name]}; write {name}={found[name]}")
