"""What a plan says once about all of it: its header, a pydantic model since it comes in from a file."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.guards import guard_words
from s3plan.schemas.plan.header_parts import AccountRecord, EncryptionRecord, HeaderPart, RetriedRecord, TransferRecord
from s3plan.schemas.plan.objects import LossRecord, ObjectsRecord
from s3plan.schemas.requests.attributes import Encryption

FORMAT_VERSION = 2
ARCHIVED_RULE = "archived: "
"""What the rule begins with by which archived objects are skipped; their storage class follows."""
BELOW_EMPTY_RULE = "not in source, where its directory is empty"
"""The rule by which objects are deleted whose directory has nothing in it: a disk may not be mounted there."""
MOVED_KINDS = (VerdictKind.COPY, VerdictKind.OVERWRITE, VerdictKind.SAME)
"""What a move removes from its source."""


class ManifestRecord(HeaderPart):
    """The manifest that the plan was made from, whole, and what it comes to."""

    path: str = Field(description="Where it lay, as the user named it; for display.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    text: str
    resolved: str = Field(description="The same with nothing left to fill in, as YAML: what apply and retry read.")


class RetryRecord(HeaderPart):
    """How an action is tried again; waits are in milliseconds."""

    attempts: PositiveInt = Field(default=9, description="tries in all, the first included")
    initial_ms: PositiveInt = 200
    max_ms: PositiveInt = 20_000
    multiplier: PositiveInt = 2
    jitter: str = Field(default="full", pattern=r"^(full|none)$")


class JobSettings(HeaderPart):
    """What the manifest says of one job, with every default filled in."""

    mode: str
    overwrite: str
    compare: tuple[str, ...] = ()
    preserves_mtime: bool = Field(default=False, description="the times of files go with them, and come back")
    transfer: str = Field(default="auto", pattern=r"^(auto|server-side|relay)$")
    archived: str
    delete_when: str | None = Field(default=None, description="all-done or no-failures; only of a mirror")
    unpinned_deletes: bool = False
    create_bucket: bool = False
    encryption: EncryptionRecord | None = None
    storage_class: str | None = None
    acl: str | None = Field(default=None, pattern=r"^[a-z-]{1,40}$", description="canned, of new objects")
    checksum_algorithm: str | None = Field(
        default=None,
        pattern=r"^(CRC64NVME|CRC32|CRC32C|SHA1|SHA256)$",
        description="of the checksum that new objects are to have at their store; absent: the store's own",
    )
    may_lose_checksum: bool = Field(
        default=False, description="`allow_loss` names it, should apply find that the store keeps no such checksum"
    )
    objects: ObjectsRecord = ObjectsRecord()
    verify: str = Field(
        default="none", pattern=r"^(none|size|etag|checksum)$", description="what is asked of a write that is done"
    )
    verify_is_strict: bool = Field(
        default=False, description="checksum was asked for: what nothing can prove is a failure"
    )


class RunRecord(HeaderPart):
    """How the plan is carried out, all its jobs alike, with every default filled in."""

    multipart_threshold_bytes: PositiveInt
    part_size_bytes: PositiveInt | None = Field(default=None, description="absent: chosen for each object")
    executor: str
    workers: PositiveInt | None = None
    in_flight: PositiveInt | None = None
    rate_per_s: PositiveInt | None = None
    bandwidth_bytes_per_s: PositiveInt | None = None
    retries: RetryRecord = RetryRecord()
    max_failures: NonNegativeInt | None = None
    pin_cores: bool = Field(default=True, description="a process that sends requests stays on one core")
    memory_bytes: PositiveInt = Field(default=128 << 20, description="of bodies on their way, in each process")
    file_threads: PositiveInt = Field(default=4, description="that read the files of a folder")
    durability: str = Field(
        default="batch", pattern=r"^(batch|none)$", description="none: files count as done before they are on disk"
    )


class ListingRecord(HeaderPart):
    """What one side's listing gave. `objects` counts what passed the key filters."""

    objects: NonNegativeInt
    bytes: NonNegativeInt
    left_out: NonNegativeInt = Field(default=0, description="listed objects that a key filter left out")
    pages: NonNegativeInt
    complete: bool
    bucket_exists: bool = True
    note: str | None = Field(default=None, description="how the listing was made, where that is not the usual way")


class TotalRecord(HeaderPart):
    kind: VerdictKind
    rule: str
    objects: NonNegativeInt
    bytes: NonNegativeInt


