"""Wrong conditions are sent once more before they are relied on: few requests, and nothing of ours stays."""

from __future__ import annotations

import pytest
from fakes.picky_store import PickyStore
from s3plan.schemas.errors import CredentialsUnusable, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import CopyObject, DeleteObject, DeleteObjects, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadPartCopy,
)
from s3plan.storage.conditions.confirmation import TrialResult, confirm, may_leave_behind
from s3plan.storage.conditions.trial_copies import Sample
from s3plan.storage.s3.patience import Patience

C = Condition
SAMPLE = Sample("bucket", "there")
QUICK = Patience(attempts=6, sleep=lambda _: None)
OF_COPIES = {C.COPY_SOURCE_MATCH, C.COPY_MATCH}
OF_UPLOADS = {C.PART_SOURCE_MATCH, C.COMPLETE_MATCH}


@pytest.fixture
def store() -> PickyStore:
    picky = PickyStore()
    picky.engine.call(PutObject("bucket", "there", b"some bytes"))
    return picky


def found(store: PickyStore, *believed: Condition, sample: Sample | None = SAMPLE) -> TrialResult:
    """Confirm, and see that nothing is left and nothing else was touched."""
    before = dict(store.store.bucket("bucket").objects)
    finding, words = confirm(store, "bucket", "p/.probe", believed, sample=sample, patience=QUICK)
    assert store.store.bucket("bucket").objects == before
    assert not store.store.bucket("bucket").uploads
    assert bool(words) is (finding is TrialResult.UNTOLD)
    return finding


@pytest.mark.parametrize(
    ("believed", "requests"),
    [
        (OF_COPIES, 2),
        ({C.COPY_SOURCE_MATCH}, 1),
        ({C.COPY_ABSENT}, 3),  # an object to be in the way, and its removal
        (OF_UPLOADS, 5),
        ({C.COMPLETE_ABSENT}, 6),
        ({C.BATCH_DELETE_MATCH}, 3),
        ({C.DELETE_MATCH}, 3),
        (OF_COPIES | {C.BATCH_DELETE_MATCH}, 5),
    ],
)
def test_a_store_that_refuses_is_believed_after_a_few_requests(
    store: PickyStore, believed: set[Condition], requests: int
) -> None:
    assert found(store, *believed) is TrialResult.REFUSED
    assert len(store.asked) <= requests
    makes = {"PutObject", "CreateMultipartUpload"} & set(store.kinds_asked)
    assert bool(makes) is may_leave_behind(believed)


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (C.COPY_SOURCE_MATCH, CopyObject),
        (C.COPY_MATCH, CopyObject),
        (C.COPY_ABSENT, CopyObject),
        (C.PART_SOURCE_MATCH, UploadPartCopy),
        (C.COMPLETE_MATCH, CompleteMultipartUpload),
        (C.COMPLETE_ABSENT, CompleteMultipartUpload),
        (C.DELETE_MATCH, DeleteObject),
        (C.BATCH_DELETE_MATCH, DeleteObjects),
    ],
)
def test_a_store_that_takes_one_is_found_out(store: PickyStore, condition: Condition, kind: type[Request]) -> None:
    store.ignore_conditions(kind)
    assert found(store, condition) is TrialResult.TAKEN


def test_a_source_that_is_gone_says_nothing(store: PickyStore) -> None:
    assert found(store, *OF_COPIES, sample=Sample("bucket", "gone")) is TrialResult.UNTOLD


@pytest.mark.parametrize("kind", [FailureKind.DENIED, FailureKind.ARCHIVED, FailureKind.INVALID])
def test_a_refusal_for_another_reason_says_nothing(store: PickyStore, kind: FailureKind) -> None:
    store.refuse(kind, CopyObject)
    assert found(store, *OF_COPIES) is TrialResult.UNTOLD


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.TRANSIENT, FailureKind.UNREACHABLE])
def test_a_store_that_stumbles_is_asked_again(store: PickyStore, kind: FailureKind) -> None:
    turns = iter([True, False] * 50)

    def every_second_time(request: Request) -> Reply | None:
        return Failure(kind, type(request).__name__, "Stumbled", "") if next(turns) else None

    store.answer = every_second_time
    assert found(store, *OF_COPIES, C.BATCH_DELETE_MATCH) is TrialResult.REFUSED


