"""Files and objects: the first that knows whether they differ decides, and its reason says so."""

from __future__ import annotations

import pytest
from s3plan.planner.file_comparison import FilePolicy
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind, VerdictKind

NOW_MS = 1_700_000_000_000
MD5, OTHER = "0" * 32, "f" * 32


def a_file(*, size: int = 10, changed_ms: int = NOW_MS, touched_ms: int | None = None) -> ObjectRow:
    touched = changed_ms if touched_ms is None else touched_ms
    stamp = Stamp(size, changed_ms * 1_000_000, touched * 1_000_000, 7)
    return ObjectRow(b"k", size, str(stamp), changed_ms)


def an_object(*, size: int = 10, written_ms: int = NOW_MS, etag: str = MD5) -> ObjectRow:
    return ObjectRow(b"k", size, etag, written_ms)


def decide(
    file: ObjectRow,
    there: ObjectRow,
    *,
    md5: str | None = MD5,
    overwrite: Overwrite = Overwrite.IF_DIFFERENT,
    ahead_ms: int = 0,
    comparable: bool = True,
) -> tuple[VerdictKind, str, int]:
    reads = 0

    def digest_of(_: ObjectRow) -> str | None:
        nonlocal reads
        reads += 1
        return md5

    policy = FilePolicy(ahead_ms, comparable, digest_of).of(overwrite, kind=ActionKind.UPLOAD)
    verdict = policy(file, there)
    return verdict.kind, verdict.rule, reads


SAME, OVER = VerdictKind.UNCHANGED, VerdictKind.OVERWRITE
UNTOUCHED = "not touched since the object was written"


@pytest.mark.parametrize(
    ("file", "there", "found"),
    [
        (a_file(size=11), an_object(), (OVER, "size differs", 0)),
        (a_file(), an_object(written_ms=NOW_MS + 60_001), (SAME, UNTOUCHED, 0)),
        (a_file(), an_object(written_ms=NOW_MS + 60_000), (SAME, "same MD5", 1)),
        # An older file that was moved into the place of another one has a ctime of its own.
        (a_file(changed_ms=0, touched_ms=NOW_MS), an_object(written_ms=NOW_MS + 1_000), (SAME, "same MD5", 1)),
        (a_file(), an_object(etag=MD5.upper()), (SAME, "same MD5", 1)),
        (a_file(), an_object(etag=OTHER), (OVER, "MD5 differs", 1)),
        (a_file(changed_ms=NOW_MS + 1_000), an_object(etag="abc-2"), (OVER, "newer", 0)),
        (a_file(), an_object(etag="abc-2"), (SAME, "size equal, destination newer, ETags not comparable", 0)),
    ],
)
def test_the_first_that_knows_decides(file: ObjectRow, there: ObjectRow, found: tuple[VerdictKind, str, int]) -> None:
    assert decide(file, there) == found


def test_a_file_that_cannot_be_read_is_not_the_same() -> None:
    assert decide(a_file(), an_object(), md5=None)[:2] == (OVER, "MD5 differs")


def test_where_etags_are_no_md5s_equal_ones_still_prove_that_nothing_changed() -> None:
    assert decide(a_file(), an_object(), comparable=False)[:2] == (SAME, "same MD5")
    assert decide(a_file(), an_object(etag=OTHER), comparable=False)[0] is SAME
    newer = a_file(changed_ms=NOW_MS + 2_000)
    assert decide(newer, an_object(etag=OTHER), comparable=False)[:2] == (OVER, "newer")


@pytest.mark.parametrize(("ahead_ms", "reads"), [(30_000, 1), (-30_000, 0), (60_001, 1), (-60_001, 1)])
def test_the_clocks_are_set_against_each_other_unless_they_are_far_apart(ahead_ms: int, reads: int) -> None:
    there = an_object(written_ms=NOW_MS + 80_000)
    assert decide(a_file(), there, ahead_ms=ahead_ms)[2] == reads


def test_short_stamps_tell_nothing_of_when_a_file_was_touched() -> None:
    file = ObjectRow(b"k", 10, f"10:{NOW_MS * 1_000_000}", NOW_MS)
    assert decide(file, an_object(written_ms=NOW_MS + 10_000_000))[1:] == ("same MD5", 1)


@pytest.mark.parametrize(
    ("overwrite", "file", "there", "kind"),
    [
        (Overwrite.IF_NEWER, a_file(changed_ms=NOW_MS + 1_000), an_object(), OVER),
        (Overwrite.IF_NEWER, a_file(size=11), an_object(), SAME),
        (Overwrite.IF_SIZE_DIFFERS, a_file(changed_ms=NOW_MS + 1_000), an_object(), SAME),
        (Overwrite.IF_SIZE_DIFFERS, a_file(size=11), an_object(), OVER),
        (Overwrite.NEVER, a_file(size=11), an_object(), VerdictKind.SKIPPED),
        (Overwrite.ALWAYS, a_file(), an_object(), OVER),
    ],
)
def test_other_policies_read_no_file(
    overwrite: Overwrite, file: ObjectRow, there: ObjectRow, kind: VerdictKind
) -> None:
    found = decide(file, there, overwrite=overwrite)
    assert (found[0], found[2]) == (kind, 0)


@pytest.mark.parametrize(
    ("changed_ms", "expected"),
    [
        (NOW_MS + 123, (SAME, "same size, and the time of the object", 0)),
        (NOW_MS, (SAME, "same size, and the time of the object", 0)),  # by a tool that sets whole seconds
        (NOW_MS + 500, (OVER, "MD5 differs", 1)),  # an edit in the second of the object
        (NOW_MS - 1, (OVER, "MD5 differs", 1)),
    ],
)
def test_a_file_has_the_bytes_of_the_object_whose_time_it_has_exactly(
    changed_ms: int, expected: tuple[VerdictKind, str, int]
) -> None:
    reads = 0

    def digest_of(_: ObjectRow) -> str:
        nonlocal reads
        reads += 1
        return OTHER

    policy = FilePolicy(0, etags_comparable=True, digest_of=digest_of).of(
        Overwrite.IF_DIFFERENT, kind=ActionKind.DOWNLOAD
    )
    verdict = policy(an_object(written_ms=NOW_MS + 123), a_file(changed_ms=changed_ms))
    assert (verdict.kind, verdict.rule, reads) == expected
