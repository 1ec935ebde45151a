"""What a job is compared on: its two places, and what is known of their stores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from s3plan.planner.collisions import StandsAt
from s3plan.planner.file_comparison import KnownPairs
from s3plan.planner.filtering.key_list import KeyList
from s3plan.planner.looking_ahead import Ask
from s3plan.planner.losses import TwoStores
from s3plan.planner.retried import RetriedPlan
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.header_parts import TransferRecord
from s3plan.schemas.ports import Lister
from s3plan.schemas.stores.quirks import CAREFUL, StoreQuirks


@dataclass(frozen=True, slots=True)
class FolderSide:
    """What is needed where one side is a folder. `store_ahead_ms` is the other's clock minus this machine's."""

    store_ahead_ms: int
    known: KnownPairs
    ask: Ask


@dataclass(frozen=True, slots=True)
class JobSides:
    """What a job is compared on.

    Locations are given by id; a job that only deletes has no `from_location`. `open_listers` gives the source's and the
    destination's; None for a bucket that does not exist yet, or where there is no source. `store_now_ms` is the moment
    that ages of objects are counted from, by the store's clock. `etags_comparable` is whether neither side is encrypted
    with SSE-KMS or SSE-C, as far as is known; see comparison.py. With `retried` the plan looks at a part of the job
    only, and guards count against the whole of it. `source_is_plain`: what is read of it comes by plain http.
    """

    from_location: int | None
    to_location: int
    open_listers: Callable[[], tuple[Lister | None, Lister | None]]
    store_now_ms: int
    etags_comparable: bool
    retried: RetriedPlan | None = None
    kind: ActionKind = ActionKind.COPY  # of writes
    files: FolderSide | None = None
    empty_directories: deque[bytes] = field(default_factory=deque)  # of a source that is a folder, as Rules has them
    stands_at: StandsAt | None = None  # where the destination is one
    key_list: KeyList | None = None
    transfer: TransferRecord | None = None
    quirks: StoreQuirks | None = CAREFUL  # of the store that is written to; None for a folder
    stores: TwoStores | None = None  # where objects are written
    source_is_plain: bool = False

    @property
    def is_relayed(self) -> bool:
        """Whether objects go from bucket to bucket through us."""
        return self.kind is ActionKind.RELAY
