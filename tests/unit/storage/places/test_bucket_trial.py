from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from s3plan.schemas.connections.trials import Answer
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import (
    Acknowledged,
    GetObject,
    HeadBucket,
    ListObjects,
    ObjectRead,
    ObjectsPage,
    Reply,
    Request,
)
from s3plan.storage.places.bucket_trial import BucketTrial, trial_of
from s3plan.storage.s3.patience import Patience

LOCATION = PlanLocation(
    id=0, kind=LocationKind.S3, url="s3://b/", connection="", endpoint=None, region=None, bucket="b", prefix=""
)
QUICK = Patience(attempts=2, sleep=lambda _: None)


@dataclass
class Scripted:
    """An engine that answers by the kind of request, the last answer again and again."""

    answers: dict[type[Request], list[Reply]]
    asked: list[Request] = field(default_factory=list)
    clock_offset_ms: int = 0

    def call(self, request: Request) -> Reply:
        self.asked.append(request)
        left = self.answers[type(request)]
        return left.pop(0) if len(left) > 1 else left[0]


def failure(kind: FailureKind, code: str = "Code", status: int | None = 400) -> Failure:
    return Failure(kind, "Operation", code, "words", status)


def row(key: bytes, *, size_bytes: int = 5, storage_class: str = "STANDARD") -> ObjectRow:
    return ObjectRow(key, size_bytes, "etag", 0, storage_class)


def trial(*, rows: Sequence[ObjectRow] = (), **answers: Reply) -> tuple[BucketTrial, Scripted]:
    by_name = {"read": GetObject, "head": HeadBucket, "listed": ListObjects}
    page: Reply = ObjectsPage(list(rows))
    engine = Scripted({ListObjects: [page]} | {by_name[name]: [reply] for name, reply in answers.items()})
    return BucketTrial(engine, LOCATION, patience=QUICK), engine  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "answer", "permission", "is_feature"),
    [
        (FailureKind.DENIED, Answer.NO, "s3:Thing", False),
        (FailureKind.UNSUPPORTED, Answer.NO, None, True),
        (FailureKind.NO_SUCH_BUCKET, Answer.NO, None, False),
        (FailureKind.TRANSIENT, Answer.UNKNOWN, None, False),
        (FailureKind.THROTTLED, Answer.UNKNOWN, None, False),
        (FailureKind.BAD_REPLY, Answer.UNKNOWN, None, False),
    ],
)
def test_an_answer_is_a_no_only_where_the_store_has_said_so(
    kind: FailureKind, answer: Answer, permission: str | None, is_feature: bool
) -> None:
    found = trial_of("x", failure(kind), permission="s3:Thing")
    assert (found.answer, found.permission, found.is_feature) == (answer, permission, is_feature)
    assert found.said == "Operation: Code (400): words"
    assert trial_of("x", Acknowledged(), permission="s3:Thing").answer is Answer.YES


def test_an_archived_object_and_one_that_no_request_can_name_are_not_read() -> None:
    rows = [row(b"cold", storage_class="GLACIER"), row(b"\xff\xfe"), row(b"warm")]
    trying, engine = trial(rows=rows, read=ObjectRead("etag", b"x"))
    trying.list_objects()
    assert trying.read_object().answer is Answer.YES
    assert engine.asked[-1] == GetObject("b", "warm", first_byte=0, last_byte=0)


def test_of_an_empty_object_no_byte_is_asked_for() -> None:
    trying, engine = trial(rows=[row(b"empty", size_bytes=0)], read=ObjectRead("etag", b""))
    trying.list_objects()
    assert trying.read_object().answer is Answer.YES
    assert engine.asked[-1] == GetObject("b", "empty")


def test_an_object_that_cannot_be_read_yet_may_be_read() -> None:
    trying, _ = trial(rows=[row(b"a")], read=failure(FailureKind.ARCHIVED, status=403))
    trying.list_objects()
    assert trying.read_object().answer is Answer.YES


def test_credentials_that_do_not_work_end_the_trial() -> None:
    trying, _ = trial(listed=failure(FailureKind.CREDENTIALS_EXPIRED, "ExpiredToken"))
    with pytest.raises(CredentialsUnusable, match="have expired"):
        trying.list_objects()


def test_a_store_that_never_answers_has_no_latency() -> None:
    trying, _ = trial(head=failure(FailureKind.UNREACHABLE, status=None))
    assert trying.latency_ms() is None


def test_counting_stops_at_a_page_that_is_refused_and_says_that_it_is_not_all() -> None:
    trying, engine = trial()
    engine.answers[ListObjects] = [
        ObjectsPage([row(b"a"), row(b"b")], next_token="t", truncated=True),
        failure(FailureKind.DENIED, status=403),
    ]
    counted = trying.count()
    assert counted is not None
    assert (counted.objects, counted.size_bytes, counted.is_all) == (2, 10, False)
