"""What is asked, and what is made of the answers, also of those of a store that is wrong, or lies."""

from __future__ import annotations

import os
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
from awscrt.checksums import crc64nvme
from s3plan.schemas.errors import CredentialsUnusable, StoreRefused
from s3plan.schemas.evidence.findings import AuditAnswer, AuditQuestion
from s3plan.schemas.evidence.ladder import Compared
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import (
    GetObject,
    GetObjectTags,
    HeadObject,
    ObjectFound,
    ObjectRead,
    Reply,
    Request,
    TagsFound,
)
from s3plan.storage.evidence.audited_sides import FileSide, ObjectSide
from s3plan.storage.evidence.bytes_evidence import BytesEvidence, Wanted
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.s3.patience import Patience

BUCKET = PlanLocation(1, LocationKind.S3, "s3://bucket/up/", "", None, None, "bucket", "up/", owner="1" * 12)
CONTENT = random.Random(1).randbytes(9 << 20)
OTHER = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
FOREIGN = "a" * 32


def hexed(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


def crc(content: bytes) -> str:
    return b64encode(int(crc64nvme(content)).to_bytes(8, "big")).decode()


def sha(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


def of_parts(content: bytes, size: int) -> str:
    sums = [md5(content[at : at + size], usedforsecurity=False).digest() for at in range(0, len(content), size)]
    return f"{hexed(b''.join(sums))}-{len(sums)}"


class Store:
    """An engine that answers as it is told: by a function of the request."""

    clock_offset_ms = 0

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    def call(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.answer(request)

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""


def failed(kind: FailureKind, status: int = 403) -> Failure:
    return Failure(kind, "HeadObject", str(status), "", status)


class Holding:
    """Answers like a store that holds an object of some bytes; `said` is what is otherwise than it should be."""

    def __init__(self, content: bytes, etag: str, cut: list[int] | None = None, **said: Any) -> None:
        self.content = content
        self.cut = cut
        self.found = replace(
            ObjectFound(etag, len(content), 0, encryption="AES256"),
            **said,
        )

    def __call__(self, request: Request) -> Reply:
        match request:
            case HeadObject(part=None):
                return self.found
            case HeadObject(part=int(number)):
                if self.cut is None:
                    return self.found
                return replace(self.found, size_bytes=self.cut[number - 1], parts=len(self.cut), checksums={})
            case GetObject(first_byte=int(first), last_byte=int(last)):
                assert request.if_match == self.found.etag
                return ObjectRead(self.found.etag, self.content[first : last + 1])
            case GetObjectTags():
                return TagsFound({})
        raise AssertionError(request)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "pause_s", lambda *_, **__: 0.0)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FolderEngine]:
    (tmp_path / "x").write_bytes(CONTENT)
    engine = FolderEngine(tmp_path, threads=1)
    yield engine
    engine.close()


def file_row(tmp_path: Path) -> ObjectRow:
    status = (tmp_path / "x").stat()
    return ObjectRow(b"x", status.st_size, str(Stamp.of(status)), 0)


def answered(
    files: FolderEngine,
    tmp_path: Path,
    store: Store,
    etag: str,
    *,
    free: bool = True,
    wanted: Wanted | None = None,
    before: Callable[[], object] = bool,
) -> AuditAnswer:
    row = file_row(tmp_path)
    before()
    side = ObjectSide(store, BUCKET, is_free_of_kms=free)
    evidence = BytesEvidence(FileSide(files), side, wanted or Wanted())
    answer = evidence.ask(AuditQuestion(row, ObjectRow(b"x", row.size_bytes, etag, 0))).result(timeout=60)
    for request in store.asked:
        assert isinstance(request, HeadObject | GetObject | GetObjectTags)
        assert (request.bucket, request.key, request.owner) == ("bucket", "up/x", "1" * 12)
    return answer


MD5 = hexed(CONTENT)


KMS: dict[str, Any] = {"encryption": "aws:kms"}
UNKNOWN: dict[str, Any] = {"encryption": None}
THIRDS = [3 << 20] * 3


def stating(**checksums: str) -> dict[str, Any]:
    return {"checksums": checksums}


TOLD: list[tuple[Holding, tuple[bool, str] | None]] = [
    (Holding(CONTENT, MD5), (True, "MD5")),
    (Holding(OTHER, hexed(OTHER)), (False, "MD5")),
    (Holding(OTHER, FOREIGN, **KMS), None),
    (Holding(OTHER, FOREIGN, **UNKNOWN), (False, "MD5")),
    (Holding(OTHER, FOREIGN, **KMS, **stating(CRC64NVME=crc(CONTENT))), (True, "CRC64NVME")),
    (Holding(OTHER, FOREIGN, **KMS, **stating(CRC64NVME=crc(OTHER))), (False, "CRC64NVME")),
    (Holding(CONTENT, "odd", **stating(SHA256=sha(CONTENT))), (True, "SHA256")),
    (Holding(CONTENT, "odd", **stating(CRC64NVME="garbage", SHA256="=")), None),
    (Holding(CONTENT, "odd", **stating(CRC64NVME="\x1b[2J", SHA256=sha(CONTENT))), (True, "SHA256")),
    (Holding(CONTENT, of_parts(CONTENT, 8 << 20)), (True, "MD5 of the parts")),
    (Holding(CONTENT, of_parts(CONTENT, 3 << 20)), None),
    (Holding(CONTENT, of_parts(CONTENT, 3 << 20), THIRDS), (True, "MD5 of the parts")),
    (Holding(OTHER, of_parts(OTHER, 3 << 20), THIRDS), (False, "MD5 of the parts")),
    (Holding(OTHER, f"{FOREIGN}-3", [3 << 20, 2 << 20, 4 << 20]), None),
    (Holding(OTHER, f"{FOREIGN}-3", THIRDS, **KMS), None),
    (Holding(OTHER, f"{FOREIGN}-3", [0, 0, 0]), None),
    (Holding(OTHER, f"{FOREIGN}-3", [9 << 30] * 3), None),
    (Holding(OTHER, f"{FOREIGN}-3", [3 << 20] * 4), None),
]


@pytest.mark.parametrize(("holding", "expected"), TOLD, ids=map(str, range(len(TOLD))))
def test_a_file_and_an_object_are_told_by_what_the_store_states(
    files: FolderEngine, tmp_path: Path, holding: Holding, expected: tuple[bool, str] | None
) -> None:
    answer = answered(files, tmp_path, Store(holding), holding.found.etag)
    assert answer.trouble == ""
    assert (None if answer.compared is None else (answer.compared.is_same, answer.compared.by)) == expected


def test_where_the_bucket_may_encrypt_by_kms_only_equal_sums_prove_something(
    files: FolderEngine, tmp_path: Path
) -> None:
    found = answered(files, tmp_path, Store(Holding(CONTENT, MD5, **UNKNOWN)), MD5, free=False)
    assert found.compared is not None
    assert found.compared.is_same
    assert answered(files, tmp_path, Store(Holding(OTHER, FOREIGN, **UNKNOWN)), FOREIGN, free=False).compared is None


def test_a_small_file_whose_sum_is_the_etag_costs_no_request(files: FolderEngine, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"small")
    store = Store(Holding(b"small", hexed(b"small")))
    for wanted in (Wanted(), Wanted(attributes=True), Wanted(reads=True)):
        assert answered(files, tmp_path, store, hexed(b"small"), wanted=wanted).compared == Compared(
            is_same=True, by="MD5", of_one=hexed(b"small"), of_other=hexed(b"small")
        )
    assert store.asked == []


@pytest.mark.parametrize(("etag", "said"), [(FOREIGN, {}), (MD5, {"size_bytes": 1})])
def test_an_answer_about_another_object_proves_nothing(
    files: FolderEngine, tmp_path: Path, etag: str, said: dict[str, Any]
) -> None:
    holding = Holding(CONTENT, etag, checksums={"CRC64NVME": crc(CONTENT)}, **said)
    answer = answered(files, tmp_path, Store(holding), MD5)
    assert answer.compared is None
    assert answer.trouble.startswith("the object is not the one that was listed")


@pytest.mark.parametrize(
    ("kind", "trouble", "hint"),
    [
        (FailureKind.NOT_FOUND, "the object is gone since it was listed", ""),
        (FailureKind.TRANSIENT, "HeadObject: 400 (400)", ""),
        (FailureKind.BAD_REPLY, "HeadObject: 400 (400)", ""),
        (FailureKind.INVALID, "", "the store does not tell of it: HeadObject: 400 (400)"),
        (FailureKind.UNSUPPORTED, "", "the store does not tell of it: HeadObject: 400 (400)"),
    ],
)
def test_a_store_that_does_not_tell_is_named_and_ends_nothing(
    files: FolderEngine, tmp_path: Path, kind: FailureKind, trouble: str, hint: str
) -> None:
    answer = answered(files, tmp_path, Store(lambda _: failed(kind, 400)), "odd")
    assert (answer.compared, answer.trouble, answer.hint) == (None, trouble, hint)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.CREDENTIALS_EXPIRED, CredentialsUnusable),
        (FailureKind.UNREACHABLE, StoreRefused),
        (FailureKind.THROTTLED, StoreRefused),
        (FailureKind.NO_SUCH_BUCKET, StoreRefused),
    ],
)
def test_a_store_that_cannot_be_asked_ends_the_audit(
    files: FolderEngine, tmp_path: Path, kind: FailureKind, error: type[Exception]
) -> None:
    with pytest.raises(error):
        answered(files, tmp_path, Store(lambda _: failed(kind)), "odd")


