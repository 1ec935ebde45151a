"""What a bucket's store is tried with leaves nothing, or is told, remembered, and removed by the next trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import CopyObject, DeleteObject, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload
from s3plan.storage.conditions.capabilities import CapabilityCache
from s3plan.storage.conditions.checksum_trial import Writing
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.places.bucket_conditions import BucketConditions
from s3plan.storage.s3.patience import Patience

LOCATION = PlanLocation(
    id=0,
    kind=LocationKind.S3,
    url="s3://b/",
    connection="",
    endpoint="http://localhost:1",
    region="us-east-1",
    bucket="b",
    prefix="",
)
IN_HASTE = Patience(attempts=2, sleep=lambda _: None)
KEY = CustomerKey(b"t" * 32)


class Refusing(MemoryEngine):
    """Answers requests of some kinds with a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.store.create_bucket("b")
        self.failures: dict[type, Failure] = {}

    def refuse(self, kind: type[Request], failure: FailureKind) -> None:
        self.failures[kind] = Failure(failure, kind.__name__, "No", "", 403)

    def call(self, request: Request) -> Reply:
        return self.failures.get(type(request)) or super().call(request)

    def uploads(self) -> int:
        return len(self.store.bucket("b").uploads)


class Trials:
    """All trials at one bucket, and the keys that they have told of."""

    def __init__(self, folder: Path) -> None:
        self.engine = Refusing()
        self.left: list[str] = []
        self._conditions = BucketConditions(self.engine, LOCATION, CapabilityCache(folder / "capabilities.json"))

    def of_sums(self) -> bool:
        return self._conditions.holds_part_sums(None, on_left=self.left.append, patience=IN_HASTE)

    def of_checksum(self) -> bool:
        return self._conditions.try_checksum("SHA256", Writing.COPY, on_left=self.left.append, patience=IN_HASTE).keeps

    def of_key(self) -> bool:
        return self._conditions.holds_customer_key(KEY, on_left=self.left.append, patience=IN_HASTE)


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    return Trials(tmp_path)


@pytest.mark.parametrize(
    ("trial", "first"),
    [(Trials.of_sums, CreateMultipartUpload), (Trials.of_key, PutObject), (Trials.of_checksum, CopyObject)],
)
def test_credentials_that_have_expired_end_it(
    trials: Trials, trial: Callable[[Trials], bool], first: type[Request]
) -> None:
    trials.engine.refuse(first, FailureKind.CREDENTIALS_EXPIRED)
    with pytest.raises(CredentialsUnusable, match="b: the credentials have expired"):
        trial(trials)


def test_an_object_that_may_not_be_removed_is_told_and_removed_by_the_next_trial(trials: Trials) -> None:
    trials.engine.refuse(DeleteObject, FailureKind.DENIED)
    trials.of_key()
    assert len(trials.left) == 1
    assert list(trials.engine.store.bucket("b").objects) == trials.left
    trials.engine.failures.clear()
    trials.of_key()
    assert len(trials.left) == 1
    assert not trials.engine.store.bucket("b").objects


def test_so_are_the_objects_of_a_checksum(trials: Trials) -> None:
    trials.engine.refuse(DeleteObject, FailureKind.DENIED)
    assert trials.of_checksum()
    (told,) = trials.left
    assert list(trials.engine.store.bucket("b").objects) == [told, f"{told}-copy"]
    trials.engine.failures.clear()
    assert trials.of_checksum()
    assert len(trials.left) == 1
    assert not trials.engine.store.bucket("b").objects


@pytest.mark.parametrize("failure", [FailureKind.DENIED, FailureKind.CREDENTIALS_EXPIRED])
def test_so_is_an_upload(trials: Trials, failure: FailureKind) -> None:
    trials.engine.refuse(CompleteMultipartUpload, FailureKind.INVALID)
    trials.engine.refuse(AbortMultipartUpload, failure)
    if failure.is_credentials:
        with pytest.raises(CredentialsUnusable):
            trials.of_sums()
    else:
        trials.of_sums()
        assert len(trials.left) == 1
    assert trials.engine.uploads() == 1
    trials.engine.failures.clear()
    trials.of_sums()
    assert trials.engine.uploads() == 0
