"""Where ranges of keys are cut. Any cut is correct; these are about cuts that are possible, and good."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.odd_keys import ODD_KEYS
from hypothesis import given
from hypothesis import strategies as st
from s3plan.storage.listing.key_range import KeyRange
from s3plan.storage.listing.key_scale import KeyScale
from s3plan.storage.listing.range_cuts import (
    FoldersWanted,
    common_folder,
    common_length,
    cut_at_folders,
    cut_at_points,
    folders_of,
    folders_wanted,
)

KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.sampled_from(ODD_KEYS),
    st.text("ab/01", min_size=1, max_size=8),
)


def points_after(
    *keys: str, end: str | None = None, folder: str = "", distances: tuple[float, ...] = (1,)
) -> list[str]:
    scale, page = KeyScale(), [key.encode() for key in keys]
    scale.learn(page)
    points = scale.points(
        (page[0], page[-1]), end=None if end is None else end.encode(), folder=folder, distances=distances
    )
    return [point.decode() for point in points]


@given(st.lists(KEYS, min_size=2, max_size=8, unique=True), KEYS, st.booleans())
def test_points_lie_between_the_page_and_the_end_in_order_and_every_store_takes_them(
    keys: list[str], end: str, bounded: bool
) -> None:
    page = sorted(keys)
    limit = max(end, page[-1] + "0") if bounded else None
    points = points_after(*page, end=limit, distances=(1, 2, 5, 40))
    assert all(before < after for before, after in pairwise([page[-1], *points, *([limit] if limit else [])]))
    assert all(1 <= len(point.encode()) <= 1024 for point in points)
    assert all(character.isprintable() for point in points for character in set(point) - set("".join(page)))


def test_numbered_keys_are_found_where_they_are_expected() -> None:
    page = [f"p/{number:09d}.bin" for number in range(1000, 2000, 50)]
    assert points_after(*page, "p/000001999.bin", folder="p/", distances=(1, 3)) == [
        "p/000002998.",
        "p/000004996.",
    ]


def test_numbers_carry_over_into_digits_never_seen() -> None:
    page = [f"p/{number:06d}" for number in range(98_000, 99_000, 50)]
    (point,) = points_after(*page, folder="p/", distances=(3,))
    assert 100_000 <= int(point.removeprefix("p/").ljust(6, "0")) <= 102_000


def test_letters_that_have_not_come_first_yet_are_expected_from_those_that_come_later() -> None:
    page = [f"{first}{second}" for first in "ab" for second in "abcdefghijklmnop"]
    (point,) = points_after(*page, distances=(2,))
    assert point[0] > "b"


def test_points_stop_short_of_the_end_and_of_the_folder() -> None:
    page = [f"p/{number:03d}" for number in range(0, 100, 5)]
    assert len(points_after(*page, folder="p/", distances=tuple(range(1, 50)))) in range(8, 11)
    assert points_after(*page, folder="p/", end="p/300", distances=tuple(range(1, 50)))[-1] < "p/280"


@given(st.text("ab\u00e9", max_size=8), st.text("ab\u00e9", max_size=8))
def test_what_two_texts_begin_with(first: str, second: str) -> None:
    length = common_length(first, second)
    assert first[:length] == second[:length]
    assert length == min(len(first), len(second)) or first[length] != second[length]


def test_the_common_folder_of_a_page_is_never_above_the_listing() -> None:
    assert common_folder([b"p/a/b/1", b"p/a/b/2"], prefix="p/") == "p/a/b/"
    assert common_folder([b"p/a/b/1", b"p/a/c/2"], prefix="p/") == "p/a/"
    assert common_folder([b"p/a", b"p/b"], prefix="p/") == "p/"
    assert common_folder([b"p/ab1", b"p/ab2"], prefix="p/ab") == "p/ab"


def test_the_folders_of_a_page_end_in_a_slash_and_its_keys_do_not() -> None:
    assert folders_of([b"p/a/1", b"p/a/2", b"p/b", b"p/c//x"], parent="p/") == ["p/a/", "p/b", "p/c/"]


def listed(*keys: str, **more: object) -> KeyRange:
    return KeyRange(None, None, sampled=[key.encode() for key in keys], pages=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (listed("p/a/1", "p/a/2"), FoldersWanted("p/", "p/a/", 1)),
        (listed("p/a/1", "p/b/2"), FoldersWanted("p/", "p/b/", 2)),
        (listed("p/x/a/1", "p/x/b/2"), FoldersWanted("p/x/", "p/x/b/", 2)),
        (listed("p/1", "p/2"), None),
        (listed(*(f"p/{number}/1" for number in range(9))), None),
        (listed(*(f"p/x/{number}/1" for number in range(9))), FoldersWanted("p/", "p/x/", 1)),
        (listed("p/x/a/1", "p/x/b/2", spent="p/x/"), FoldersWanted("p/", "p/x/", 1)),
        (listed("p/x/a/1", "p/x/b/2", spent="p/"), None),
        (listed("p/x/a/1", "p/x/b/2", floor="p/x/"), None),
        (listed("p/x/a/1", "p/x/b/2", floor="p/"), FoldersWanted("p/x/", "p/x/b/", 2)),
    ],
)
def test_the_deepest_folder_that_may_hold_more_is_asked_about(found: KeyRange, wanted: FoldersWanted | None) -> None:
    assert folders_wanted(found, prefix="p/", few=6) == wanted


def test_a_range_that_ends_where_its_folder_does_is_not_asked_about() -> None:
    found = listed("p/a/1", "p/a/2")
    found.end = b"p/a/9"
    assert folders_wanted(found, prefix="p/", few=6) is None


def test_large_folders_become_a_range_each() -> None:
    found = listed("p/a/1", "p/a/2")
    made = cut_at_folders(found, FoldersWanted("p/", "p/a/", 1), [b"p/b/", b"p/c/"], is_last=True, pages=3)
    assert [(each.after, each.end) for each in (found, *made)] == [(None, b"p/b/"), (b"p/b/", b"p/c/"), (b"p/c/", None)]
    assert [(each.floor, each.spent) for each in (found, *made)] == [("p/", None), ("p/", None), (None, "p/")]


def test_small_folders_are_put_together() -> None:
    found = listed("p/a/1", "p/b/1", "p/c/2")
    folders = [f"p/d{number}/".encode() for number in range(10)]
    made = cut_at_folders(found, FoldersWanted("p/", "p/c/", 3), folders, is_last=False, pages=2)
    assert [each.after for each in made] == [b"p/d0/", b"p/d4/", b"p/d8/"]


def test_folders_outside_the_range_or_not_in_utf_8_cut_nothing() -> None:
    found = listed("p/b/1", "p/b/2")
    found.end = b"p/c/"
    made = cut_at_folders(found, FoldersWanted("p/", "p/b/", 1), [b"p/a/", b"p/b\xff/", b"p/c/"], is_last=True, pages=3)
    assert (made, found.end, found.spent) == ([], b"p/c/", "p/")


def test_guessed_ranges_follow_one_another_without_a_gap() -> None:
    found = listed("p/1", "p/2")
    found.end = b"p/9"
    made = cut_at_points(found, [b"p/4", b"p/6"], pages=2.0, cut=1)
    assert [(each.after, each.end) for each in (found, *made)] == [(None, b"p/4"), (b"p/4", b"p/6"), (b"p/6", b"p/9")]
    assert all(each.is_guess for each in made)


def test_what_has_lasted_long_is_expected_to_last() -> None:
    assert KeyRange(None, None, pages=1).pages_left(usual_pages=5) == 4
    assert KeyRange(None, None, pages=40).pages_left(usual_pages=5) == 20
    assert KeyRange(None, None, pages=40, is_complete=True).pages_left(usual_pages=5) == 0
