"""Before the first change at one place: its bucket, whose that is, and what its store enforces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from s3plan.app.runs.preparation.confirmation import Wanted, conditions_for, confirmed
from s3plan.app.stores import Stores
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import GuardRefused, PlanRefused
from s3plan.schemas.events import OnEvent, Prepared, Warned
from s3plan.schemas.manifest.words import Loss
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import Batch, LocationKind, PhaseName, PlanLocation
from s3plan.schemas.printable import escape_unprintable
from s3plan.storage.conditions.checksum_trial import Writing
from s3plan.storage.places.same_place import are_nested
from s3plan.storage.s3.patience import Patience
from s3plan.storage.transfer.part_sizes import SENT_IN_PARTS_FROM_BYTES

_NONE = "states none, or another one"
_LACKS = {LocationKind.S3: "ignores conditions", LocationKind.FOLDER: "cannot exchange files"}


@dataclass(slots=True)
class PlacePreparation:
    """Prepares the locations of one bucket, one after the other; those of others may be prepared meanwhile.

    `reading` is held while the plan's rows are read. `sums_parts` gets the ids of locations whose store holds
    parts that are sent against their checksums, `without_checksum` the jobs that do without one that it does not
    keep. `is_first`: no run of the plan has come further than this; a later
    one finds the places that it made.
    """

    plan: PlanReader
    stores: Stores
    is_first: bool
    allow_checked: bool
    on_event: OnEvent
    patience: Patience
    reading: Lock
    sums_parts: set[int] = field(default_factory=set)
    without_checksum: set[str] = field(default_factory=set)
    _has_made: bool = field(default=False, init=False)
    _told_checked: list[list[Condition]] = field(default_factory=list, init=False)

    def prepare(self, locations: Sequence[PlanLocation]) -> dict[int, Capabilities]:
        """Make the bucket if the plan says so, check its owner, find out what is enforced where jobs write.

        Returns that by the locations' ids. Raises PlanRefused (exit 4) if the store does less than the plan states,
        StoreRefused, CredentialsUnusable, and what the hooks of `patience` raise. The only things written before that
        are the bucket and a probe's own objects, which are removed again.
        """
        for location in locations:
            self._find(location)
        found: dict[int, Capabilities] = {}
        for location in locations:
            jobs = [job for job in self.plan.header.jobs if location.id in job.changed]
            if jobs:
                known = self._find_out(location, jobs)
                self._compare(location, jobs, known)
                self._tell_apart(location, jobs)
                found[location.id] = known
                self._find_sums(location, jobs)
                self._try_key(location, jobs)
                self._try_checksums(location, jobs)
        return found

    def _find_out(self, destination: PlanLocation, jobs: Sequence[JobRecord]) -> Capabilities:
        """Return what the store enforces: probed now, or known before and seen to be so still."""
        now = datetime.now(UTC)
        conditions = conditions_for(self.stores, destination, jobs)
        known = conditions.known(now=now)
        if Enforcement.UNKNOWN in known.values():
            return conditions.find_out(now=now, patience=self.patience)
        needed = needed_conditions(self.plan, destination, jobs)
        wanted = Wanted(self.plan, self.stores, destination, tuple(jobs), self.reading)
        return confirmed(wanted, known, needed=needed, now=now, on_event=self.on_event, patience=self.patience)

    def _tell_apart(self, location: PlanLocation, jobs: Sequence[JobRecord]) -> None:
        """Refuse to delete in a place that under another name is the source of a move, or overlaps that of a mirror."""
        for job in jobs:
            if job.to_location != location.id or job.from_location is None or not job.destination.bucket_exists:
                continue
            source = self.plan.locations_by_id[job.from_location]
            is_nested = are_nested(location, source)
            may_lose = job.removals or (job.deletes and is_nested)
            if may_lose and self.stores.are_one_place(
                location, source, written_with=(job.encryption, job.settings.acl), patience=self.patience
            ):
                how = "overlap, in one bucket" if is_nested else "are one place"
                raise PlanRefused(
                    f"{shown_place(source)} and {shown_place(location)} {how} under two names: what is written "
                    f"at one shows at the other, so a {job.settings.mode} would delete its own source; nothing was "
                    "removed"
                )

    def _find_sums(self, location: PlanLocation, jobs: Sequence[JobRecord]) -> None:
        """Find out whether parts are held against their checksums, where parts are sent."""
        makers = {job.name: job for job in jobs if job.to_location == location.id}
        least_bytes = least_bytes_in_parts(self.plan)
        if location.is_folder or not any(batch.size_bytes >= least_bytes for batch in _sent(self.plan, makers)):
            return
        encryption = next((job.encryption for job in makers.values() if job.encryption), None)
        conditions, on_left = conditions_for(self.stores, location, jobs), partial(self._tell_left, location)
        if conditions.holds_part_sums(encryption, on_left=on_left, patience=self.patience):
            self.sums_parts.add(location.id)

    def _try_key(self, location: PlanLocation, jobs: Sequence[JobRecord]) -> None:
        """Refuse to write under a key of SSE-C where the store takes no notice of it."""
        key = self.stores.key_of(location)
        if key is None or not any(job.to_location == location.id and _writes(job) for job in jobs):
            return
        conditions, on_left = conditions_for(self.stores, location, jobs), partial(self._tell_left, location)
        if not conditions.holds_customer_key(key, on_left=on_left, patience=self.patience):
            raise PlanRefused(
                f"{shown_place(location)}: this store takes no notice of keys of SSE-C, so that what is written would "
                "lie there for everybody who may read the bucket; leave `encryption` out, or choose another store"
            )

    def _try_checksums(self, location: PlanLocation, jobs: Sequence[JobRecord]) -> None:
        """Refuse to write without the checksum that a job asks for, unless its manifest lets it be lost."""
        for job in jobs:
            algorithm = job.settings.checksum_algorithm
            if algorithm is None or location.is_folder or job.to_location != location.id or not _writes(job):
                continue
            if Loss.CHECKSUM not in job.lost:
                self._try_checksum(location, job, algorithm)

    def _try_checksum(self, location: PlanLocation, job: JobRecord, algorithm: str) -> None:
        conditions, on_left = conditions_for(self.stores, location, [job]), partial(self._tell_left, location)
        for writing in writings_of(self.plan, job):
            trial = conditions.try_checksum(algorithm, writing, on_left=on_left, patience=self.patience)
            if trial.keeps:
                continue
            if trial.unknown is not None:
                self.on_event(
                    Warned(
                        f"{shown_store(location)}: whether this store keeps {algorithm} with new objects could not be "
                        f"found out ({trial.unknown}); it is asked to"
                    )
                )
                return
            said = None if trial.refusal is None else f"refuses it ({trial.refusal})"
            lost = f"objects that are {writing.value} do not get their {algorithm}: the store {said or _NONE}"
            if not job.settings.may_lose_checksum:
                raise GuardRefused(
                    f"{shown_place(location)}: {lost}; nothing was written. If that may be lost, plan again with "
                    f"allow_loss: [{Loss.CHECKSUM}] in job {escape_unprintable(job.name)} of the manifest"
                )
            self.without_checksum.add(job.name)
            self.on_event(Warned(f"{shown_store(location)}: {lost}; allowed by allow_loss"))
            return

    def _tell_left(self, location: PlanLocation, key: str) -> None:
        self.on_event(
            Warned(
                f"{shown_store(location)}: what s3plan wrote at {escape_unprintable(key)} to try it could not be "
                "removed; a later apply tries again"
            )
        )

    def _find(self, location: PlanLocation) -> None:
        makers = [job for job in self.plan.header.jobs if job.to_location == location.id and job.settings.create_bucket]
        was_missing = any(not job.destination.bucket_exists for job in makers)
        self.stores.at(location).prepare(
            may_make=bool(makers),
            was_missing=was_missing and self.is_first and not self._has_made,
            on_made=self._tell_made,
            patience=self.patience,
        )

    def _tell_made(self, sentence: str) -> None:
        self._has_made = True
        self.on_event(Prepared(sentence))

    def _compare(self, location: PlanLocation, jobs: Sequence[JobRecord], found: Capabilities) -> None:
        """Hold what the store does against what the plan states, for the conditions that the jobs' actions need."""
        stated = dict.fromkeys(Condition, Enforcement.ENFORCED)  # what a plan is silent about it cannot do without
        for place in self.plan.header.places:
            if place.location == location.id:
                stated |= {record.condition: record.enforcement for record in place.capabilities}
        needed = needed_conditions(self.plan, location, jobs)
        less = [condition for condition in needed if found[condition].rank < stated[condition].rank]
        if less and not self.allow_checked:
            which = "; ".join(
                f"{condition}: planned {stated[condition]}, found {found[condition]}" for condition in less
            )
            who, again = ("folder", "plan again with --probe") if location.is_folder else ("store", "plan again")
            raise PlanRefused(
                f"{shown_place(location)}: the {who} enforces less than the plan states ({which}); {again}, or "
                "accept it with --allow-checked"
            )
        deletes = {Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH} & set(needed)
        if (
            deletes
            and not _is_covered(found)
            and not all(job.settings.unpinned_deletes or not deletes_at(job, location) for job in jobs)
        ):
            raise PlanRefused(
                f"{shown_place(location)}: this store does not enforce that a deleted object is still the planned one; "
                "to let s3plan look, compare and then delete, say `delete: {unpinned: allow}` in the manifest and plan "
                "again"
            )
        if deletes and found[Condition.DELETE_MATCH].by_store and not found[Condition.BATCH_DELETE_MATCH].by_store:
            number = sum(deletes_at(job, location) for job in jobs)
            many = f"{number:,} deletes go" if number != 1 else "1 delete goes"
            self.on_event(
                Prepared(f"{many} one by one: this store holds no conditions in deletes of many objects at once")
            )
        checked = [
            condition
            for condition in needed
            if found[condition] is Enforcement.CHECKED and not (condition in deletes and _is_covered(found))
        ]
        if checked and checked not in self._told_checked:
            self._told_checked.append(checked)
            self.on_event(
                Warned(
                    f"{shown_store(location)} {_LACKS[location.kind]} ({', '.join(checked)}): s3plan looks, compares, "
                    "then acts; a change in between is not noticed"
                )
            )


