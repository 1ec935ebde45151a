from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.totals import PREFIXES_SHOWN, LargestPrefixes, PrefixTotals, Totals
from s3plan.schemas.plan.actions import Verdict, VerdictKind


def prefixes(keys: Iterable[bytes], *, size: int = 2) -> list[tuple[str, int, int]]:
    largest = LargestPrefixes()
    for key in sorted(keys):
        largest.add(key, size)
    return [(record.prefix, record.objects, record.bytes) for record in largest.records(VerdictKind.COPY)]


def test_totals_are_kept_by_kind_and_rule_largest_first() -> None:
    totals = Totals()
    for kind, rule, objects in [
        (VerdictKind.SKIPPED, "b", 1),
        (VerdictKind.COPY, "a", 1),
        (VerdictKind.SKIPPED, "c", 5),
        (VerdictKind.COPY, "a", 2),
        (VerdictKind.SKIPPED, "a", 1),
    ]:
        totals.count(Verdict(kind, rule, f"{rule} in figures"), objects, objects * 10)
    assert [(record.kind.value, record.rule, record.objects, record.bytes) for record in totals.records()] == [
        ("copy", "a", 3, 30),
        ("skipped", "c", 5, 50),
        ("skipped", "a", 1, 10),
        ("skipped", "b", 1, 10),
    ]
    assert totals.objects(VerdictKind.SKIPPED) == 7
    assert totals.bytes(VerdictKind.COPY) == 30
    assert totals.objects_by_rules(frozenset({"a", "b"})) == 5


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([], []),
        ([b"a"], [("*", 1, 2)]),
        ([b"a/1", b"a/2", b"b/1"], [("a/", 2, 4), ("b/", 1, 2)]),
        ([b"a", b"a/1", b"b"], [("*", 2, 4), ("a/", 1, 2)]),
        ([b"y/m/1/a", b"y/m/1/b", b"y/m/2/a"], [("y/m/1/", 2, 4), ("y/m/2/", 1, 2)]),
        ([b"y/1/a", b"y/1/b/c", b"y/2/a", b"y/a", b"y/z"], [("y/*", 2, 4), ("y/1/", 2, 4), ("y/2/", 1, 2)]),
        ([b"y/m/d/a", b"y/m/d/e/a"], [("y/m/d/", 2, 4)]),
        ([b"/a", b"//a", b"b"], [("/", 2, 4), ("*", 1, 2)]),
        ([b"\xff/a", b"\x1b/a", b"b/"], [("\\x1b/", 1, 2), ("\\xff/", 1, 2), ("b/", 1, 2)]),
    ],
)
def test_the_folders_shown_are_those_that_tell_keys_apart(
    keys: list[bytes], expected: list[tuple[str, int, int]]
) -> None:
    assert prefixes(keys) == expected


def test_what_is_not_shown_is_summed_up() -> None:
    keys = [b"%03d/%d" % (folder, number) for folder in range(100) for number in range(folder + 1)]
    shown = prefixes(keys)
    assert shown[0] == ("099/", 100, 200)
    assert [objects for _, objects, _ in shown[:-1]] == list(range(100, 80, -1))
    assert shown[-1] == ("(80 more prefixes)", 80 * 81 // 2, 80 * 81)
    assert prefixes(b"%02d/a" % folder for folder in range(PREFIXES_SHOWN + 1))[-1] == ("(1 more prefix)", 1, 2)


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"", b"a-"]), max_size=6).map(b"/".join), unique=True))
def test_every_object_is_in_one_prefix(keys: list[bytes]) -> None:
    shown = prefixes(keys)
    assert sum(objects for _, objects, _ in shown) == len(keys)
    assert max(Counter(prefix for prefix, _, _ in shown).values(), default=1) == 1


def test_kinds_are_kept_apart() -> None:
    totals = PrefixTotals()
    totals.add(VerdictKind.DELETE, b"a/1", 1)
    totals.add(VerdictKind.COPY, b"a/2", 2)
    totals.add(VerdictKind.DELETE, b"b/1", 4)
    assert [(record.kind.value, record.prefix, record.bytes) for record in totals.records()] == [
        ("copy", "a/", 2),
        ("delete", "b/", 4),
        ("delete", "a/", 1),
    ]