def test_a_copy_whose_answer_is_lost_is_removed_too(store: PickyStore) -> None:
    def lose(request: Request) -> Reply | None:
        if not isinstance(request, CopyObject):
            return None
        store.engine.call(CopyObject(request.bucket, request.key, request.source_bucket, request.source_key))
        return Failure(FailureKind.TRANSIENT, "CopyObject", "ConnectionReset", "")

    store.answer = lose
    with pytest.raises(StoreRefused, match="try again later"):
        found(store, *OF_COPIES)
    assert list(store.store.bucket("bucket").objects) == ["there"]


@pytest.mark.parametrize("kind", [FailureKind.TRANSIENT, FailureKind.BAD_REPLY, FailureKind.THROTTLED])
def test_an_upload_whose_id_is_lost_with_a_reply_is_aborted_too(store: PickyStore, kind: FailureKind) -> None:
    lost: list[Reply] = []

    def lose(request: Request) -> Reply | None:
        if not isinstance(request, CreateMultipartUpload) or lost:
            return None
        lost.append(store.engine.call(request))
        return Failure(kind, "CreateMultipartUpload", "Busy", "", 503)

    store.answer = lose
    assert found(store, *OF_UPLOADS) is TrialResult.REFUSED
    assert lost


def test_an_upload_that_is_not_aborted_at_first_is_aborted_later(store: PickyStore) -> None:
    refused: list[Request] = []

    def refuse_once(request: Request) -> Reply | None:
        if not isinstance(request, AbortMultipartUpload) or refused:
            return None
        refused.append(request)
        return Failure(FailureKind.DENIED, "AbortMultipartUpload", "AccessDenied", "", 403)

    store.answer = refuse_once
    assert found(store, *OF_UPLOADS) is TrialResult.REFUSED
    assert refused


def test_expired_credentials_are_told_as_such(store: PickyStore) -> None:
    store.refuse(FailureKind.CREDENTIALS_EXPIRED, CopyObject)
    with pytest.raises(CredentialsUnusable, match="expired"):
        found(store, *OF_COPIES)


def test_a_removal_that_is_answered_wrongly_is_looked_at(store: PickyStore) -> None:
    def refuse_what_is_done(request: Request) -> Reply | None:
        if not isinstance(request, DeleteObject) or request.if_match is not None:
            return None
        store.engine.call(request)
        return Failure(FailureKind.PRECONDITION, "DeleteObject", "PreconditionFailed", "", 412)

    store.answer = refuse_what_is_done
    assert found(store, C.BATCH_DELETE_MATCH) is TrialResult.REFUSED


def test_what_cannot_be_removed_is_an_error(store: PickyStore) -> None:
    store.refuse(FailureKind.DENIED, DeleteObject)
    with pytest.raises(StoreRefused, match="s3:DeleteObject"):
        found(store, C.BATCH_DELETE_MATCH)


@pytest.mark.parametrize("believed", [OF_COPIES, {C.COPY_ABSENT}, OF_UPLOADS, {C.COMPLETE_ABSENT}], ids=range(4))
def test_what_may_become_of_an_object_of_the_plan_is_under_the_key_of_its_copies(
    store: PickyStore, believed: set[Condition]
) -> None:
    read, written = CustomerKey(b"r" * 32), CustomerKey(b"w" * 32)
    store.engine.call(PutObject("bucket", "secret", b"some bytes", customer_key=read))
    sample = Sample("bucket", "secret", customer_key=read, written_key=written)
    assert found(store, *believed, sample=sample) is TrialResult.REFUSED
    made = [each for each in store.asked if isinstance(each, CopyObject | UploadPartCopy | CreateMultipartUpload)]
    assert made
    assert {each.customer_key for each in made} == {written}