class PrefixRecord(HeaderPart):
    """One of the largest prefixes of one kind; keys are escaped for display."""

    kind: VerdictKind
    prefix: str
    objects: NonNegativeInt
    bytes: NonNegativeInt


class GuardRecord(HeaderPart):
    """One guard's finding: `found` may be at most `allowed`."""

    name: str
    limit: str = Field(description="as the manifest says it, or `default`")
    allowed: NonNegativeInt
    found: NonNegativeInt
    held: bool = Field(description="the guard's limit is exceeded")
    released: bool = Field(default=False, description="by `plan --allow NAME=EXACT`")


class CapabilityRecord(HeaderPart):
    condition: Condition
    enforcement: Enforcement


class PlaceRecord(HeaderPart):
    """What is known of the store of a location that the plan writes to."""

    location: PositiveInt
    capabilities: tuple[CapabilityRecord, ...]


class KeyListRecord(HeaderPart):
    """The list of keys that a job goes by, as it was when the plan was made."""

    path: str = Field(description="where it lay, absolute")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of its bytes")
    keys: PositiveInt = Field(description="that it names, each counted once")
    left_out: NonNegativeInt = Field(default=0, description="listed keys that another key filter leaves out")
    not_in_source: NonNegativeInt = Field(default=0, description="listed keys that the source does not have")
    first_not_in_source: tuple[str, ...] = Field(default=(), description="the first of them, escaped for display")


class JobRecord(HeaderPart):
    """Everything about one job that is said once."""

    name: str
    settings: JobSettings
    depends_on: tuple[str, ...] = Field(default=(), description="jobs of this plan whose writes must end well before")
    from_location: PositiveInt | None = Field(default=None, description="absent: the job only deletes")
    to_location: PositiveInt
    source: ListingRecord | None = Field(default=None, description="absent: the job only deletes")
    destination: ListingRecord
    totals: tuple[TotalRecord, ...]
    prefixes: tuple[PrefixRecord, ...]
    guards: tuple[GuardRecord, ...] = ()
    losses: tuple[LossRecord, ...] = ()
    actions: NonNegativeInt
    bytes: NonNegativeInt = Field(description="to be written")
    transfer: TransferRecord | None = Field(
        default=None, description="absent: one side is a folder, or the job only deletes"
    )
    verification: str = Field(default="", description="by what writes will be proved, for display")
    etags_are_md5: bool = Field(
        default=False, description="ETags of either side are MD5 sums, as far as default encryption tells"
    )
    key_list: KeyListRecord | None = Field(default=None, description="where `filters.list` names one")
    retry_of: RetriedRecord | None = Field(default=None, description="only in what `s3plan retry` makes")

    @property
    def lost(self) -> frozenset[str]:
        """What objects lose, by the words of `allow_loss`."""
        return frozenset(loss.what for loss in self.losses)

    @property
    def encryption(self) -> Encryption | None:
        """What new objects are encrypted with, as requests ask for it: nothing where that is lost."""
        asked = None if "encryption" in self.lost else self.settings.encryption
        return None if asked is None else asked.of_requests

    @property
    def only_deletes(self) -> bool:
        """Whether the job has one location, and only deletes there."""
        return self.from_location is None

    @property
    def is_relayed(self) -> bool:
        """Whether it goes from bucket to bucket, and what is written passes through us."""
        return self.transfer is not None and self.transfer.way == "relay"

    @property
    def is_move(self) -> bool:
        """Whether the source of each copy is removed once that is proved."""
        return self.settings.mode == "move"

    @property
    def removals(self) -> int:
        """How many objects of the source are to be removed; guards count them as deletes."""
        return sum(map(self.objects_of, MOVED_KINDS)) if self.is_move else 0

    @property
    def deletes(self) -> int:
        """How many objects are to be deleted in all, wherever."""
        return self.objects_of(VerdictKind.DELETE) + self.removals

    @property
    def locations(self) -> frozenset[int]:
        """The locations that the job reads or changes, by id."""
        return frozenset(each for each in (self.from_location, self.to_location) if each is not None)

    @property
    def changed(self) -> tuple[int, ...]:
        """The locations where the job changes something, by id: its source is one if it removes what it has copied."""
        removed_from = (self.from_location,) if self.removals and self.from_location is not None else ()
        return (self.to_location, *removed_from)

    @property
    def in_scope(self) -> tuple[int, int]:
        """How many objects guards count against: of the source and of the destination, which may be one place."""
        if self.retry_of is not None:
            return self.retry_of.source_objects, self.retry_of.destination_objects
        return (self.source or self.destination).objects, self.destination.objects

    @property
    def objects_of_conflicts(self) -> int:
        """How many objects cannot be written or deleted as the manifest wants it."""
        return self.objects_of(VerdictKind.CONFLICT)

    @property
    def archived_objects(self) -> dict[str, int]:
        """How many archived objects are left out, by their storage classes."""
        return {
            total.rule.removeprefix(ARCHIVED_RULE): total.objects
            for total in self.totals
            if total.kind is VerdictKind.SKIPPED and total.rule.startswith(ARCHIVED_RULE)
        }

    @property
    def deletes_below_empty(self) -> int:
        """How many objects are deleted whose directory in the source is empty."""
        return sum(total.objects for total in self.totals if total.rule == BELOW_EMPTY_RULE)

    def objects_of(self, kind: VerdictKind) -> int:
        """Return how many objects the job's totals count for one kind."""
        return sum(total.objects for total in self.totals if total.kind is kind)

    def bytes_of(self, kind: VerdictKind) -> int:
        """Return how many bytes the job's totals count for one kind."""
        return sum(total.bytes for total in self.totals if total.kind is kind)


