"""What planning and applying ask of a location, whatever kind of place it is: one implementation for each kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from s3plan.schemas.plan.conditions import Capabilities, Condition
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Lister
from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.storage.conditions.checksum_trial import ChecksumTrial, Writing
from s3plan.storage.conditions.confirmation import TrialResult
from s3plan.storage.conditions.trial_copies import Sample
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.s3.patience import Patience


@dataclass(frozen=True, slots=True)
class FoundLocation:
    """A location, whether it is there, and what its store does not do for it.

    Its id is 0 until the plan gives it one.
    """

    location: PlanLocation
    exists: bool
    warnings: tuple[str, ...] = ()


class LocationConditions(Protocol):
    """What is known of the conditions that a location holds, and what is found out by trying.

    What the hooks of a patience raise comes out; so do StoreRefused and CredentialsUnusable.
    """

    @property
    def is_documented(self) -> bool:
        """Whether its maker says all of it, so that nothing has to be tried."""

    def written_with(self, encryption: Encryption | None, acl: str | None) -> LocationConditions:
        """Return the same, found out by objects that ask for these, as a job's do: a bucket's policy may demand it."""

    def known(self, *, now: datetime) -> Capabilities:
        """Return what can be said without writing; UNKNOWN where nothing can."""

    def find_out(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:
        """Return what is known, with what is not known found out by writing: what is written is removed again."""

    def probe(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:
        """Find all of it out by writing, whatever is known."""

    def try_wrong_ones(
        self, believed: Collection[Condition], samples: Sequence[Sample | None], *, patience: Patience | None = None
    ) -> tuple[TrialResult, str]:
        """Return what comes of conditions that cannot hold, and what was said if nothing can be told from it.

        `samples` are objects to try them with, one after another; None: it takes none.
        """

    def holds_part_sums(
        self, encryption: Encryption | None, *, on_left: Callable[[str], None], patience: Patience | None = None
    ) -> bool:
        """Whether it refuses parts that are sent in a checksum's name, and are others; see part_sums.py.

        `on_left` is told the whole key where what was made may be there still; a later trial removes it.
        """

    def holds_customer_key(
        self, key: CustomerKey, *, on_left: Callable[[str], None], patience: Patience | None = None
    ) -> bool:
        """Whether it shows what is written with a key of SSE-C to nobody without it; see key_trial.py.

        With `on_left` as above.
        """

    def try_checksum(
        self,
        algorithm: str,
        writing: Writing,
        *,
        on_left: Callable[[str], None],
        patience: Patience | None = None,
    ) -> ChecksumTrial:
        """Return whether it keeps a checksum that objects are asked to have; see checksum_trial.py.

        With `on_left` as above.
        """


class OpenLocation(Protocol):
    """A location that can be asked about itself."""

    @property
    def location(self) -> PlanLocation:
        """Where it is."""

    @property
    def conditions(self) -> LocationConditions:
        """What it holds of conditions."""

    @property
    def clock_offset_ms(self) -> int:
        """How far its clock is ahead of this machine's, as Engine has it."""

    def lister(self, *, shared: bytes, unordered: bool, reader: ReaderWaits | None) -> Lister:
        """Return the lister of its keys that begin with `shared` (relative, UTF-8), or of a few more.

        With `unordered` and `reader` as open_listing does.
        """

    def keyed_lister(self, keys: Sequence[bytes], *, why: str) -> Lister:
        """Return the lister of those of these keys (relative, ascending) where an object stands.

        `why` says for its note which keys they are.
        """

    def has_digests_as_etags(self) -> bool:
        """Whether the ETags of objects written in one piece are MD5 sums, as far as is known.

        Raises StoreRefused, CredentialsUnusable where the question was not answered at all.
        """

    def prepare(self, *, may_make: bool, was_missing: bool, on_made: Callable[[str], None], patience: Patience) -> None:
        """See that it is there still, and whose it was at the plan; `on_made` is told, at once, that it was made now.

        `was_missing`: at the plan there was none, and no run has made it: one that is there must be ours. Raises
        PlanRefused (exit 4), StoreRefused, CredentialsUnusable.
        """

    def ask_whether_it_answers(self, tell: Callable[[bool], None]) -> None:
        """Send one question; `tell` is called once, on any thread: a refusal is an answer, too."""

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Give up an upload of ours below a whole key; one that is gone is fine. Raises StoreRefused."""
