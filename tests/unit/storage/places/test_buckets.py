"""Buckets are found, created once, and told apart from somebody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from s3plan.schemas.errors import CredentialsUnusable, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import Acknowledged, BucketFound, CreateBucket, HeadBucket, Reply, Request
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.places.buckets import BucketMissing, BucketTaken, claim_bucket, create_bucket, find_region
from s3plan.storage.s3.patience import Patience


class ScriptedEngine:
    """Answers with what it was given, one reply after another, then with the last."""

    clock_offset_ms = 0

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def call(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""


def failure(kind: FailureKind, code: str = "Code", region: str | None = None) -> Failure:
    return Failure(kind, "HeadBucket", code, "words", region=region)


MISSING = failure(FailureKind.NO_SUCH_BUCKET)


def patience(pauses: list[float] | None = None) -> Patience:
    waited: list[float] = [] if pauses is None else pauses
    return Patience(attempts=4, sleep=waited.append, draw=lambda: 1.0)


@pytest.mark.parametrize(
    ("reply", "region"),
    [
        (BucketFound("eu-west-1"), "eu-west-1"),
        (BucketFound(None), None),
        (failure(FailureKind.WRONG_REGION, region="eu-west-1"), "eu-west-1"),
        (failure(FailureKind.DENIED, region="eu-west-1"), "eu-west-1"),
        (failure(FailureKind.DENIED), None),
    ],
)
def test_the_region_is_what_the_store_says_even_when_it_denies(reply: Reply, region: str | None) -> None:
    assert find_region(ScriptedEngine(reply), "bucket") == region


def test_a_missing_bucket_and_bad_credentials_are_errors_of_their_own() -> None:
    with pytest.raises(BucketMissing, match="no such bucket"):
        find_region(ScriptedEngine(MISSING), "bucket")
    with pytest.raises(CredentialsUnusable):
        find_region(ScriptedEngine(failure(FailureKind.CREDENTIALS_REFUSED)), "bucket")


def test_a_store_that_is_away_for_a_moment_is_asked_again() -> None:
    engine = ScriptedEngine(failure(FailureKind.UNREACHABLE), BucketFound("eu-west-1"))
    assert find_region(engine, "bucket", patience=patience()) == "eu-west-1"


def test_a_bucket_is_created_in_the_region_and_waited_for() -> None:
    pauses: list[float] = []
    engine = ScriptedEngine(Acknowledged(), MISSING, MISSING, BucketFound("eu-west-1"))
    create_bucket(engine, "bucket", region="eu-west-1", patience=patience(pauses))
    assert engine.requests[0] == CreateBucket("bucket", region="eu-west-1")
    assert pauses == [0.2, 0.4]


def test_a_bucket_of_ours_is_fine() -> None:
    engine = MemoryEngine()
    create_bucket(engine, "bucket", region="eu-west-1")
    create_bucket(engine, "bucket", region="eu-west-1")
    assert find_region(engine, "bucket") == "eu-west-1"


def test_a_name_that_another_account_has_is_refused() -> None:
    taken = failure(FailureKind.INVALID, "BucketAlreadyExists")
    with pytest.raises(BucketTaken, match="taken by another account"):
        create_bucket(ScriptedEngine(taken), "bucket", region=None)


@pytest.mark.parametrize("reply", [Acknowledged(), failure(FailureKind.INVALID, "BucketAlreadyOwnedByYou")])
def test_a_bucket_that_answers_its_creator_as_the_owner_is_ours(reply: Reply) -> None:
    claim_bucket(ScriptedEngine(reply), "bucket", region=None, owner=None)


@pytest.mark.parametrize(
    "reply", [failure(FailureKind.INVALID, "BucketAlreadyExists"), failure(FailureKind.DENIED, "AccessDenied")]
)
@pytest.mark.parametrize("owner", [None, "123456789012"])
def test_a_bucket_that_is_not_known_to_be_ours_is_taken(reply: Failure, owner: str | None) -> None:
    engine = ScriptedEngine(*([BucketFound(None)] * 2 if owner else []), reply)  # whoever is expected: not looked at
    with pytest.raises(BucketTaken, match="not known to be yours"):
        claim_bucket(engine, "bucket", region=None, owner=owner)


def test_the_expected_owner_tells_where_the_store_looks_at_it() -> None:
    engine = ScriptedEngine(BucketFound(None), failure(FailureKind.DENIED))
    claim_bucket(engine, "bucket", region=None, owner="123456789012")
    assert [type(request) for request in engine.requests] == [HeadBucket, HeadBucket]


def test_the_permission_that_may_lack_is_named() -> None:
    denied = Failure(FailureKind.DENIED, "CreateBucket", "AccessDenied", "words")
    with pytest.raises(StoreRefused, match=r"s3:CreateBucket.*s3plan policy"):
        create_bucket(ScriptedEngine(denied), "bucket", region=None)


def test_a_bucket_that_never_appears_is_given_up() -> None:
    with pytest.raises(StoreRefused, match="does not show it yet"):
        create_bucket(ScriptedEngine(Acknowledged(), MISSING), "bucket", region=None, patience=patience())