class PlanHeader(HeaderPart):
    """Everything about a plan that is said once."""

    format_version: int = Field(ge=FORMAT_VERSION, le=FORMAT_VERSION)
    tool_version: str
    made_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    name: str = Field(description="of the manifest, and of the plan's file")
    manifest: ManifestRecord
    run: RunRecord
    jobs: tuple[JobRecord, ...] = Field(min_length=1, description="each after those that it depends on")
    places: tuple[PlaceRecord, ...]
    accounts: tuple[AccountRecord, ...] = Field(default=(), description="of connections that sign")
    guards: tuple[GuardRecord, ...] = Field(default=(), description="on the sums over all jobs")
    warnings: tuple[str, ...] = ()
    not_selected: tuple[str, ...] = Field(default=(), description="jobs of the manifest that are not in this plan")
    without_dependencies: bool = Field(
        default=False, description="jobs that a job of this plan depends on were left out on purpose"
    )
    actions: NonNegativeInt
    bytes: NonNegativeInt = Field(description="to be written")

    @property
    def held_guards(self) -> tuple[tuple[str | None, GuardRecord], ...]:
        """The guards that hold the plan back, each with its job; None: on the sums."""
        each: list[tuple[str | None, GuardRecord]] = [(job.name, guard) for job in self.jobs for guard in job.guards]
        each += [(None, guard) for guard in self.guards]
        return tuple((job, guard) for job, guard in each if guard.held and not guard.released)

    @property
    def named_held_guards(self) -> tuple[tuple[str, GuardRecord], ...]:
        """The guards that hold the plan back, each as `--allow` names it: of one job alone without its name."""
        is_alone = len(self.jobs) == 1
        return tuple((guard_words(None if is_alone else job, guard.name), guard) for job, guard in self.held_guards)

    @property
    def removals(self) -> int:
        """How many objects all jobs remove from their sources."""
        return sum(job.removals for job in self.jobs)

    @property
    def is_blocked(self) -> bool:
        """Whether a guard holds this plan back, or a loss that is not allowed: it can be shown, never applied."""
        return bool(self.held_guards or self.held_losses)

    @property
    def held_losses(self) -> tuple[tuple[str, LossRecord], ...]:
        """The losses that hold the plan back, each with its job."""
        return tuple((job.name, loss) for job in self.jobs for loss in job.losses if not loss.allowed)

    @property
    def objects_of_conflicts(self) -> int:
        """How many source objects cannot be written as the manifest wants them."""
        return self.objects_of(VerdictKind.CONFLICT)

    @property
    def retried_digest(self) -> str | None:
        """The digest of the plan that this one retries, if it is a retry."""
        return next((job.retry_of.digest for job in self.jobs if job.retry_of is not None), None)

    def is_expired(self, now: datetime) -> bool:
        """Whether the plan's own time has run out at `now` (aware)."""
        return self.expires_at is not None and now >= self.expires_at

    def job(self, name: str) -> JobRecord:
        """Return the job of that name, which there is."""
        return next(job for job in self.jobs if job.name == name)

    def objects_of(self, kind: VerdictKind) -> int:
        """Return how many objects the totals of all jobs count for one kind."""
        return sum(job.objects_of(kind) for job in self.jobs)

    def bytes_of(self, kind: VerdictKind) -> int:
        """Return how many bytes the totals of all jobs count for one kind."""
        return sum(job.bytes_of(kind) for job in self.jobs)
