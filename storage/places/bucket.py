"""A prefix in a bucket as a location, and what its store is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.schemas.requests.objects import HeadBucket, Reply
from s3plan.schemas.requests.uploads import AbortMultipartUpload
from s3plan.storage.conditions.capabilities import CapabilityCache
from s3plan.storage.listing.keyed import KeyedLister
from s3plan.storage.listing.narrowed import open_narrowed_listing
from s3plan.storage.listing.pace import ReaderWaits
from s3plan.storage.places.bucket_conditions import BucketConditions
from s3plan.storage.places.bucket_encryption import is_free_of_kms
from s3plan.storage.places.buckets import BucketMissing, claim_bucket, create_bucket, find_region, is_owned_by_another
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_GONE = frozenset({FailureKind.NO_SUCH_UPLOAD, FailureKind.NOT_FOUND})


class OpenBucket:
    """An OpenLocation in a bucket; `cache` has what probes of its store have found.

    `without_key` sends what the location's key of SSE-C does not go with: a probe's own objects.
    """

    def __init__(
        self, engine: Engine, location: PlanLocation, *, cache: CapabilityCache, without_key: Engine | None = None
    ) -> None:
        self.engine = engine
        self.location = location
        self.conditions = BucketConditions(without_key or engine, location, cache)

    @property
    def clock_offset_ms(self) -> int:
        """That of the store, as its last answer told."""
        return self.engine.clock_offset_ms

    def lister(self, *, shared: bytes, unordered: bool, reader: ReaderWaits | None) -> Lister:
        """Return the lister of its keys that begin with `shared`."""
        return open_narrowed_listing(self.engine, self.location, shared=shared, unordered=unordered, reader=reader)

    def keyed_lister(self, keys: Sequence[bytes], *, why: str) -> Lister:
        """Return the lister of those of these keys where an object stands."""
        return KeyedLister(self.engine, self.location, keys, why=why)

    def has_digests_as_etags(self) -> bool:
        """Whether the bucket is known not to encrypt by KMS, and its objects are not under SSE-C."""
        return self.location.customer_key is None and is_free_of_kms(self.engine, self.location)

    def prepare(self, *, may_make: bool, was_missing: bool, on_made: Callable[[str], None], patience: Patience) -> None:
        """Find the bucket, or create it; raises BucketTaken, too."""
        location, is_new = self.location, False
        try:
            find_region(self.engine, location.bucket, owner=location.owner, patience=patience)
        except BucketMissing as missing:
            if not may_make:
                at = "" if location.endpoint is None else f", which leads to {location.endpoint}"
                raise BucketMissing(f"{missing}{at}", failure=missing.failure) from missing
            is_new = True
            create_bucket(self.engine, location.bucket, region=location.region, patience=patience)
            where = f" in {location.region}" if location.region else ""
            at = f" at {location.endpoint}" if location.endpoint else ""
            on_made(f"created the bucket {location.bucket}{where}{at}")
        else:
            if was_missing:
                claim_bucket(
                    self.engine, location.bucket, region=location.region, owner=location.owner, patience=patience
                )
        if is_owned_by_another(self.engine, location.bucket, owner=location.owner, patience=patience):
            still = "" if is_new else " any more"
            raise PlanRefused(f"{location.url} is not owned by {location.owner}{still}, as the plan says")

    def ask_whether_it_answers(self, tell: Callable[[bool], None]) -> None:
        """Ask for the bucket."""

        def take(reply: Reply) -> None:
            tell(not (isinstance(reply, Failure) and reply.kind.is_of_endpoint))

        self.engine.submit(HeadBucket(self.location.bucket, owner=self.location.owner), take)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Abort a multipart upload; raises CredentialsUnusable, too."""
        location = self.location
        request = AbortMultipartUpload(location.bucket, key, upload_id, owner=location.owner)
        reply = Patience().call(self.engine, request)
        if isinstance(reply, Failure) and reply.kind not in _GONE:
            raise refusal_of(
                reply,
                bucket=location.bucket,
                doing=f"aborting the upload of {key}",
                clock_offset_ms=self.engine.clock_offset_ms,
            )
