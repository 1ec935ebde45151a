"""What is found out of a store's keys of SSE-C, and what is left behind of it."""

from __future__ import annotations

import pytest
from fakes.answering_engine import Answer, AnsweringEngine
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import DeleteObject, HeadObject, PutObject, Reply, Request
from s3plan.storage.conditions.key_trial import KeyTrial, try_customer_key
from s3plan.storage.s3.patience import Patience

KEY = CustomerKey(b"t" * 32)
REFUSED = Failure(FailureKind.INVALID, "PutObject", "InvalidRequest", "no", 400)
DENIED = Failure(FailureKind.DENIED, "PutObject", "AccessDenied", "no", 403)
BUSY = Failure(FailureKind.THROTTLED, "HeadObject", "SlowDown", "no", 503)
LOST = Failure(FailureKind.TRANSIENT, "PutObject", "InternalError", "no", 500)
AT_ONCE = Patience(attempts=2, sleep=lambda _: None)


def shown_to_nobody(request: Request) -> Reply | None:
    return DENIED if isinstance(request, HeadObject) else None


def without_key(request: Request) -> Request | None:
    if not isinstance(request, PutObject) or request.customer_key is None:
        return None
    return PutObject(request.bucket, request.key, request.body)


@pytest.mark.parametrize(
    ("answer", "found", "left"),
    [
        (lambda _: None, KeyTrial(holds=True, is_clean=True), 0),
        (without_key, KeyTrial(holds=False, is_clean=True), 0),
        (lambda each: REFUSED if isinstance(each, PutObject) else None, KeyTrial(holds=True, is_clean=True), 0),
        (lambda each: REFUSED if isinstance(each, DeleteObject) else None, KeyTrial(holds=True, is_clean=False), 1),
    ],
    ids=["holds", "takes no notice", "refuses", "cannot be removed"],
)
def test_a_store_holds_to_keys_if_it_shows_nothing_without_them(answer: Answer, found: KeyTrial, left: int) -> None:
    engine = AnsweringEngine(answer)
    assert try_customer_key(engine, "bucket", "probe-key", customer_key=KEY) == found
    assert len(engine.store.bucket("bucket").objects) == left


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (lambda each: BUSY if isinstance(each, PutObject) else None, BUSY),
        (shown_to_nobody, DENIED),
        (lambda each: BUSY if isinstance(each, HeadObject) else None, BUSY),
        (lambda each: BUSY if isinstance(each, HeadObject) and each.customer_key is None else None, BUSY),
    ],
    ids=["does not write", "may not read", "does not read", "does not read without the key"],
)
@pytest.mark.parametrize("takes_notice", [True, False], ids=["holds", "takes no notice"])
def test_a_store_is_not_taken_to_hold_to_keys_for_an_answer_that_has_another_reason(
    answer: Answer, failure: Failure, takes_notice: bool
) -> None:
    engine = AnsweringEngine(lambda each: answer(each) or (None if takes_notice else without_key(each)))
    trial = try_customer_key(engine, "bucket", "probe-key", customer_key=KEY, patience=AT_ONCE)
    assert trial == KeyTrial(holds=False, is_clean=True, unknown=failure)
    assert not engine.store.bucket("bucket").objects


def test_an_object_that_never_came_there_proves_nothing() -> None:
    engine = AnsweringEngine(lambda each: LOST if isinstance(each, PutObject) else None)
    trial = try_customer_key(engine, "bucket", "probe-key", customer_key=KEY, patience=AT_ONCE)
    assert not trial.holds
    assert trial.unknown is not None
    assert trial.unknown.kind is FailureKind.NOT_FOUND
