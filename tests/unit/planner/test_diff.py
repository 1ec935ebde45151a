from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from fakes.plan_parts import an_object
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.diff import DELETE_EXTRANEOUS, LEFT_ALONE, Rules, diff, pair_up
from s3plan.planner.filtering.filters import AttributeFilter
from s3plan.planner.overwrite import policy_for
from s3plan.schemas.errors import ListingUnusable
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row
from s3plan.schemas.plan.actions import Action, ActionKind, Verdict, VerdictKind


def rules(
    *,
    objection: AttributeFilter | None = None,
    overwrite: Overwrite = Overwrite.IF_DIFFERENT,
    copies_archived: bool = False,
    deletes_extraneous: bool = False,
    prefix_bytes: int = 0,
    source_prefix_bytes: int = 0,
    storage_class: str | None = None,
) -> Rules:
    return Rules(
        policy=policy_for(overwrite, compare=(), etags_comparable=True),
        objection=objection,
        copies_archived=copies_archived,
        extraneous=DELETE_EXTRANEOUS if deletes_extraneous else LEFT_ALONE,
        source_prefix_bytes=source_prefix_bytes,
        destination_prefix_bytes=prefix_bytes,
        storage_class=storage_class,
    )


def diffed(
    source: Iterable[ObjectRow], destination: Iterable[ObjectRow], chosen: Rules
) -> tuple[list[tuple[Verdict, Action]], Counter[tuple[VerdictKind, str]]]:
    totals: Counter[tuple[VerdictKind, str]] = Counter()

    def count(verdict: Verdict, objects: int, size_bytes: int) -> None:
        totals[verdict.kind, verdict.rule] += objects

    lines = list(diff(pair_up(iter(sorted(source)), iter(sorted(destination))), rules=chosen, on_verdict=count))
    return lines, totals


def only_line(source: Iterable[ObjectRow], destination: Iterable[ObjectRow], chosen: Rules) -> tuple[Verdict, Action]:
    (line,), _ = diffed(source, destination, chosen)
    return line


@given(st.sets(st.binary(max_size=3)), st.sets(st.binary(max_size=3)))
def test_every_key_of_both_sides_comes_once_in_order(left: set[bytes], right: set[bytes]) -> None:
    rows = [iter(sorted(an_object(key) for key in keys)) for keys in (left, right)]
    pairs = [(source and source.key, destination and destination.key) for source, destination in pair_up(*rows)]
    expected = [(key if key in left else None, key if key in right else None) for key in sorted(left | right)]
    assert pairs == expected


@pytest.mark.parametrize(
    "keys", [("a/b.", "a/b/"), ("test/", "test.txt"), ("dir/", "dir-2/"), ("SHASUMS256.txt", "SHASUMS256.txt.asc")]
)
def test_keys_that_have_fooled_other_tools_are_neither_copied_nor_deleted(keys: tuple[str, str]) -> None:
    rows = [an_object(key) for key in keys]
    assert diffed(rows, rows, rules(deletes_extraneous=True))[0] == []


def test_a_new_object_is_copied_to_an_absent_destination() -> None:
    verdict, action = only_line([an_object("k", etag="e", size=7)], [], rules())
    assert verdict == Verdict(VerdictKind.COPY, "not in destination", "not in destination")
    assert action == Action(
        ActionKind.COPY,
        b"k",
        7,
        "not in destination",
        source_pin="e",
        source_mtime_ms=an_object("k").mtime_ms,
        destination_pin=None,
    )


def test_an_overwrite_is_pinned_to_both_sides() -> None:
    source, destination = an_object("k", etag="s", size=12, age_ms=5), an_object("k", etag="d", age_ms=6)
    verdict, action = only_line([source], [destination], rules())
    assert verdict.kind is VerdictKind.OVERWRITE
    assert action.kind is ActionKind.COPY
    assert action.reason == "size 10 -> 12"
    assert (action.source_pin, action.source_mtime_ms) == ("s", source.mtime_ms)
    assert (action.destination_pin, action.destination_mtime_ms) == ("d", destination.mtime_ms)


def test_only_a_mirror_deletes_and_pins_what_it_deletes() -> None:
    extra = an_object("k", etag="d", size=3)
    lines, totals = diffed([], [extra], rules())
    assert lines == []
    assert totals == {(VerdictKind.UNCHANGED, "only in destination"): 1}
    verdict, action = only_line([], [extra], rules(deletes_extraneous=True))
    assert verdict.kind is VerdictKind.DELETE
    assert action == Action(
        ActionKind.DELETE, b"k", 3, "not in source", destination_pin="d", destination_mtime_ms=extra.mtime_ms
    )


@pytest.mark.parametrize("there", [True, False])
def test_a_source_object_that_a_filter_leaves_out_protects_its_destination(there: bool) -> None:
    destination = [an_object("big", size=3)] if there else []
    chosen = rules(deletes_extraneous=True, objection=lambda row: "filtered: no" if row.size_bytes > 50 else None)
    lines, totals = diffed([an_object("big", size=51)], destination, chosen)
    assert lines == []
    assert totals == {(VerdictKind.SKIPPED, "filtered: no"): 1}


