"""What a folder holds of pins: it takes no file into a place that is not as planned, however few calls do so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.printable import shown_path
from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.storage.conditions.checksum_trial import ChecksumTrial, Writing
from s3plan.storage.conditions.confirmation import TrialResult
from s3plan.storage.conditions.trial_copies import Sample
from s3plan.storage.folder.writes.trial import can_exchange
from s3plan.storage.s3.patience import Patience

_HELD: Capabilities = dict.fromkeys(Condition, Enforcement.ENFORCED)


class FolderConditions:
    """The LocationConditions of a folder: new files and deletes are always held, replaced ones where files exchange."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_documented(self) -> bool:
        """Whether nothing has to be tried: most file systems can do all of it."""
        return True

    def known(self, *, now: datetime) -> Capabilities:  # noqa: ARG002
        """Return that all is held."""
        return _HELD

    def find_out(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:
        """Try it: nothing else tells."""
        return self.probe(now=now, patience=patience)

    def probe(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:  # noqa: ARG002
        """Try it."""
        return _HELD if self._exchanges() else {**_HELD, Condition.PUT_MATCH: Enforcement.CHECKED}

    def try_wrong_ones(
        self,
        believed: Collection[Condition],  # noqa: ARG002
        samples: Sequence[Sample | None],  # noqa: ARG002
        *,
        patience: Patience | None = None,  # noqa: ARG002
    ) -> tuple[TrialResult, str]:
        """Return whether files exchange."""
        return (TrialResult.REFUSED if self._exchanges() else TrialResult.TAKEN), ""

    def written_with(self, encryption: Encryption | None, acl: str | None) -> FolderConditions:  # noqa: ARG002
        """Return itself: a file has neither."""
        return self

    def holds_part_sums(
        self,
        encryption: Encryption | None,  # noqa: ARG002
        *,
        on_left: Callable[[str], None],  # noqa: ARG002
        patience: Patience | None = None,  # noqa: ARG002
    ) -> bool:
        """Return False: nothing is sent to it in parts."""
        return False

    def holds_customer_key(
        self,
        key: CustomerKey,  # noqa: ARG002
        *,
        on_left: Callable[[str], None],  # noqa: ARG002
        patience: Patience | None = None,  # noqa: ARG002
    ) -> bool:
        """Return False: files are under no key."""
        return False

    def try_checksum(
        self,
        algorithm: str,  # noqa: ARG002
        writing: Writing,  # noqa: ARG002
        *,
        on_left: Callable[[str], None],  # noqa: ARG002
        patience: Patience | None = None,  # noqa: ARG002
    ) -> ChecksumTrial:
        """Return that it keeps none."""
        return ChecksumTrial(keeps=False, is_clean=True)

    def _exchanges(self) -> bool:
        try:
            return can_exchange(self._path)
        except OSError as error:
            raise StoreRefused(
                f"no file can be written below {shown_path(self._path)}: {error.strerror or error}"
            ) from error
