"""What the store of a bucket is known to enforce: from the table, from a recent probe, or by probing now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from s3plan.schemas.errors import S3PlanError, StoreRefused
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import Integrity
from s3plan.storage.conditions.capabilities import CapabilityCache, known_capabilities
from s3plan.storage.conditions.checksum_trial import ChecksumTrial, Writing, try_checksum
from s3plan.storage.conditions.confirmation import TrialResult, confirm, may_leave_behind
from s3plan.storage.conditions.key_trial import KeyTrial, try_customer_key
from s3plan.storage.conditions.part_sums import PartSumsTrial, try_part_sums
from s3plan.storage.conditions.probe import probe
from s3plan.storage.conditions.probe_remains import remove_remains
from s3plan.storage.conditions.trial_copies import Sample
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.s3.headed_engine import HeadedEngine
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.s3.store_quirks import is_known_by_host, quirks_of

_Trial = TypeVar("_Trial", KeyTrial, PartSumsTrial, ChecksumTrial)


class BucketConditions:
    """The LocationConditions of a prefix in a bucket; `cache` keeps what probes find for a day."""

    def __init__(self, engine: Engine, location: PlanLocation, cache: CapabilityCache) -> None:
        self._engine = engine
        self._location = location
        self._cache = cache

    def written_with(self, encryption: Encryption | None, acl: str | None) -> BucketConditions:
        """Return the same, found out by objects that ask for these."""
        if encryption is None and acl is None:
            return self
        return BucketConditions(HeadedEngine(self._engine, encryption=encryption, acl=acl), self._location, self._cache)

    @property
    def is_documented(self) -> bool:
        """Whether the table of stores says all of it, and the host that this store is of the table's kind."""
        return self._is_known_by_host and Enforcement.UNKNOWN not in self._table().values()

    def known(self, *, now: datetime) -> Capabilities:
        """Return what table and cache say; a row that the host does not bear out is no proof that anything is held."""
        table = self._table()
        if self.is_documented:
            return table
        cached = self._cache.find(self._location.endpoint, self._location.bucket, now=now)
        if cached is not None:
            return self._merged(cached)
        return table if self._is_known_by_host else {name: _unproven(word) for name, word in table.items()}

    def find_out(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:
        """Return what is known, with what a probe finds."""
        known = self.known(now=now)
        if Enforcement.UNKNOWN not in known.values():
            return known
        return self._merged(self.probe(now=now, patience=patience))

    def probe(self, *, now: datetime, patience: Patience | None = None) -> Capabilities:
        """Probe, whatever is known, and keep what is found."""
        endpoint, bucket = self._location.endpoint, self._location.bucket
        self.remove_left_behind(patience)
        try:
            probed = probe(
                self._engine,
                bucket,
                self._location.prefix,
                owner=self._location.owner,
                patience=patience,
                on_begin=lambda stem: self._cache.note_probe(endpoint, bucket, stem=stem),
            )
        except Exception:
            self._cache.note_failed_probe(endpoint, bucket)
            raise
        self._cache.keep(endpoint, bucket, probed, now=now)
        return probed

    def try_wrong_ones(
        self, believed: Collection[Condition], samples: Sequence[Sample | None], *, patience: Patience | None = None
    ) -> tuple[TrialResult, str]:
        """Confirm them with the first sample that tells anything; what a killed one left goes first."""
        endpoint, bucket = self._location.endpoint, self._location.bucket
        self.remove_left_behind(patience)
        last: tuple[TrialResult, str] = TrialResult.UNTOLD, "there is no object to try it with"
        for sample in samples:
            stem = new_probe_stem(self._location.prefix)
            if may_leave_behind(believed):
                self._cache.note_confirmation(endpoint, bucket, stem=stem)
            try:
                last = confirm(
                    self._engine,
                    bucket,
                    stem,
                    believed,
                    sample=sample,
                    owner=self._location.owner,
                    patience=patience,
                )
            except S3PlanError:
                self._cache.note_failed_probe(endpoint, bucket)  # the next apply removes what is left
                raise
            if may_leave_behind(believed):
                self._cache.note_clean(endpoint, bucket)
            if last[0] is not TrialResult.UNTOLD:
                break
        return last

    def holds_part_sums(
        self, encryption: Encryption | None, *, on_left: Callable[[str], None], patience: Patience | None = None
    ) -> bool:
        """Whether the store holds parts against their CRC64NVME; asked each time where the table does not say."""
        bucket = self._location.bucket
        integrity = Integrity.TRIED if is_directory_bucket(bucket) else quirks_of(self._location.store).integrity
        is_sure = self._is_known_by_host if integrity is Integrity.CRC64NVME else integrity is not Integrity.TRIED
        if is_sure:
            return integrity is Integrity.CRC64NVME
        trial = self._tried(
            "-sums",
            lambda key: try_part_sums(
                self._engine, bucket, key, encryption=encryption, owner=self._location.owner, patience=patience
            ),
            on_left=on_left,
            patience=patience,
        )
        return trial.holds

    def holds_customer_key(
        self, key: CustomerKey, *, on_left: Callable[[str], None], patience: Patience | None = None
    ) -> bool:
        """Whether the store holds to keys of SSE-C: AWS does, every other one is asked each time.

        Raises StoreRefused where that cannot be found out: what is written might lie there for everybody; and
        CredentialsUnusable.
        """
        bucket = self._location.bucket
        if self._location.store is StoreName.AWS and self._is_known_by_host:
            return True
        trial = self._tried(
            "-key",
            lambda name: try_customer_key(
                self._engine, bucket, name, customer_key=key, owner=self._location.owner, patience=patience
            ),
            on_left=on_left,
            patience=patience,
        )
        self._check_credentials(trial.unknown, doing="seeing whether the store holds to keys of SSE-C")
        if trial.unknown is not None:
            raise StoreRefused(
                f"{bucket}: whether this store holds to keys of SSE-C could not be found out, and nothing is written "
                f"before that is known ({trial.unknown}); what tries it writes, reads and deletes an object of its own",
                failure=trial.unknown,
            )
        return trial.holds

    def try_checksum(
        self,
        algorithm: str,
        writing: Writing,
        *,
        on_left: Callable[[str], None],
        patience: Patience | None = None,
    ) -> ChecksumTrial:
        """Return whether the store keeps such a checksum; asked each time where the table does not say.

        Raises CredentialsUnusable.
        """
        bucket, row = self._location.bucket, quirks_of(self._location.store)
        if row.checksums is not None and self._is_known_by_host:
            return ChecksumTrial(keeps=algorithm in row.checksums, is_clean=True)
        trial = self._tried(
            "-checksum",
            lambda name: try_checksum(
                self._engine,
                bucket,
                name,
                algorithm=algorithm,
                writing=writing,
                owner=self._location.owner,
                patience=patience,
            ),
            on_left=on_left,
            patience=patience,
        )
        self._check_credentials(trial.unknown, doing=f"seeing whether the store keeps {algorithm}")
        return trial

    def remove_left_behind(self, patience: Patience | None) -> None:
        """Remove what probes left that were killed, or that the store did not let; what stays is kept in mind."""
        endpoint, bucket, owner = self._location.endpoint, self._location.bucket, self._location.owner
        stems = self._cache.broken_probes(endpoint, bucket)
        left = [
            stem for stem in stems if not remove_remains(self._engine, bucket, stem, owner=owner, patience=patience)
        ]
        if stems:
            self._cache.note_left(endpoint, bucket, stems=left)

    def _tried(
        self,
        name: str,
        trial: Callable[[str], _Trial],
        *,
        on_left: Callable[[str], None],
        patience: Patience | None,
    ) -> _Trial:
        """Return what a trial has found with a key of its own; what it has not removed, the next one removes."""
        endpoint, bucket = self._location.endpoint, self._location.bucket
        self.remove_left_behind(patience)
        stem = new_probe_stem(self._location.prefix)
        self._cache.note_confirmation(endpoint, bucket, stem=stem)
        is_clean = False
        try:
            found = trial(f"{stem}{name}")
            is_clean = found.is_clean
            if not is_clean:
                on_left(f"{stem}{name}")
        finally:
            note = self._cache.note_clean if is_clean else self._cache.note_failed_probe
            note(endpoint, bucket)
        return found

    def _check_credentials(self, unknown: Failure | None, *, doing: str) -> None:
        """Raise CredentialsUnusable if that is why a trial has found nothing out."""
        if unknown is not None and unknown.kind.is_credentials:
            offset_ms = self._engine.clock_offset_ms
            raise refusal_of(unknown, bucket=self._location.bucket, doing=doing, clock_offset_ms=offset_ms)

    @property
    def _is_known_by_host(self) -> bool:
        return is_known_by_host(self._location.store, self._location.endpoint)

    def _table(self) -> Capabilities:
        return known_capabilities(self._location.store, bucket=self._location.bucket)

    def _merged(self, probed: Capabilities) -> Capabilities:
        """Return what both say: of a row that may be the wrong one the weaker word, as a probe may miss a race."""
        table, is_sure = self._table(), self._is_known_by_host

        def word(said: Enforcement, found: Enforcement) -> Enforcement:
            if said is Enforcement.UNKNOWN:
                return found
            return said if is_sure else min(said, found, key=lambda each: each.rank)

        return {condition: word(table[condition], probed[condition]) for condition in Condition}


def _unproven(word: Enforcement) -> Enforcement:
    return Enforcement.UNKNOWN if word is Enforcement.ENFORCED else word
