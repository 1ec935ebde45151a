"""What a plan says once about all of it: its header, a pydantic model since it comes in from a file."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.printable import escape_unprintable

FORMAT_VERSION = 1
KMS_KEY_PATTERN = r"^[A-Za-z0-9:/_-]{1,2048}$"


class _HeaderPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ManifestRecord(_HeaderPart):
    """The manifest that the plan was made from, whole."""

    path: str = Field(description="Where it lay, as the user named it; for display.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    text: str


class EncryptionRecord(_HeaderPart):
    type: str = Field(pattern=r"^(AES256|aws:kms|aws:kms:dsse)$")
    key_id: str | None = Field(default=None, pattern=KMS_KEY_PATTERN)
    bucket_key: bool | None = None


class RetryRecord(_HeaderPart):
    """How an action is tried again; waits are in milliseconds."""

    attempts: PositiveInt = Field(default=9, description="tries in all, the first included")
    initial_ms: PositiveInt = 200
    max_ms: PositiveInt = 20_000
    multiplier: PositiveInt = 2
    jitter: str = Field(default="full", pattern=r"^(full|none)$")


class ResolvedSettings(_HeaderPart):
    """The manifest's choices with every default filled in; apply reads these, never the manifest."""

    mode: str
    overwrite: str
    compare: tuple[str, ...] = ()
    archived: str
    delete_when: str | None = Field(default=None, description="all-done or no-failures; absent without deletes")
    unpinned_deletes: bool = False
    create_bucket: bool = False
    encryption: EncryptionRecord | None = None
    storage_class: str | None = None
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


class ListingRecord(_HeaderPart):
    """What one side's listing gave. `objects` counts what passed the key filters."""

    objects: NonNegativeInt
    bytes: NonNegativeInt
    left_out: NonNegativeInt = Field(default=0, description="listed objects that a key filter left out")
    pages: NonNegativeInt
    complete: bool
    bucket_exists: bool = True
    note: str | None = Field(default=None, description="how the listing was made, where that is not the usual way")


class TotalRecord(_HeaderPart):
    kind: VerdictKind
    rule: str
    objects: NonNegativeInt
    bytes: NonNegativeInt


class PrefixRecord(_HeaderPart):
    """One of the largest prefixes of one kind; keys are escaped for display."""

    kind: VerdictKind
    prefix: str
    objects: NonNegativeInt
    bytes: NonNegativeInt


class GuardRecord(_HeaderPart):
    """One guard's finding: `found` may be at most `allowed`."""

    name: str
    limit: str = Field(description="as the manifest says it, or `default`")
    allowed: NonNegativeInt
    found: NonNegativeInt
    held: bool = Field(description="the guard's limit is exceeded")
    released: bool = Field(default=False, description="by `plan --allow NAME=EXACT`")


class RetriedRecord(_HeaderPart):
    """The plan that this one retries, and what of it no retry can make any more."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    source_objects: NonNegativeInt = Field(description="of the whole job: guards count against these")
    destination_objects: NonNegativeInt
    lost_copies: NonNegativeInt = Field(
        default=0, description="copies of the job that are neither as planned nor in this plan: they withhold deletes"
    )
    first_lost: str | None = Field(default=None, description="the key of one of them, for display")
    untried_copies: NonNegativeInt = Field(
        default=0, description="copies of the job that were left to `apply` of the plan itself: they withhold deletes"
    )

    def why_deletes_wait(self) -> str | None:
        """Return why deletes must not run whatever this plan's own copies come to; None if they may."""
        if self.untried_copies:
            copies = "1 copy" if self.untried_copies == 1 else f"{self.untried_copies:,} copies"
            return f"{copies} of the plan that was retried had not been tried; apply that one, then retry it"
        if not self.lost_copies:
            return None
        objects = "1 object" if self.lost_copies == 1 else f"{self.lost_copies:,} objects"
        first = "" if self.first_lost is None else f" ({escape_unprintable(self.first_lost)})"
        return (
            f"{objects}{first} to be copied by the plan that was retried cannot be looked at, or left the source, or "
            "is left out by now; what to delete can only be told by a new plan of the whole job"
        )


class CapabilityRecord(_HeaderPart):
    condition: Condition
    enforcement: Enforcement


class PlanHeader(_HeaderPart):
    """Everything about a plan that is said once."""

    format_version: int = Field(ge=FORMAT_VERSION, le=FORMAT_VERSION)
    tool_version: str
    made_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    job: str
    manifest: ManifestRecord
    settings: ResolvedSettings
    capabilities: tuple[CapabilityRecord, ...]
    source: ListingRecord
    destination: ListingRecord
    totals: tuple[TotalRecord, ...]
    prefixes: tuple[PrefixRecord, ...]
    guards: tuple[GuardRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    actions: NonNegativeInt
    bytes: NonNegativeInt = Field(description="to be written")
    retry_of: RetriedRecord | None = Field(default=None, description="only in what `s3plan retry` makes")

    @property
    def is_blocked(self) -> bool:
        """Whether a guard holds this plan back: it can be shown, never applied."""
        return any(guard.held and not guard.released for guard in self.guards)

    @property
    def objects_of_conflicts(self) -> int:
        """How many source objects cannot be written as the manifest wants them."""
        return self.objects_of(VerdictKind.CONFLICT)

    def is_expired(self, now: datetime) -> bool:
        """Whether the plan's own time has run out at `now` (aware)."""
        return self.expires_at is not None and now >= self.expires_at

    def objects_of(self, kind: VerdictKind) -> int:
        """Return how many objects the plan's totals count for one kind."""
        return sum(total.objects for total in self.totals if total.kind is kind)

    def bytes_of(self, kind: VerdictKind) -> int:
        """Return how many bytes the plan's totals count for one kind."""
        return sum(total.bytes for total in self.totals if total.kind is kind)
