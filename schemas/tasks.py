"""What an executor is handed and what it hands back: plain data that pickles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s3plan.schemas.evidence.verification import REPLIES_ALONE, Verification
from s3plan.schemas.outcomes import Progress
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Capabilities
from s3plan.schemas.plan.places import Place, place_of
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests.attributes import ALL_KEPT, Encryption, GivenAttributes


@dataclass(frozen=True, slots=True)
class KnownUpload:
    """A multipart upload that an earlier attempt journaled, with the parts known to be stored."""

    position: int
    upload_id: str
    part_size_bytes: int
    parts: tuple[tuple[int, str], ...]  # (number, etag), ascending


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """What holds for every batch of one run."""

    capabilities: Capabilities
    multipart_threshold_bytes: int
    part_size_bytes: int | None
    encryption: Encryption | None
    acl: str | None = None  # canned, of new objects
    source_requester_pays: bool = False  # so the source's connection says
    preserves_mtime: bool = False
    sums_parts: bool = False  # the store holds parts that are sent against their CRC64NVME
    checksum: str | None = None  # the algorithm of that which new objects are to have; None: the store's own
    verification: Verification = REPLIES_ALONE
    given: GivenAttributes = ALL_KEPT
    removes_source: bool = False  # once a copy is proved: what it has lost by then is gone
    plan_digest: str = ""  # by which the plan's staged files are told from others'


@dataclass(frozen=True, slots=True)
class BatchTask:
    """One sealed batch with what is left of it.

    `todo` and `doubtful` are bitmaps by position, least significant bit first. A doubtful action was begun by an
    attempt whose end is unknown: look at the store before acting again. `begun_at_ms` is when this attempt was durably
    begun, by the store's clock, or the one before if nothing is known of its end; `doubtful_since_ms` has the doubtful
    positions whose first unclear attempt was begun at another time. `unverified` are positions that failed before since
    the bytes at the destination were not, or not known to be, those of the source.
    """

    batch_id: int
    generation: int
    actions: Sequence[Action]
    digest: bytes
    todo: bytes
    doubtful: bytes
    uploads: tuple[KnownUpload, ...]
    source: PlanLocation | None
    destination: PlanLocation
    settings: TaskSettings
    begun_at_ms: int
    doubtful_since_ms: Mapping[int, int] = field(default_factory=dict)
    unverified: frozenset[int] = frozenset()

    @property
    def places(self) -> frozenset[Place]:
        """The places that its requests go to."""
        ends = (self.destination,) if self.source is None else (self.source, self.destination)
        return frozenset(map(place_of, ends))


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """News of one batch; `final` once for each start. `error` is set if the worker itself broke, or its process died.

    What had not ended by then is unknown: it may have been begun.
    """

    batch_id: int
    generation: int
    items: Sequence[Progress]
    final: bool
    error: str | None = None