def test_what_only_the_destination_has_and_a_filter_leaves_out_is_not_deleted() -> None:
    chosen = rules(deletes_extraneous=True, objection=lambda row: "filtered: no" if row.size_bytes > 50 else None)
    destination = [an_object("big", size=51), an_object("huge", size=99), an_object("small", size=50)]
    lines, totals = diffed([], destination, chosen)
    assert [(verdict.kind, action.key) for verdict, action in lines] == [(VerdictKind.DELETE, b"small")]
    spared = (VerdictKind.SKIPPED, "only in destination, filtered: no")
    assert totals == {spared: 2, (VerdictKind.DELETE, "not in source"): 1}


def test_a_copy_leaves_alone_what_only_the_destination_has_whatever_its_filters() -> None:
    _, totals = diffed([], [an_object("big", size=51)], rules(objection=lambda _: "filtered: no"))
    assert totals == {(VerdictKind.UNCHANGED, "only in destination"): 1}


def test_archived_sources_are_set_aside_only_where_they_would_be_copied() -> None:
    frozen = an_object("k", storage_class="GLACIER", size=12)
    verdict, action = only_line([frozen], [an_object("k")], rules())
    assert verdict == Verdict(VerdictKind.SKIPPED, "archived: GLACIER", "archived: GLACIER")
    assert (action.kind, action.reason) == (ActionKind.SKIP, "archived: GLACIER")
    assert diffed([frozen], [frozen], rules(deletes_extraneous=True))[0] == []
    assert only_line([frozen], [], rules(copies_archived=True))[1].kind is ActionKind.COPY


@pytest.mark.parametrize(
    ("listed", "written", "expected"),
    [
        ("STANDARD", None, None),
        ("STANDARD_IA", None, "STANDARD_IA"),
        ("GLACIER_IR", None, "GLACIER_IR"),
        ("INTELLIGENT_TIERING", "STANDARD", "STANDARD"),
        ("STANDARD", "ONEZONE_IA", "ONEZONE_IA"),
        ("GLACIER", None, None),
        ("DEEP_ARCHIVE", "STANDARD_IA", "STANDARD_IA"),
        ("A-TIER-OF-SOME-OTHER-STORE", None, None),
    ],
)
def test_a_copy_keeps_the_storage_class_that_it_can_keep(
    listed: str, written: str | None, expected: str | None
) -> None:
    chosen = rules(copies_archived=True, storage_class=written)
    assert only_line([an_object("k", storage_class=listed)], [], chosen)[1].storage_class == expected


def test_a_destination_key_that_is_too_long_is_a_conflict() -> None:
    fits, too_long = b"k" * 1020, b"k" * 1021
    verdict, action = only_line([an_object(too_long)], [], rules(prefix_bytes=4))
    assert (verdict.kind, verdict.rule) == (VerdictKind.CONFLICT, "destination key too long")
    assert (action.kind, action.reason) == (ActionKind.CONFLICT, "destination key of 1,025 bytes, the most is 1,024")
    assert only_line([an_object(fits)], [], rules(prefix_bytes=4))[1].kind is ActionKind.COPY


def test_a_key_that_only_with_its_prefix_is_too_long_is_a_conflict_wherever_a_store_lists_it() -> None:
    """There are stores that take longer keys than S3."""
    odd = an_object(b"k" * 1021)
    verdict, action = only_line([odd], [], rules(source_prefix_bytes=4))
    assert (verdict.kind, action.reason) == (VerdictKind.CONFLICT, "source key of 1,025 bytes, the most is 1,024")
    verdict, action = only_line([], [odd], rules(prefix_bytes=4, deletes_extraneous=True))
    assert (verdict.kind, action.kind) == (VerdictKind.CONFLICT, ActionKind.CONFLICT)


@pytest.mark.parametrize("sides", ["source", "destination", "both"])
def test_a_key_that_no_plan_can_hold_is_refused_with_a_word(sides: str) -> None:
    odd = an_object(b"k" * 1025)
    source = [] if sides == "destination" else [an_object(odd.key, size=11)]
    destination = [] if sides == "source" else [odd]
    with pytest.raises(ListingUnusable, match="a key of 1,025 bytes"):
        diffed(source, destination, rules(deletes_extraneous=True))


def test_a_key_that_is_not_utf8_is_a_conflict_on_either_side() -> None:
    odd = an_object(b"\xff")
    for source, destination in (([odd], []), ([], [odd])):
        verdict, action = only_line(source, destination, rules(deletes_extraneous=True))
        assert (verdict.kind, verdict.rule) == (VerdictKind.CONFLICT, "key is not UTF-8")
        assert action.kind is ActionKind.CONFLICT