def test_without_looking_an_md5_that_differs_is_believed_as_far_as_the_bucket_encrypts_by_no_kms(
    files: FolderEngine, tmp_path: Path
) -> None:
    denied = Store(lambda _: failed(FailureKind.DENIED))
    found = answered(files, tmp_path, denied, FOREIGN)
    assert found.compared is not None
    assert (found.compared.is_same, found.compared.by) == (False, "MD5")
    found = answered(files, tmp_path, denied, FOREIGN, free=False)
    assert (found.compared, found.hint) == (
        None,
        "the store does not let it be looked at: s3:GetObject may be missing",
    )


READS = Wanted(reads=True)


@pytest.mark.parametrize(("content", "is_same"), [(CONTENT, True), (OTHER, False)])
def test_what_has_no_other_evidence_is_read_in_pieces(
    files: FolderEngine, tmp_path: Path, content: bytes, *, is_same: bool
) -> None:
    store = Store(Holding(content, "odd"))
    found = answered(files, tmp_path, store, "odd", wanted=READS)
    assert found.compared == Compared(is_same=is_same, by="SHA256", of_one=sha(CONTENT), of_other=sha(content))
    asked = [(each.first_byte, each.last_byte) for each in store.asked if isinstance(each, GetObject)]
    assert asked == [(0, (8 << 20) - 1), (8 << 20, (9 << 20) - 1)]


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (ObjectRead("other", CONTENT[: 8 << 20]), "the object is not the one that was listed"),
        (ObjectRead("odd", b"short"), "the store sent 5 bytes in place of 8,388,608"),
        (failed(FailureKind.PRECONDITION, 412), "the object changed while it was looked at"),
        (failed(FailureKind.ARCHIVED), "the object is archived: it cannot be read before a restore"),
        (failed(FailureKind.NOT_FOUND, 404), "the object is gone since it was listed"),
        (failed(FailureKind.DENIED), "HeadObject: 403 (403)"),
    ],
)
def test_bytes_that_are_not_those_of_the_listed_object_prove_nothing(
    files: FolderEngine, tmp_path: Path, reply: Reply, trouble: str
) -> None:
    holding = Holding(CONTENT, "odd")
    store = Store(lambda request: reply if isinstance(request, GetObject) else holding(request))
    found = answered(files, tmp_path, store, "odd", wanted=READS)
    assert found.compared is None
    assert found.trouble.startswith(trouble)


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (lambda path: path.write_bytes(OTHER), "the file changed while it was looked at"),
        (lambda path: path.unlink(), "the file changed while it was looked at"),
        (lambda path: (path.unlink(), path.mkdir()), "the file "),
    ],
)
def test_a_file_that_is_no_longer_the_listed_one_is_no_difference(
    files: FolderEngine, tmp_path: Path, change: Callable[[Path], object], trouble: str
) -> None:
    store = Store(Holding(OTHER, hexed(OTHER)))
    found = answered(files, tmp_path, store, hexed(OTHER), before=lambda: change(tmp_path / "x"))
    assert found.compared is None
    assert found.trouble.startswith(trouble)


