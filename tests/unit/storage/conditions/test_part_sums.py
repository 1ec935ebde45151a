"""A store that refuses a part of another checksum, and takes it with its own, is believed to hold parts to them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest
from awscrt.checksums import crc64nvme
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.requests.objects import (
    Acknowledged,
    DeleteObject,
    ListObjects,
    ObjectsPage,
    ObjectWritten,
    Reply,
    Request,
)
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    UploadOpened,
    UploadPart,
    UploadsPage,
)
from s3plan.schemas.requests.versions import ListVersions, VersionsPage
from s3plan.storage.conditions.part_sums import PartSumsTrial, try_part_sums
from s3plan.storage.s3.patience import Patience

OPENED = UploadOpened("an upload")
TAKEN = ObjectWritten("etag")
CRC = b64encode(int(crc64nvme(b"s3plan, to be removed")).to_bytes(8, "big")).decode()
MADE = ObjectWritten("etag-1", crc64nvme=CRC)
BAD_DIGEST = Failure(FailureKind.VERIFICATION, "UploadPart", "BadDigest", "no", 400)
REFUSED = Failure(FailureKind.INVALID, "CreateMultipartUpload", "InvalidRequest", "no", 400)
BROKEN = Failure(FailureKind.TRANSIENT, "UploadPart", "InternalError", "no", 500)
BUSY = Failure(FailureKind.THROTTLED, "UploadPart", "SlowDown", "no", 503)
IN_HASTE = Patience(attempts=3, sleep=lambda _: None)


class Store:
    """An engine that answers each kind of request by what it is given, the last answer again and again."""

    clock_offset_ms = 0

    def __init__(self, opens: list[Reply], parts: list[Reply], made: Reply) -> None:
        self.answers: dict[type, list[Reply]] = {
            CreateMultipartUpload: opens,
            UploadPart: parts,
            CompleteMultipartUpload: [made],
            AbortMultipartUpload: [Acknowledged()],
            DeleteObject: [Acknowledged()],
            ListMultipartUploads: [UploadsPage([("probe-sums", "an upload", 0), ("their key", "theirs", 0)])],
            ListObjects: [ObjectsPage(())],
            ListVersions: [VersionsPage(())],
        }
        self.asked: list[Request] = []

    def call(self, request: Request) -> Reply:
        self.asked.append(request)
        answers = self.answers[type(request)]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("opens", "parts", "made", "holds"),
    [
        ([OPENED], [BAD_DIGEST, TAKEN], MADE, True),
        ([OPENED], [BUSY, BAD_DIGEST, TAKEN], MADE, True),  # what was not executed is asked again
        ([OPENED], [BAD_DIGEST, TAKEN], TAKEN, False),  # made, and nothing is said of its checksum
        ([OPENED], [BAD_DIGEST, TAKEN], BAD_DIGEST, False),  # as of a store that sums up the sums of parts
        ([OPENED], [TAKEN, TAKEN], MADE, False),
        ([OPENED], [BAD_DIGEST, BAD_DIGEST], MADE, False),
        ([OPENED], [BROKEN, TAKEN], MADE, False),
        ([OPENED], [REFUSED, TAKEN], MADE, False),
        ([REFUSED], [BAD_DIGEST, TAKEN], MADE, False),
        ([BUSY], [BAD_DIGEST, TAKEN], MADE, False),
    ],
)
def test_the_store_is_believed_only_what_it_has_shown(
    opens: list[Reply], parts: list[Reply], made: Reply, holds: bool
) -> None:
    store = Store(list(opens), list(parts), made)
    tried = try_part_sums(store, "bucket", "probe-sums", owner="1" * 12, patience=IN_HASTE)
    assert tried == PartSumsTrial(holds, is_clean=True)
    asked = [type(request) for request in store.asked]
    assert (AbortMultipartUpload in asked) is (opens in ([OPENED], [BUSY]) and not holds)
    assert (DeleteObject in asked) >= (CompleteMultipartUpload in asked)
    for request in store.asked:
        if not isinstance(request, ListMultipartUploads | ListObjects | ListVersions):
            assert (request.bucket, request.key) == ("bucket", "probe-sums")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "opens",
    [
        [Failure(FailureKind.TRANSIENT, "CreateMultipartUpload", "NoUploadId", "", 200)],
        [Failure(FailureKind.BAD_REPLY, "CreateMultipartUpload", "NoUploadId", "", 200)],
        [BUSY],
        [BUSY, OPENED],  # S3 says that it did not open one; others may say so, and have
    ],
    ids=["unclear", "no reply", "busy", "busy at first"],
)
def test_an_upload_whose_id_was_never_told_is_looked_up_and_aborted(opens: list[Reply]) -> None:
    store = Store(list(opens), [BAD_DIGEST, TAKEN], MADE)
    store.answers[ListMultipartUploads] = [UploadsPage([("probe-sums", "lost", 0), ("their key", "theirs", 0)])]
    trial = try_part_sums(store, "bucket", "probe-sums", owner="1" * 12, patience=IN_HASTE)
    assert trial.is_clean
    aborted = [request for request in store.asked if isinstance(request, AbortMultipartUpload)]
    assert aborted == [AbortMultipartUpload("bucket", "probe-sums", "lost", owner="1" * 12)]


EXPIRED = Failure(FailureKind.CREDENTIALS_EXPIRED, "", "ExpiredToken", "renew", 400)
SKEWED = Failure(FailureKind.CLOCK_SKEWED, "", "RequestTimeTooSkewed", "late", 403)
STEPS = [CreateMultipartUpload, UploadPart, CompleteMultipartUpload, DeleteObject]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("failure", [EXPIRED, SKEWED])
def test_credentials_that_do_not_work_say_nothing_of_the_store(step: type, failure: Failure) -> None:
    store = Store([OPENED], [BAD_DIGEST, TAKEN], MADE)
    store.answers[step] = [failure]
    with pytest.raises(CredentialsUnusable):
        try_part_sums(store, "bucket", "probe-sums", patience=IN_HASTE)
    asked = [type(request) for request in store.asked]
    assert (AbortMultipartUpload in asked) is (step in {UploadPart, CompleteMultipartUpload})


@pytest.mark.parametrize("kind", [AbortMultipartUpload, DeleteObject, ListMultipartUploads])
@pytest.mark.parametrize("failure", [FailureKind.THROTTLED, FailureKind.DENIED])
def test_a_trial_that_could_not_remove_what_it_made_says_so(kind: type[Request], failure: FailureKind) -> None:
    lost = Failure(FailureKind.TRANSIENT, "CreateMultipartUpload", "NoUploadId", "", 200)
    opens: list[Reply] = [lost if kind is ListMultipartUploads else OPENED]
    store = Store(opens, [BAD_DIGEST, TAKEN], MADE if kind is DeleteObject else BAD_DIGEST)
    store.answers[kind] = [Failure(failure, kind.__name__, "No", "no", 403)]
    tried = try_part_sums(store, "bucket", "probe-sums", patience=IN_HASTE)
    # What may not be listed can be removed by no later one either.
    assert tried == PartSumsTrial(kind is DeleteObject, is_clean=(kind, failure) == (ListMultipartUploads, "denied"))


@pytest.mark.parametrize("kind", [FailureKind.NO_SUCH_UPLOAD, FailureKind.NOT_FOUND])
def test_what_is_gone_already_is_removed(kind: FailureKind) -> None:
    store = Store([OPENED], [BAD_DIGEST, TAKEN], BAD_DIGEST)
    for request in (AbortMultipartUpload, DeleteObject):
        store.answers[request] = [Failure(kind, request.__name__, "Gone", "", 404)]
    assert try_part_sums(store, "bucket", "probe-sums", patience=Patience(attempts=1)).is_clean


def test_versions_of_an_object_whose_making_was_never_answered_are_looked_up_and_removed() -> None:
    store = Store([OPENED], [BAD_DIGEST, TAKEN], Failure(FailureKind.TRANSIENT, "", "Reset", ""))
    store.answers[ListVersions] = [VersionsPage((("probe-sums", "v1"),))]
    assert not try_part_sums(store, "bucket", "probe-sums", patience=IN_HASTE).holds
    assert DeleteObject("bucket", "probe-sums", version="v1") in store.asked
