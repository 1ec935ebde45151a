"""What is found out about a file and an object, also where the store is wrong, or does not say."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import md5, sha256
from pathlib import Path

import pytest
from awscrt.checksums import crc64nvme
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.pairs import PairFound, Question, Wanted
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.attributes import ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ObjectFound, Reply, Request
from s3plan.storage.evidence.audited_sides import FileSide, ObjectSide
from s3plan.storage.evidence.file_evidence import FileEvidence
from s3plan.storage.folder.engine import FolderEngine

BUCKET = PlanLocation(1, LocationKind.S3, "s3://bucket/up/", "", None, None, "bucket", "up/", owner="1" * 12)
CONTENT = b"bytes of a file"
MD5 = md5(CONTENT, usedforsecurity=False).hexdigest()
CRC = b64encode(int(crc64nvme(CONTENT)).to_bytes(8, "big")).decode()
SHA = b64encode(sha256(CONTENT).digest()).decode()
FOREIGN = "a" * 32 + "-1"
BY_CRC = PairFound(is_same=True, by="CRC64NVME", of_file=CRC, of_object=CRC)


class HeadsOnly:
    """An engine that answers HEAD, and nothing else, by what it is given."""

    clock_offset_ms = 0

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[HeadObject] = []

    def call(self, request: Request) -> Reply:
        assert isinstance(request, HeadObject)
        self.asked.append(request)
        return self.reply

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def files(root: Path) -> Iterator[FolderEngine]:
    engine = FolderEngine(root, threads=1)
    yield engine
    engine.close()


def evidence_by(files: FolderEngine, engine: HeadsOnly, *, comparable: bool = True) -> FileEvidence:
    objects = ObjectSide(engine, BUCKET, is_free_of_kms=comparable)
    return FileEvidence(FileSide(files), objects, etags_comparable=comparable, readers=1, part_size_bytes=None)


def found(
    files: FolderEngine,
    file: Path,
    etag: str,
    reply: Reply | None = None,
    *,
    comparable: bool = True,
    wanted: Wanted = Wanted.BYTES,
    key: bytes = b"x",
    with_time: bool = False,
) -> PairFound:
    row = ObjectRow(key, len(CONTENT), str(Stamp.of(file.stat())), 0)
    engine = HeadsOnly(Failure(FailureKind.NOT_FOUND, "HeadObject", "404", "") if reply is None else reply)
    evidence = evidence_by(files, engine, comparable=comparable)
    question = Question(row, ObjectRow(key, len(CONTENT), etag, 0), wanted, with_time=with_time)
    answer = evidence.ask(question).result(timeout=30)
    assert all((each.bucket, each.key, each.owner) == ("bucket", "up/x", "1" * 12) for each in engine.asked)
    return answer


def said(etag: str = FOREIGN, metadata: dict[str, str] | None = None, **checksums: str) -> ObjectFound:
    return ObjectFound(etag, len(CONTENT), 0, checksums=checksums, attributes=ObjectAttributes(metadata=metadata or {}))


@pytest.mark.parametrize(
    ("etag", "reply", "comparable", "expected"),
    [
        (MD5, None, True, PairFound(is_same=True, by="MD5")),
        (MD5.upper(), None, False, PairFound(is_same=True, by="MD5")),
        ("1" * 32, None, True, PairFound(is_same=False, by="MD5", of_file=MD5, of_object="1" * 32)),
        ("1" * 32, said("1" * 32, CRC64NVME=CRC), False, BY_CRC),  # as of an object under KMS
        ("1" * 32, said("1" * 32), False, PairFound()),
        (FOREIGN, said(CRC64NVME=CRC), True, BY_CRC),
        (FOREIGN, said(SHA256=SHA), True, PairFound(is_same=True, by="SHA256", of_file=SHA, of_object=SHA)),
        (
            FOREIGN,
            said(CRC64NVME="AAAAAAAAAAA=", SHA256=SHA),
            True,
            PairFound(is_same=False, by="CRC64NVME", of_file=CRC, of_object="AAAAAAAAAAA="),
        ),
        (
            FOREIGN,
            said(CRC64NVME="\x1b[2J", SHA256=SHA),
            True,
            PairFound(is_same=True, by="SHA256", of_file=SHA, of_object=SHA),
        ),
        (FOREIGN, said(BLAKE3="x"), True, PairFound()),
        (FOREIGN, said(metadata={"mtime": "1.5"}), True, PairFound(mtime_ns=1_500_000_000)),
        (FOREIGN, said("another", CRC64NVME=CRC), True, PairFound()),  # it was replaced since it was listed
        (FOREIGN, None, True, PairFound()),
        (FOREIGN, Failure(FailureKind.DENIED, "HeadObject", "AccessDenied", "no", 403), True, PairFound()),
        (FOREIGN, Failure(FailureKind.INVALID, "HeadObject", "400", "", 400), True, PairFound()),  # SSE-C, no key
        ("no etag at all", said("no etag at all"), True, PairFound()),
        (FOREIGN.replace("-1", "-99999"), said(FOREIGN.replace("-1", "-99999")), True, PairFound()),
    ],
)
def test_the_first_that_can_be_compared_decides(  # noqa: PLR0917
    files: FolderEngine, root: Path, etag: str, reply: Reply | None, comparable: bool, expected: PairFound
) -> None:
    assert found(files, root / "x", etag, reply, comparable=comparable) == expected


def test_the_sum_of_parts_of_a_likely_size_proves_the_same_bytes(files: FolderEngine, root: Path) -> None:
    etag = f"{md5(bytes.fromhex(MD5), usedforsecurity=False).hexdigest()}-1"
    assert found(files, root / "x", etag, said(etag)) == PairFound(is_same=True, by="MD5 of the parts")


def test_a_file_that_cannot_be_read_is_not_the_same(files: FolderEngine, root: Path, tmp_path: Path) -> None:
    (tmp_path / "y").write_bytes(CONTENT)  # another inode: the file was replaced since it was listed
    assert found(files, tmp_path / "y", MD5).is_same is False
    assert found(files, tmp_path / "y", FOREIGN, said(CRC64NVME=CRC)).is_same is False
    (root / "x").unlink()
    os.mkfifo(root / "x")
    assert found(files, tmp_path / "y", MD5).is_same is False


def test_only_the_time_is_asked_for_where_only_that_is_wanted(files: FolderEngine, root: Path) -> None:
    reply = said(MD5, {"Mtime": "2"})
    assert found(files, root / "x", MD5, reply, wanted=Wanted.TIME) == PairFound(mtime_ns=2_000_000_000)
    assert found(files, root / "x", "other", reply, wanted=Wanted.TIME) == PairFound()


@pytest.mark.parametrize(("etag", "by"), [(MD5, "MD5"), (FOREIGN, "CRC64NVME")])
def test_the_time_comes_with_the_proof_where_both_are_wanted(
    files: FolderEngine, root: Path, etag: str, by: str
) -> None:
    reply = said(etag, {"mtime": "2"}, CRC64NVME=CRC)
    for with_time, mtime_ns in ((True, 2_000_000_000), (False, None)):
        answer = found(files, root / "x", etag, reply, with_time=with_time)
        assert (answer.is_same, answer.by, answer.mtime_ns) == (True, by, mtime_ns)
    changed = found(files, root / "x", MD5, said("another", {"mtime": "2"}), with_time=True)
    assert changed == PairFound(is_same=True, by="MD5")


def test_a_key_that_can_be_no_file_is_not_read(files: FolderEngine, root: Path, tmp_path: Path) -> None:
    (tmp_path.parent / "outside").write_bytes(CONTENT)
    row = ObjectRow(b"../outside", len(CONTENT), str(Stamp.of((tmp_path.parent / "outside").stat())), 0)
    evidence = evidence_by(files, HeadsOnly(said()))
    assert evidence.ask(Question(row, row._replace(etag=MD5), Wanted.BYTES)).result(timeout=30).is_same is False
    assert root.exists()


def test_a_store_that_refuses_the_credentials_ends_it(files: FolderEngine, root: Path) -> None:
    refused = Failure(FailureKind.CREDENTIALS_REFUSED, "HeadObject", "InvalidAccessKeyId", "no", 403)
    with pytest.raises(S3PlanError, match="the credentials do not work"):
        found(files, root / "x", FOREIGN, refused)
