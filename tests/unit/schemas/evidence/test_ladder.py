"""Which step of the ladder decides, over everything that may be known of two sides."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from itertools import product

import pytest
from s3plan.schemas.evidence.ladder import (
    BY_EMPTINESS,
    BY_MD5,
    BY_PARTS,
    BY_SIZE,
    CHECKSUM_BYTES,
    KnownBytes,
    compare_bytes,
    known_of_object,
    parts_of_etag,
    stated_checksum,
)

MD5, OTHER = "a" * 32, "b" * 32
PARTS = frozenset({f"{MD5}-3"})
OTHER_PARTS = frozenset({f"{OTHER}-3"})


def checksums(byte: bytes, *names: str) -> Mapping[str, str]:
    return {name: b64encode(byte * CHECKSUM_BYTES[name]).decode() for name in names}


def decided(one: KnownBytes, other: KnownBytes) -> tuple[bool, str] | None:
    found, mirrored = compare_bytes(one, other), compare_bytes(other, one)
    assert (found is None) is (mirrored is None)
    if found is None or mirrored is None:
        return None
    assert (found.is_same, found.by, found.of_one, found.of_other) == (
        mirrored.is_same,
        mirrored.by,
        mirrored.of_other,
        mirrored.of_one,
    )
    return found.is_same, found.by


ALIKE = {"unknown": None, "same": True, "different": False}


@pytest.mark.parametrize(
    ("by_checksum", "by_md5", "by_parts", "is_exact"),
    list(product(ALIKE, ALIKE, ALIKE, [True, False])),
)
def test_the_first_step_that_knows_something_decides(
    by_checksum: str, by_md5: str, by_parts: str, *, is_exact: bool
) -> None:
    one = KnownBytes(
        10,
        checksums(b"1", "CRC32") if by_checksum != "unknown" else {},
        md5=MD5 if by_md5 != "unknown" else None,
        of_parts=PARTS if by_parts != "unknown" else frozenset(),
    )
    other = KnownBytes(
        10,
        checksums(b"1" if by_checksum == "same" else b"2", "CRC32"),
        md5=MD5 if by_md5 == "same" else OTHER,
        is_exact=is_exact,
        of_parts=PARTS if by_parts == "same" else OTHER_PARTS,
    )
    expected: tuple[bool, str] | None = None
    if by_parts == "same":
        expected = (True, BY_PARTS)
    if by_md5 == "same":
        expected = (True, BY_MD5)
    elif by_md5 == "different" and is_exact:
        expected = (False, BY_MD5)
    if by_checksum != "unknown":
        expected = (by_checksum == "same", "CRC32")
    assert decided(one, other) == expected


@pytest.mark.parametrize("name", CHECKSUM_BYTES)
def test_each_checksum_that_both_state_proves_the_same_and_the_different(name: str) -> None:
    one = KnownBytes(10, checksums(b"1", name))
    assert decided(one, KnownBytes(10, checksums(b"1", name))) == (True, name)
    assert decided(one, KnownBytes(10, checksums(b"2", name))) == (False, name)
    others = [each for each in CHECKSUM_BYTES if each != name]
    assert decided(one, KnownBytes(10, checksums(b"1", *others))) is None


def test_one_checksum_that_differs_outweighs_all_that_are_equal() -> None:
    one = KnownBytes(10, checksums(b"1", *CHECKSUM_BYTES), md5=MD5)
    other = KnownBytes(10, {**checksums(b"1", *CHECKSUM_BYTES), **checksums(b"2", "SHA256")}, md5=MD5)
    assert decided(one, other) == (False, "SHA256")


@pytest.mark.parametrize("garbage", ["", "!!!", "AAAA", "AAAAAAAAAA=", "\u00e9", " " * 12, "A" * 5000])
def test_what_cannot_be_a_checksum_counts_for_nothing(garbage: str) -> None:
    stated = {"CRC64NVME": garbage, "CRC32": garbage, "SHA256": garbage, "CRC16": "AAA="}
    assert decided(KnownBytes(10, stated), KnownBytes(10, stated)) is None
    assert stated_checksum(stated) is None
    assert stated_checksum(stated | dict(checksums(b"1", "SHA1"))) == "SHA1"


def test_the_cheapest_stated_checksum_is_the_one_to_compute() -> None:
    assert stated_checksum(checksums(b"1", "SHA256", "CRC32", "CRC64NVME")) == "CRC64NVME"
    assert stated_checksum({}) is None


def test_sizes_that_differ_decide_alone_and_no_bytes_are_the_same_bytes() -> None:
    assert decided(KnownBytes(10, md5=MD5), KnownBytes(11, md5=MD5)) == (False, BY_SIZE)
    assert decided(KnownBytes(0), KnownBytes(0, md5=MD5, is_exact=False)) == (True, BY_EMPTINESS)


@pytest.mark.parametrize(
    ("etag", "md5", "of_parts", "parts"),
    [
        (MD5, MD5, frozenset(), None),
        (MD5.upper(), MD5, frozenset(), None),
        (f"{MD5}-3", None, PARTS, 3),
        (f"{MD5.upper()}-3", None, PARTS, 3),
        (f"{MD5}-0", None, frozenset(), None),
        (f"{MD5}-100000", None, frozenset(), None),
        ("", None, frozenset(), None),
        ("0x8D4BCC2E4835CD0", None, frozenset(), None),
        ("\x1b[2J", None, frozenset(), None),
    ],
)
def test_only_an_etag_that_is_made_of_md5_sums_tells_something(
    etag: str, md5: str | None, of_parts: frozenset[str], parts: int | None
) -> None:
    known = known_of_object(10, etag, is_exact=True)
    assert (known.md5, known.of_parts, parts_of_etag(etag)) == (md5, of_parts, parts)


def test_odd_etags_that_are_equal_prove_nothing() -> None:
    one = known_of_object(10, "opaque", is_exact=True)
    assert decided(one, one) is None


@pytest.mark.parametrize("etag", ["0" * 32, "0" * 32 + "-1"])
def test_an_etag_of_naughts_stands_for_no_bytes(etag: str) -> None:
    """MinIO gives it to every file that it has found on its disks: two of one size would be the same."""
    known = known_of_object(10, etag, is_exact=True)
    assert decided(known, known) is None
    assert parts_of_etag(etag) is None