def shown_place(location: PlanLocation) -> str:
    """Return a location for a message, with the store that it is at where that is not AWS."""
    return location.url if location.endpoint is None else f"{location.url} at {location.endpoint}"


def shown_store(location: PlanLocation) -> str:
    """Return the bucket of a location for a message, with its store, or the folder."""
    if location.is_folder:
        return f"the folder {escape_unprintable(location.path or '')}"
    return f"the bucket {location.bucket}" + ("" if location.endpoint is None else f" at {location.endpoint}")


def _writes(job: JobRecord) -> bool:
    return any(job.objects_of(kind) for kind in (VerdictKind.COPY, VerdictKind.OVERWRITE))


def writings_of(plan: PlanReader, job: JobRecord) -> list[Writing]:
    """Return in which ways the objects of a job come to its destination."""
    written = plan.batches_of(PhaseName.COPY, {job.name})
    is_sent = bool(_sent(plan, {job.name}))
    from_bytes = least_bytes_in_parts(plan) if is_sent else plan.header.run.multipart_threshold_bytes
    found = []
    if any(batch.actions > 1 or batch.size_bytes < from_bytes for batch in written):
        found.append(Writing.PUT if is_sent else Writing.COPY)
    if any(batch.size_bytes >= from_bytes and (is_sent or batch.actions == 1) for batch in written):
        found.append(Writing.PARTS)
    return found