class _Tagless(Holding):
    """Refuses to tell tags."""

    refused: Failure

    def __call__(self, request: Request) -> Reply:
        return self.refused if isinstance(request, GetObjectTags) else super().__call__(request)


def between_buckets(one: Holding, other: Holding, wanted: Wanted) -> tuple[AuditAnswer, Store, Store]:
    stores = Store(one), Store(other)
    sides = [ObjectSide(store, BUCKET, is_free_of_kms=True) for store in stores]
    rows = [ObjectRow(b"x", len(each.content), each.found.etag, 0) for each in (one, other)]
    evidence = BytesEvidence(sides[0], sides[1], wanted)
    question = AuditQuestion(*rows)
    settled = evidence.settles(question)
    answer = evidence.ask(question).result(timeout=60) if settled is None else AuditAnswer(settled)
    return answer, *stores


def test_only_the_side_that_states_nothing_is_read() -> None:
    one = Holding(CONTENT, MD5, encryption="aws:kms", checksums={"CRC64NVME": crc(CONTENT)})
    answer, stating, silent = between_buckets(one, Holding(CONTENT, "odd"), READS)
    assert answer.compared is not None
    assert (answer.compared.is_same, answer.compared.by) == (True, "CRC64NVME")
    assert not any(isinstance(each, GetObject) for each in stating.asked)
    assert any(isinstance(each, GetObject) for each in silent.asked)


