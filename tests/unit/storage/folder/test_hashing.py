"""Digests of files, against botocore's, hashlib's and what a store makes of parts."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5, sha1, sha256
from pathlib import Path

import pytest
from botocore.httpchecksum import CrtCrc32cChecksum, CrtCrc32Checksum, CrtCrc64NvmeChecksum
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.files.requests import FileHashed, HashFile, HashStaged
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.folder.writes.staged_sink import OpenStagedFile

ALL = frozenset({"MD5", "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hashed")


@pytest.fixture(scope="module")
def engine(root: Path) -> Iterator[FolderEngine]:
    opened = FolderEngine(root, threads=1)
    yield opened
    opened.close()


def asked(path: Path, *, algorithms: frozenset[str] = ALL, sizes: tuple[int, ...] = ()) -> HashFile:
    return HashFile((os.fsencode(path.name),), Stamp.of(path.stat()), algorithms, sizes)


def by_parts(content: bytes, part_bytes: int) -> str:
    parts = [content[at : at + part_bytes] for at in range(0, len(content), part_bytes)] or [b""]
    sums = b"".join(md5(part, usedforsecurity=False).digest() for part in parts)
    return f"{md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"


@settings(max_examples=30, deadline=None)
@given(
    size=st.sampled_from([0, 1, 99, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20]), part=st.integers(1, 1 << 21)
)
def test_a_file_has_the_digests_that_others_compute(root: Path, engine: FolderEngine, size: int, part: int) -> None:
    part = max(part, size // 50 + 1)
    content = os.urandom(size)
    (root / "x").write_bytes(content)
    hashed = engine.call(asked(root / "x", sizes=(part, 5 << 20)))
    assert isinstance(hashed, FileHashed)
    crcs = {"CRC64NVME": CrtCrc64NvmeChecksum(), "CRC32": CrtCrc32Checksum(), "CRC32C": CrtCrc32cChecksum()}
    for crc in crcs.values():
        crc.update(content)
    assert hashed.digests == {
        "MD5": md5(content, usedforsecurity=False).hexdigest(),
        "SHA1": b64encode(sha1(content, usedforsecurity=False).digest()).decode(),
        "SHA256": b64encode(sha256(content).digest()).decode(),
        **{name: b64encode(crc.digest()).decode() for name, crc in crcs.items()},
    }
    assert hashed.etags == {part: by_parts(content, part), 5 << 20: by_parts(content, 5 << 20)}


def test_another_file_than_the_one_of_the_stamp_has_none(root: Path, engine: FolderEngine) -> None:
    (root / "y").write_bytes(b"one")
    request = asked(root / "y")
    (root / "y").write_bytes(b"two")
    os.utime(root / "y", ns=(1, 1))
    reply = engine.call(request)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.SOURCE_CHANGED
    (root / "y").unlink()
    gone = engine.call(request)
    assert isinstance(gone, Failure)
    assert gone.kind is FailureKind.NOT_FOUND


def test_what_was_staged_is_summed_up_as_it_lies_there(root: Path, engine: FolderEngine) -> None:
    content = os.urandom((3 << 20) + 1)
    file = OpenStagedFile(os.open(root / "staged", os.O_RDWR | os.O_CREAT), len(content))
    file.sink(0, len(content)).take(memoryview(content))
    hashed = engine.call(HashStaged(file, len(content), frozenset({"MD5"}), (1 << 20,)))
    assert isinstance(hashed, FileHashed)
    assert hashed.digests == {"MD5": md5(content, usedforsecurity=False).hexdigest()}
    assert hashed.etags == {1 << 20: by_parts(content, 1 << 20)}
    short = engine.call(HashStaged(file, len(content) + 1, frozenset({"MD5"})))
    assert isinstance(short, Failure)
    assert short.kind is FailureKind.LOCAL_IO
