"""What is found out of a store that is asked to keep a checksum, and what is left behind of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.answering_engine import Answer, AnsweringEngine
from s3plan.schemas.bodies import Digests
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import CopyObject, DeleteObject, HeadObject, ObjectFound, PutObject, Reply, Request
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadPart
from s3plan.storage.conditions.checksum_trial import ChecksumTrial, Writing, try_checksum
from s3plan.storage.s3.patience import Patience

ALGORITHMS = ("CRC64NVME", "CRC32C", "SHA1", "SHA256")  # CRC32 is what the store in memory makes by itself
AT_ONCE = Patience(attempts=2, sleep=lambda _: None)
KEPT = ChecksumTrial(keeps=True, is_clean=True)
NOT_KEPT = ChecksumTrial(keeps=False, is_clean=True)


class Misstating(AnsweringEngine):
    """Says of each object the checksum of other bytes."""

    def call(self, request: Request) -> Reply:
        reply = super().call(request)
        if not isinstance(reply, ObjectFound):
            return reply
        return replace(reply, stated=dict.fromkeys(reply.stated, "AAAAAAAAAAA="))


def tried(engine: AnsweringEngine, algorithm: str, writing: Writing) -> ChecksumTrial:
    return try_checksum(engine, "bucket", "probe", algorithm=algorithm, writing=writing, patience=AT_ONCE)


def failing(kind: type[Request], failure: FailureKind) -> Answer:
    failed = Failure(failure, kind.__name__, "No", "no", 400)
    return lambda request: failed if isinstance(request, kind) else None


def takes_no_notice(request: Request) -> Request | None:
    match request:
        case PutObject() | UploadPart():
            return replace(request, digests=Digests())
        case CopyObject() | CreateMultipartUpload():
            return replace(request, checksum=None)
        case CompleteMultipartUpload():
            return replace(request, part_sums={}, checksum=None)
    return None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("writing", list(Writing))
def test_a_store_keeps_what_it_states_of_an_object_written_so(writing: Writing, algorithm: str) -> None:
    engine = AnsweringEngine()
    assert tried(engine, algorithm, writing) == KEPT
    assert engine.left == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("writing", list(Writing))
@pytest.mark.parametrize(
    "engine", [AnsweringEngine(takes_no_notice), Misstating()], ids=["takes no notice", "misstates"]
)
def test_a_store_that_states_none_or_a_wrong_one_keeps_none(
    engine: AnsweringEngine, writing: Writing, algorithm: str
) -> None:
    assert tried(engine, algorithm, writing) == NOT_KEPT
    assert engine.left == 0


@pytest.mark.parametrize(
    ("writing", "kind"),
    [
        (Writing.PUT, PutObject),
        (Writing.COPY, CopyObject),
        (Writing.PARTS, CreateMultipartUpload),
        (Writing.PARTS, UploadPart),
        (Writing.PARTS, CompleteMultipartUpload),
    ],
)
def test_a_store_that_refuses_the_wish_keeps_none_and_has_said_why(writing: Writing, kind: type[Request]) -> None:
    engine = AnsweringEngine(failing(kind, FailureKind.UNSUPPORTED))
    trial = tried(engine, "SHA256", writing)
    assert (trial.keeps, trial.is_clean, trial.unknown, engine.left) == (False, True, None, 0)
    assert trial.refusal is not None
    assert trial.refusal.operation == kind.__name__


@pytest.mark.parametrize(
    ("writing", "kind", "failure"),
    [
        (Writing.COPY, PutObject, FailureKind.INVALID),  # of what is to be copied: it asks for nothing
        (Writing.PUT, PutObject, FailureKind.DENIED),
        (Writing.PUT, HeadObject, FailureKind.DENIED),
        (Writing.PUT, HeadObject, FailureKind.INVALID),
        (Writing.COPY, CopyObject, FailureKind.THROTTLED),
        (Writing.PARTS, CreateMultipartUpload, FailureKind.TRANSIENT),
        (Writing.PARTS, CompleteMultipartUpload, FailureKind.CREDENTIALS_EXPIRED),
    ],
)
def test_an_answer_that_has_another_reason_tells_nothing(
    writing: Writing, kind: type[Request], failure: FailureKind
) -> None:
    engine = AnsweringEngine(failing(kind, failure))
    trial = tried(engine, "SHA256", writing)
    assert (trial.keeps, trial.is_clean, trial.refusal, engine.left) == (False, True, None, 0)
    assert trial.unknown is not None
    assert (trial.unknown.operation, trial.unknown.kind) == (kind.__name__, failure)


def test_what_cannot_be_removed_is_said() -> None:
    engine = AnsweringEngine(failing(DeleteObject, FailureKind.DENIED))
    assert tried(engine, "SHA256", Writing.PUT) == ChecksumTrial(keeps=True, is_clean=False)
    assert engine.left == 1