def test_what_cannot_be_pinned_is_a_conflict() -> None:
    bare, whole = an_object("k", etag=""), an_object("k", size=12)
    for source, destination in (([bare], []), ([whole], [bare]), ([bare], [whole]), ([], [bare])):
        verdict, action = only_line(source, destination, rules(deletes_extraneous=True))
        assert (verdict.kind, verdict.rule) == (VerdictKind.CONFLICT, "no ETag to pin")
        assert action.kind is ActionKind.CONFLICT


@pytest.mark.parametrize("overwrite", Overwrite)
@pytest.mark.parametrize("oddity", [oddity for oddity in Oddity if not oddity.is_left_out])
def test_an_odd_row_is_a_conflict_on_either_side_whatever_the_policy(overwrite: Overwrite, oddity: Oddity) -> None:
    odd, whole = odd_row(b"k", oddity), an_object("k", size=0)
    chosen = rules(deletes_extraneous=True, overwrite=overwrite)
    for source, destination in (([odd], []), ([whole], [odd]), ([odd], [whole]), ([odd], [odd]), ([], [odd])):
        verdict, action = only_line(source, destination, chosen)
        assert (verdict.kind, verdict.rule, action.reason) == (VerdictKind.CONFLICT, oddity, oddity)
        assert (action.kind, action.size_bytes) == (ActionKind.CONFLICT, 0)
        assert None in (action.source_mtime_ms, action.destination_mtime_ms)


@pytest.mark.parametrize("oddity", [oddity for oddity in Oddity if oddity.is_left_out])
def test_what_is_left_out_on_purpose_is_skipped_and_named(oddity: Oddity) -> None:
    verdict, action = only_line([odd_row(b"k", oddity)], [], rules())
    assert (verdict.kind, verdict.rule, action.kind) == (VerdictKind.SKIPPED, oddity, ActionKind.SKIP)


@pytest.mark.parametrize("oddity", [oddity for oddity in Oddity if oddity.is_of_folder])
def test_what_stands_in_a_folder_and_is_not_uploaded_shields_its_key_and_all_below_it(oddity: Oddity) -> None:
    """A link to a directory that another tool followed: its objects are not extraneous."""
    is_directory = oddity is Oddity.UNREADABLE
    source = [an_object("a"), odd_row(b"d/" if is_directory else b"d", oddity), an_object("z")]
    there = [an_object(key) for key in ("a", "c", "d", "d-e", "d.f", "d/", "d/x", "d/y/z", "d0", "da", "z")]
    upload = replace(rules(deletes_extraneous=True), kind=ActionKind.UPLOAD)
    lines, totals = diffed(source, there, upload)
    deleted = [action.key for _, action in lines if action.kind is ActionKind.DELETE]
    assert deleted == [b"c", *([b"d"] if is_directory else []), b"d-e", b"d.f", b"d0", b"da"]
    # Of a pair the odd row is told, not its object.
    assert totals[VerdictKind.SKIPPED, "only in destination, where the folder has something else"] == 2 + (
        not is_directory
    )


def test_of_one_folder_s_shields_none_outlasts_its_place() -> None:
    source = [odd_row(key, Oddity.LINK) for key in (b"a", b"a/b", b"b")]
    there = [an_object(key) for key in ("a/b/c", "a/c", "aa", "b/1", "c")]
    upload = replace(rules(deletes_extraneous=True), kind=ActionKind.UPLOAD)
    lines, _ = diffed(source, there, upload)
    assert [action.key for _, action in lines if action.kind is ActionKind.DELETE] == [b"aa", b"c"]


def test_what_is_s3plans_own_is_deleted_in_no_bucket() -> None:
    there = [an_object(key) for key in (".s3plan/plan", "a/.s3plan-tmp/x", "a/.s3plan", "a/s3plan")]
    upload = replace(rules(deletes_extraneous=True), kind=ActionKind.UPLOAD)
    lines, totals = diffed([], there, upload)
    assert [action.key for _, action in lines] == [b"a/s3plan"]
    assert totals[VerdictKind.SKIPPED, "s3plan's own"] == 3


def test_an_odd_row_passes_by_the_attribute_filter() -> None:
    """Whether it would pass is not known, and a row that is left out is not told of."""
    chosen = rules(objection=lambda _: "filtered: size below 1KiB")
    verdict, _ = only_line([odd_row(b"k", Oddity.NO_SIZE)], [], chosen)
    assert verdict.kind is VerdictKind.CONFLICT


def test_verdicts_without_a_line_are_counted_with_their_bytes() -> None:
    counted: list[tuple[str, int, int]] = []
    same = [an_object(key, size=size) for key, size in (("a", 1), ("b", 2), ("d", 4), ("e", 8))]
    pairs = pair_up(iter(same), iter(sorted([*same, an_object("c", size=16)])))
    lines = diff(pairs, rules=rules(), on_verdict=lambda verdict, *sums: counted.append((verdict.rule, *sums)))
    assert list(lines) == []
    assert counted == [("same ETag", 2, 3), ("only in destination", 1, 16), ("same ETag", 2, 12)]