def test_equal_etags_ask_nothing_unless_attributes_are_compared() -> None:
    one = Holding(CONTENT, MD5)
    answer, first, second = between_buckets(one, one, Wanted())
    assert answer.compared is not None
    assert (answer.compared.is_same, first.asked, second.asked) == (True, [], [])
    other = Holding(CONTENT, MD5, attributes=ObjectAttributes(metadata={"M\x1b": "1"}, headers={"ContentType": "a/b"}))
    answer, _, _ = between_buckets(one, other, Wanted(attributes=True))
    assert answer.other_attributes == ("Content-Type binary/octet-stream -> a/b", "metadata differ: m\x1b")


@pytest.mark.parametrize(
    ("code", "status", "trouble"),
    [
        ("NoSuchTagSet", 404, ""),
        ("NotImplemented", 501, ""),
        ("AccessDenied", 403, "GetObjectTagging"),
        ("NoSuchKey", 404, "the object is gone"),
    ],
)
def test_a_store_without_tags_has_none_and_one_that_hides_them_is_named(code: str, status: int, trouble: str) -> None:
    holding = Holding(CONTENT, MD5)
    kind = FailureKind.DENIED if status == 403 else FailureKind.NOT_FOUND
    silent = _Tagless(CONTENT, MD5)
    silent.refused = Failure(kind, "GetObjectTagging", code, "", status)
    answer, _, _ = between_buckets(holding, silent, Wanted(attributes=True))
    assert (answer.trouble == "") is (trouble == "")
    assert answer.trouble.startswith(trouble)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(None, ("mtime is not kept",)), (0, ()), (1, ()), (5, ("mtime differs",))],
)
def test_the_time_that_an_object_keeps_is_compared_where_the_job_preserves_it(
    files: FolderEngine, tmp_path: Path, kept: int | None, expected: tuple[str, ...]
) -> None:
    os.utime(tmp_path / "x", (1_600_000_000, 1_600_000_000))
    metadata = {} if kept is None else {"mtime": str(1_600_000_000 + kept)}
    holding = Holding(CONTENT, MD5, attributes=ObjectAttributes(metadata=metadata))
    wanted = Wanted(attributes=True, mtimes=True)
    assert answered(files, tmp_path, Store(holding), MD5, wanted=wanted).other_attributes == expected
    assert answered(files, tmp_path, Store(holding), MD5, wanted=replace(wanted, mtimes=False)).other_attributes == ()
