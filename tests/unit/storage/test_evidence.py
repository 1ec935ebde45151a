"""The ladder, rung by rung: when an object counts as an action's work."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.actions import Action, ActionKind
from s3plan.schemas.requests import ObjectFound
from s3plan.storage.evidence import BY_CHECKSUM, BY_ETAG, BY_SIZE_AND_TIME, Made, evidence_of, multipart_etag_of

BEGUN_MS = 1_000_000
SOURCE, PINNED, OTHER, OF_PARTS = "a" * 32, "b" * 32, "c" * 32, "d" * 32 + "-2"
CREATE = Action(ActionKind.COPY, b"k", 10, "", source_etag=SOURCE)
OVERWRITE = CREATE._replace(destination_etag=PINNED, destination_mtime_ms=500_000)
SAME_BYTES = CREATE._replace(destination_etag=SOURCE, destination_mtime_ms=500_000)
SUMS = {"CRC64NVME": "x"}


def found(etag: str, *, size: int = 10, mtime_ms: int = BEGUN_MS, sums: dict[str, str] | None = None) -> ObjectFound:
    return ObjectFound(etag, size, mtime_ms, checksums=sums or {})


@pytest.mark.parametrize(
    ("action", "there", "expected"),
    [
        (CREATE, found(SOURCE), BY_ETAG),
        (CREATE, found(SOURCE, mtime_ms=1), BY_ETAG),
        (CREATE, found(SOURCE, size=11), None),
        (CREATE, found(OF_PARTS, mtime_ms=1), BY_ETAG),
        (CREATE, found(OTHER, mtime_ms=1, sums=SUMS), BY_CHECKSUM),
        (CREATE, found(OTHER, mtime_ms=1, sums={"CRC64NVME": "y"}), None),
        (CREATE, found(OTHER, mtime_ms=1, sums={"SHA256": "x"}), None),
        (CREATE, found(OTHER), BY_SIZE_AND_TIME),
        (CREATE, found(OTHER, mtime_ms=BEGUN_MS - 1), None),
        (CREATE, found(OTHER, size=9), None),
        (OVERWRITE, found(SOURCE, mtime_ms=1), BY_ETAG),
        (OVERWRITE, found(PINNED), None),
        (OVERWRITE, found(PINNED, sums=SUMS), None),
        (OVERWRITE, found(OTHER), BY_SIZE_AND_TIME),
        (OVERWRITE, found(OTHER, mtime_ms=BEGUN_MS - 1), None),
        (SAME_BYTES, found(SOURCE), BY_ETAG),
        (SAME_BYTES, found(SOURCE, mtime_ms=500_000), None),
        (SAME_BYTES, found(SOURCE, mtime_ms=BEGUN_MS - 1), None),
        (SAME_BYTES, found(SOURCE, mtime_ms=500_000, sums=SUMS), None),
        (SAME_BYTES._replace(destination_mtime_ms=BEGUN_MS + 5), found(SOURCE, mtime_ms=BEGUN_MS + 5), None),
    ],
)
def test_each_rung_of_the_ladder(action: Action, there: ObjectFound, expected: str | None) -> None:
    assert evidence_of(there, Made(action, BEGUN_MS, OF_PARTS, SUMS)) == expected


def test_without_parts_or_checksums_only_etag_size_and_time_count() -> None:
    assert evidence_of(found(OF_PARTS, mtime_ms=1), Made(CREATE, BEGUN_MS)) is None
    assert evidence_of(found(OTHER, mtime_ms=1, sums=SUMS), Made(CREATE, BEGUN_MS)) is None


@given(
    etag=st.sampled_from([SOURCE, PINNED, OTHER, OF_PARTS]),
    size=st.sampled_from([9, 10]),
    mtime_ms=st.integers(0, BEGUN_MS - 1),
    action=st.sampled_from([CREATE, OVERWRITE]),
)
def test_an_older_object_is_never_ours_unless_its_content_says_so(
    etag: str, size: int, mtime_ms: int, action: Action
) -> None:
    evidence = evidence_of(found(etag, size=size, mtime_ms=mtime_ms), Made(action, BEGUN_MS, OF_PARTS))
    assert (evidence == BY_ETAG) == (size == 10 and etag in (SOURCE, OF_PARTS))
    assert evidence in (None, BY_ETAG)


def test_the_etag_of_parts_is_made_as_s3_makes_it() -> None:
    parts = [md5(body).hexdigest() for body in (b"one", b"two")]
    whole = md5(b"".join(bytes.fromhex(part) for part in parts)).hexdigest()
    assert multipart_etag_of(parts) == f"{whole}-2"


@pytest.mark.parametrize("etags", [[], ["short"], ["z" * 32], ["a" * 32, "b" * 31 + "-"]])
def test_part_etags_that_are_no_md5_sums_make_none(etags: list[str]) -> None:
    assert multipart_etag_of(etags) is None
