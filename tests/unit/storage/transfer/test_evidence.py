"""The ladder, rung by rung: when an object counts as an action's work."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.outcomes import Evidence
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.transfer.evidence import Made, evidence_of, multipart_etag_of

BY_ETAG, BY_CHECKSUM, BY_SIZE_AND_TIME = Evidence.BY_ETAG, Evidence.BY_CHECKSUM, Evidence.BY_SIZE_AND_TIME
BY_PARTS = Evidence.BY_PARTS
SINCE_MS = 1_000_000
LATER_MS = SINCE_MS + 1
SOURCE, PINNED, OTHER, OF_PARTS = "a" * 32, "b" * 32, "c" * 32, "d" * 32 + "-2"
CREATE = Action(ActionKind.COPY, b"k", 10, "", source_pin=SOURCE)
OVERWRITE = CREATE._replace(destination_pin=PINNED, destination_mtime_ms=500_000)
SAME_BYTES = CREATE._replace(destination_pin=SOURCE, destination_mtime_ms=500_000)
FROM_PARTS = CREATE._replace(source_pin="f" * 32 + "-3")
SUMS = {"CRC64NVME": "x"}
KMS = "aws:kms"


def found(
    etag: str, *, size: int = 10, mtime_ms: int = LATER_MS, sums: dict[str, str] | None = None, kind: str | None = None
) -> ObjectFound:
    return ObjectFound(etag, size, mtime_ms, checksums=sums or {}, encryption=kind)


@pytest.mark.parametrize(
    ("action", "there", "expected"),
    [
        (CREATE, found(SOURCE), BY_ETAG),
        (CREATE, found(SOURCE, mtime_ms=1), BY_ETAG),
        (CREATE, found(SOURCE, size=11), None),
        (CREATE, found(OF_PARTS, mtime_ms=1), BY_PARTS),
        (CREATE, found(OTHER, mtime_ms=1, sums=SUMS), BY_CHECKSUM),
        (CREATE, found(OTHER, mtime_ms=1, sums={"CRC64NVME": "y"}), None),
        (CREATE, found(OTHER, mtime_ms=1, sums={"SHA256": "x"}), None),
        (CREATE, found(OTHER + "-2"), BY_SIZE_AND_TIME),
        (CREATE, found(OTHER + "-2", mtime_ms=SINCE_MS), None),
        (CREATE, found(OTHER + "-2", mtime_ms=SINCE_MS - 1), None),
        (CREATE, found(OTHER + "-2", size=9), None),
        (CREATE, found(OTHER + "-2", sums={"CRC64NVME": "y"}), None),
        (CREATE, found(OTHER), None),
        (CREATE, found(OTHER, kind="AES256"), None),
        (CREATE, found(OTHER, kind=KMS), BY_SIZE_AND_TIME),
        (CREATE, found(OTHER, kind="aws:kms:dsse"), BY_SIZE_AND_TIME),
        (FROM_PARTS, found(OTHER), BY_SIZE_AND_TIME),
        (OVERWRITE, found(SOURCE, mtime_ms=1), BY_ETAG),
        (OVERWRITE, found(PINNED), None),
        (OVERWRITE, found(PINNED, sums=SUMS), None),
        (OVERWRITE, found(PINNED, kind=KMS), None),
        (OVERWRITE, found(OTHER, kind=KMS), BY_SIZE_AND_TIME),
        (OVERWRITE, found(OTHER, kind=KMS, mtime_ms=SINCE_MS), None),
        (SAME_BYTES, found(SOURCE), BY_ETAG),
        (SAME_BYTES, found(SOURCE, mtime_ms=500_000), None),
        (SAME_BYTES, found(SOURCE, mtime_ms=SINCE_MS - 1000), None),
        (SAME_BYTES, found(SOURCE, mtime_ms=500_000, sums=SUMS), None),
        (SAME_BYTES._replace(destination_mtime_ms=LATER_MS), found(SOURCE), None),
    ],
)
def test_each_rung_of_the_ladder(action: Action, there: ObjectFound, expected: str | None) -> None:
    source = found(action.source_pin or "", mtime_ms=1, sums=SUMS)
    assert evidence_of(there, Made(action, SINCE_MS, OF_PARTS, source)) == expected


def test_an_etag_that_only_looks_like_an_md5_sum_vetoes_nothing() -> None:
    under_kms = found(SOURCE, mtime_ms=1, kind=KMS)
    assert evidence_of(found(OTHER), Made(CREATE, SINCE_MS, None, under_kms)) == BY_SIZE_AND_TIME
    assert evidence_of(found(OTHER), Made(CREATE, SINCE_MS)) is None, "of a source that is gone nothing is known"


def test_without_parts_or_checksums_only_etag_size_and_time_count() -> None:
    assert evidence_of(found(OF_PARTS, mtime_ms=1), Made(CREATE, SINCE_MS)) is None
    assert evidence_of(found(OTHER, mtime_ms=1, sums=SUMS), Made(CREATE, SINCE_MS)) is None


@given(
    etag=st.sampled_from([SOURCE, PINNED, OTHER, OF_PARTS, OTHER + "-2"]),
    size=st.sampled_from([9, 10]),
    mtime_ms=st.integers(0, SINCE_MS),
    action=st.sampled_from([CREATE, OVERWRITE]),
    kind=st.sampled_from([None, "AES256", KMS]),
)
def test_an_older_object_is_never_ours_unless_its_content_says_so(
    etag: str, size: int, mtime_ms: int, action: Action, kind: str | None
) -> None:
    there = found(etag, size=size, mtime_ms=mtime_ms, kind=kind)
    evidence = evidence_of(there, Made(action, SINCE_MS, OF_PARTS))
    assert (evidence == BY_ETAG) == (size == 10 and etag == SOURCE)
    assert (evidence == BY_PARTS) == (size == 10 and etag == OF_PARTS)
    assert evidence in (None, BY_ETAG, BY_PARTS)


@given(
    etag=st.sampled_from([SOURCE, PINNED, OTHER, OF_PARTS, OTHER + "-2"]),
    mtime_ms=st.integers(0, 2 * SINCE_MS),
    action=st.sampled_from([CREATE, OVERWRITE, SAME_BYTES, FROM_PARTS]),
    kind=st.sampled_from([None, "AES256", KMS]),
)
def test_size_and_time_say_nothing_while_the_end_of_every_attempt_is_known(
    etag: str, mtime_ms: int, action: Action, kind: str | None
) -> None:
    evidence = evidence_of(found(etag, mtime_ms=mtime_ms, kind=kind), Made(action, None, OF_PARTS))
    assert evidence in (None, BY_ETAG, BY_PARTS)


def test_the_etag_of_parts_is_made_as_s3_makes_it() -> None:
    parts = [md5(body).hexdigest() for body in (b"one", b"two")]
    whole = md5(b"".join(bytes.fromhex(part) for part in parts)).hexdigest()
    assert multipart_etag_of(parts) == f"{whole}-2"


@pytest.mark.parametrize("etags", [[], ["short"], ["z" * 32], ["a" * 32, "b" * 31 + "-"]])
def test_part_etags_that_are_no_md5_sums_make_none(etags: list[str]) -> None:
    assert multipart_etag_of(etags) is None


@pytest.mark.parametrize("etag", ["0" * 32, "0" * 32 + "-1"])
def test_an_etag_of_naughts_shows_nothing_since_a_store_gives_it_to_all_objects_of_which_it_knows_none(
    etag: str,
) -> None:
    action = CREATE._replace(source_pin=etag)
    assert evidence_of(found(etag), Made(action, None)) is None
    assert evidence_of(found(etag, sums=SUMS), Made(action, None, source=found(etag, sums=SUMS))) is BY_CHECKSUM
