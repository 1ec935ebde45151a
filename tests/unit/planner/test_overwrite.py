from __future__ import annotations

import pytest
from fakes.plan_parts import DAY_MS, an_object
from s3plan.planner.comparison import WITHOUT_ETAGS
from s3plan.planner.overwrite import policy_for
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import VerdictKind

ONE, OTHER = "1" * 32, "2" * 32
PARTS, OTHER_PARTS = f"{ONE}-3", f"{OTHER}-3"
OVERWRITE, UNCHANGED, SKIPPED = VerdictKind.OVERWRITE, VerdictKind.UNCHANGED, VerdictKind.SKIPPED


def old(size: int = 10, etag: str = ONE) -> ObjectRow:
    return an_object("k", size=size, etag=etag, age_ms=2 * DAY_MS)


def new(size: int = 10, etag: str = ONE) -> ObjectRow:
    return an_object("k", size=size, etag=etag, age_ms=DAY_MS)


def judge(
    source: ObjectRow,
    destination: ObjectRow,
    *compare: Compare,
    overwrite: Overwrite = Overwrite.IF_DIFFERENT,
    etags_comparable: bool = True,
) -> tuple[VerdictKind, str, str]:
    policy = policy_for(overwrite, compare=compare, etags_comparable=etags_comparable)
    verdict = policy(source, destination)
    return verdict.kind, verdict.rule, verdict.reason


NOT_COMPARABLE = "size equal, destination newer, ETags not comparable"


@pytest.mark.parametrize(
    ("source", "destination", "comparable", "expected"),
    [
        (old(12, OTHER), new(10), True, (OVERWRITE, "size differs", "size 10 -> 12")),
        (old(12), new(10), True, (OVERWRITE, "size differs", "size 10 -> 12")),
        (new(), old(), True, (UNCHANGED, "same ETag", "same ETag")),
        (new(), old(), False, (UNCHANGED, "same ETag", "same ETag")),
        (new(etag=PARTS), old(etag=PARTS), True, (UNCHANGED, "same ETag", "same ETag")),
        (old(etag=OTHER), new(), True, (OVERWRITE, "ETag differs", "ETag 11111111 -> 22222222")),
        (old(etag="a" * 32), new(etag="A" * 32), True, (UNCHANGED, "same ETag", "same ETag")),
        (old(etag=OTHER), new(), False, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (old(etag=PARTS), new(), True, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (old(), new(etag=PARTS), True, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (old(etag=PARTS), new(etag=OTHER_PARTS), True, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (old(etag="random"), new(), True, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (old(etag=""), new(etag=""), True, (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        (
            new(etag=PARTS),
            old(),
            True,
            (
                OVERWRITE,
                "newer, ETags not comparable",
                "newer, 2026-11-19T12:00:00Z -> 2026-11-20T12:00:00Z, ETags not comparable",
            ),
        ),
    ],
)
def test_if_different_asks_size_then_etags_then_time(
    source: ObjectRow, destination: ObjectRow, comparable: bool, expected: tuple[VerdictKind, str, str]
) -> None:
    assert judge(source, destination, etags_comparable=comparable) == expected
    assert judge(source, destination, *Compare, etags_comparable=comparable) == expected


NEWER = (OVERWRITE, "newer", "newer, 2026-11-19T12:00:00Z -> 2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("compare", "source", "destination", "expected"),
    [
        ([Compare.SIZE], new(12), old(10), (OVERWRITE, "size differs", "size 10 -> 12")),
        ([Compare.SIZE], new(etag=OTHER), old(), (UNCHANGED, "same size", "same size")),
        ([Compare.MTIME], old(12, OTHER), new(10), (UNCHANGED, "not newer", "not newer")),
        ([Compare.MTIME], new(), old(), NEWER),
        ([Compare.SIZE, Compare.MTIME], old(12), new(10), (OVERWRITE, "size differs", "size 10 -> 12")),
        ([Compare.MTIME, Compare.SIZE], new(), old(), NEWER),
        ([Compare.MTIME, Compare.SIZE], old(), new(), (UNCHANGED, "same size, not newer", "same size, not newer")),
        ([Compare.ETAG], new(etag=PARTS), old(etag=PARTS), (UNCHANGED, "same ETag", "same ETag")),
        ([Compare.ETAG], old(12, OTHER), new(10), (OVERWRITE, "ETag differs", "ETag 11111111 -> 22222222")),
        ([Compare.ETAG], old(12, PARTS), new(10), (OVERWRITE, "size differs", "size 10 -> 12")),
        ([Compare.ETAG], old(etag=PARTS), new(), (UNCHANGED, NOT_COMPARABLE, NOT_COMPARABLE)),
        ([Compare.ETAG, Compare.MTIME], new(), old(), (UNCHANGED, "same ETag", "same ETag")),
        ([Compare.ETAG, Compare.SIZE], old(12, OTHER), new(10), (OVERWRITE, "size differs", "size 10 -> 12")),
    ],
)
def test_compare_narrows_what_is_asked(
    compare: list[Compare], source: ObjectRow, destination: ObjectRow, expected: tuple[VerdictKind, str, str]
) -> None:
    assert judge(source, destination, *compare) == expected


def test_pairs_that_an_etag_could_not_decide_are_known_by_their_rule() -> None:
    for source, destination in ((new(etag=PARTS), old()), (old(etag=PARTS), new())):
        assert judge(source, destination, Compare.ETAG)[1] in WITHOUT_ETAGS
    assert judge(new(), old(), Compare.ETAG)[1] not in WITHOUT_ETAGS


@pytest.mark.parametrize(
    ("source_ms", "destination_ms", "newer"),
    [
        (10_000, 10_000, False),
        (10_999, 10_000, False),
        (10_000, 9_999, True),
        (11_000, 10_999, True),
        (9_000, 10_000, False),
    ],
)
def test_times_are_compared_in_whole_seconds(source_ms: int, destination_ms: int, newer: bool) -> None:
    source, destination = (old()._replace(mtime_ms=moment) for moment in (source_ms, destination_ms))
    assert (judge(source, destination, overwrite=Overwrite.IF_NEWER)[0] is OVERWRITE) is newer


@pytest.mark.parametrize(
    ("overwrite", "source", "destination", "expected"),
    [
        (Overwrite.NEVER, new(12, OTHER), old(), (SKIPPED, "destination exists", "destination exists")),
        (Overwrite.ALWAYS, old(), new(), (OVERWRITE, "overwrite: always", "overwrite: always")),
        (Overwrite.IF_NEWER, new(), old(), NEWER),
        (Overwrite.IF_NEWER, old(12, OTHER), new(), (UNCHANGED, "not newer", "not newer")),
        (Overwrite.IF_SIZE_DIFFERS, old(0), new(10), (OVERWRITE, "size differs", "size 10 -> 0")),
        (Overwrite.IF_SIZE_DIFFERS, new(etag=OTHER), old(), (UNCHANGED, "same size", "same size")),
    ],
)
def test_a_policy_gives_a_verdict_with_its_reason(
    overwrite: Overwrite, source: ObjectRow, destination: ObjectRow, expected: tuple[VerdictKind, str, str]
) -> None:
    assert judge(source, destination, overwrite=overwrite) == expected
