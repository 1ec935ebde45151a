"""A store that refuses a part of another checksum, and takes it with its own, is believed to hold parts to them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest
from awscrt.checksums import crc64nvme
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
    patience = Patience(attempts=3, sleep=lambda _: None)
    tried = try_part_sums(store, "bucket", "probe-sums", owner="1" * 12, patience=patience)
    assert tried == PartSumsTrial(holds, is_clean=True)
    asked = [type(request) for request in store.asked]
    has_opened = opens == [OPENED]
    assert (AbortMultipartUpload in asked) is (has_opened and not holds)
    assert (DeleteObject in asked) >= (CompleteMultipartUpload in asked)
    for request in store.asked:
        assert (request.bucket, request.key) == ("bucket", "probe-sums")  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", [FailureKind.TRANSIENT, FailureKind.BAD_REPLY])
def test_an_upload_whose_id_was_never_told_is_looked_up_and_aborted(kind: FailureKind) -> None:
    lost = Failure(kind, "CreateMultipartUpload", "NoUploadId", "", 200)
    store = Store([lost], [TAKEN], MADE)
    patience = Patience(attempts=3, sleep=lambda _: None)
    tried = try_part_sums(store, "bucket", "probe-sums", owner="1" * 12, patience=patience)
    assert tried == PartSumsTrial(holds=False, is_clean=True)
    aborted = [request for request in store.asked if isinstance(request, AbortMultipartUpload)]
    assert aborted == [AbortMultipartUpload("bucket", "probe-sums", "an upload", owner="1" * 12)]


@pytest.mark.parametrize("kind", [AbortMultipartUpload, DeleteObject, ListMultipartUploads])
def test_a_trial_that_could_not_remove_what_it_made_says_so(kind: type[Request]) -> None:
    lost = Failure(FailureKind.TRANSIENT, "CreateMultipartUpload", "NoUploadId", "", 200)
    opens: list[Reply] = [lost if kind is ListMultipartUploads else OPENED]
    store = Store(opens, [BAD_DIGEST, TAKEN], MADE if kind is DeleteObject else BAD_DIGEST)
    store.answers[kind] = [Failure(FailureKind.THROTTLED, kind.__name__, "SlowDown", "no", 503)]
    patience = Patience(attempts=3, sleep=lambda _: None)
    tried = try_part_sums(store, "bucket", "probe-sums", patience=patience)
    assert tried == PartSumsTrial(holds=kind is DeleteObject, is_clean=False)


@pytest.mark.parametrize("kind", [FailureKind.NO_SUCH_UPLOAD, FailureKind.NOT_FOUND])
def test_what_is_gone_already_is_removed(kind: FailureKind) -> None:
    store = Store([OPENED], [BAD_DIGEST, TAKEN], BAD_DIGEST)
    for request in (AbortMultipartUpload, DeleteObject):
        store.answers[request] = [Failure(kind, request.__name__, "Gone", "", 404)]
    assert try_part_sums(store, "bucket", "probe-sums", patience=Patience(attempts=1)).is_clean