def _is_covered(found: Capabilities) -> bool:
    return found[Condition.DELETE_MATCH].by_store or found[Condition.BATCH_DELETE_MATCH].by_store


def deletes_at(job: JobRecord, location: PlanLocation) -> int:
    """Return how many objects a job deletes at a location."""
    deleted = job.objects_of(VerdictKind.DELETE) if job.to_location == location.id else 0
    return deleted + (job.removals if job.from_location == location.id else 0)


def needed_conditions(plan: PlanReader, location: PlanLocation, jobs: Sequence[JobRecord]) -> list[Condition]:
    """Return the conditions that the actions of these jobs at a location rest on."""
    needed = _needed_by_writes(plan, [job for job in jobs if job.to_location == location.id])
    if any(deletes_at(job, location) for job in jobs):
        needed += [Condition.BATCH_DELETE_MATCH, Condition.DELETE_MATCH]
    return needed


def least_bytes_in_parts(plan: PlanReader) -> int:
    """Return from which size on what passes through us goes in parts."""
    return min(plan.header.run.multipart_threshold_bytes, SENT_IN_PARTS_FROM_BYTES)


def _sent(plan: PlanReader, jobs: Collection[str]) -> list[Batch]:
    """Return the batches whose bytes this process sends to a bucket: of files, and of what is relayed."""
    folders = {location.id for location in plan.locations if location.is_folder}
    relayed = {job.name for job in plan.header.jobs if job.is_relayed}
    return [
        batch
        for batch in plan.batches_of(PhaseName.COPY, set(jobs))
        if batch.from_location in folders or plan.phases_by_id[batch.phase].job in relayed
    ]


def _needed_by_writes(plan: PlanReader, jobs: Sequence[JobRecord]) -> list[Condition]:
    creates, overwrites = (
        sum(job.objects_of(kind) for job in jobs) for kind in (VerdictKind.COPY, VerdictKind.OVERWRITE)
    )
    if not (creates or overwrites):
        return []
    threshold_bytes = plan.header.run.multipart_threshold_bytes
    folders = {location.id for location in plan.locations if location.is_folder}
    written = plan.batches_of(PhaseName.COPY, {job.name for job in jobs})
    sent = _sent(plan, {job.name for job in jobs})
    through_us = {batch.id for batch in sent} | {batch.id for batch in written if batch.to_location in folders}
    copies = [batch for batch in written if batch.id not in through_us]
    least_bytes = least_bytes_in_parts(plan)
    has_large = any(batch.actions == 1 and batch.size_bytes >= threshold_bytes for batch in copies)
    has_small = any(batch.actions > 1 or batch.size_bytes < threshold_bytes for batch in copies)
    needed: list[Condition] = []
    if has_small:
        needed += [Condition.COPY_SOURCE_MATCH]
        needed += [Condition.COPY_ABSENT] if creates else []
        needed += [Condition.COPY_MATCH] if overwrites else []
    if has_large:
        needed += [Condition.PART_SOURCE_MATCH]
        needed += [Condition.COMPLETE_ABSENT] if creates else []
        needed += [Condition.COMPLETE_MATCH] if overwrites else []
    if through_us:
        needed += [Condition.PUT_ABSENT] if creates else []
        needed += [Condition.PUT_MATCH] if overwrites else []
    if any(batch.size_bytes >= least_bytes for batch in sent):
        needed += [Condition.COMPLETE_ABSENT] if creates else []
        needed += [Condition.COMPLETE_MATCH] if overwrites else []
    return needed
