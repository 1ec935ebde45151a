"""The planner against thirty lines that do the same with dictionaries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakes.plan_parts import DAY_MS, NOW_MS, ListedRows, PlanInMemory, a_manifest, plan_of
from fakes.torture import examples
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind

Tree = dict[bytes, ObjectRow]


@dataclass(frozen=True)
class Case:
    """A job in a test's own words, beside the manifest that says the same."""

    overwrite: str
    compare: tuple[str, ...]
    mirror: bool
    copies_archived: bool
    comparable: bool
    key_passes: Callable[[bytes], bool]
    row_passes: Callable[[ObjectRow], bool]
    manifest: Manifest


def etag(content: int, *, parts: bool) -> str:
    return f"{content:032x}" + ("-2" if parts else "")


rows = st.builds(
    lambda content, parts, days, archived: ObjectRow(
        b"",
        content // 2,  # pairs of contents have one size
        etag(content, parts=parts),
        NOW_MS - days * DAY_MS,
        "GLACIER" if archived else "STANDARD",
    ),
    st.integers(0, 5),
    st.booleans(),
    st.integers(1, 4),
    st.sampled_from([False, False, False, True]),
)
keys = st.lists(st.sampled_from([b"a", b"b", b"/", b"-", b".", b"tmp/", b".jpg", b"\xff"]), max_size=4).map(b"".join)
trees = st.dictionaries(keys, rows, max_size=12).map(
    lambda them: {key: row._replace(key=key) for key, row in them.items()}
)

KEY_FILTERS: list[tuple[dict[str, object], Callable[[bytes], bool]]] = [
    ({}, lambda key: True),
    ({"exclude": ["tmp/"]}, lambda key: b"tmp" not in key.split(b"/")[:-1]),
    ({"extensions": ["jpg"]}, lambda key: key.endswith(b".jpg")),
    ({"include": ["/a*"]}, lambda key: key.startswith(b"a")),
    ({"exclude": ["*", "!/a"]}, lambda key: key == b"a"),
]
ROW_FILTERS: list[tuple[dict[str, object], Callable[[ObjectRow], bool]]] = [
    ({}, lambda row: True),
    ({"size": {"max": "1B"}}, lambda row: row.size_bytes <= 1),
    ({"modified": {"older_than": "36h"}}, lambda row: row.mtime_ms < NOW_MS - 1.5 * DAY_MS),
    ({"modified": {"newer_than": "60h"}}, lambda row: row.mtime_ms >= NOW_MS - 2.5 * DAY_MS),
    ({"storage_class": "STANDARD"}, lambda row: row.storage_class == "STANDARD"),
]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    overwrite = draw(st.sampled_from(["never", "if-different", "if-newer", "if-size-differs", "always"]))
    compare = draw(st.lists(st.sampled_from(["etag", "size", "mtime"]), unique=True, max_size=3))
    key_words, key_passes = draw(st.sampled_from(KEY_FILTERS))
    row_words, row_passes = draw(st.sampled_from(ROW_FILTERS))
    mirror, copies_archived = draw(st.booleans()), draw(st.booleans())
    words: dict[str, Any] = {
        "overwrite": overwrite,
        "filters": key_words | row_words,
        "archived": "copy" if copies_archived else "skip",
        **({"mode": "mirror", "delete": {"extraneous": Plain("true")}} if mirror else {}),
        **({"compare": compare} if compare else {}),
    }
    return Case(
        overwrite,
        tuple(compare),
        mirror,
        copies_archived,
        draw(st.booleans()),
        key_passes,
        row_passes,
        a_manifest(**words),
    )


def reference(source: Tree, destination: Tree, case: Case) -> dict[bytes, str]:
    """Return what is to be done about each key."""
    verdicts: dict[bytes, str] = {}
    for key in {*source, *destination}:
        here, there = source.get(key), destination.get(key)
        if not case.key_passes(key):
            continue
        if key == b"":
            verdicts[key] = "skipped"
        elif here is None:
            extraneous = "delete" if there is not None and case.row_passes(there) else "skipped"
            verdicts[key] = extraneous if case.mirror else "unchanged"
        elif not case.row_passes(here):
            verdicts[key] = "skipped"
        elif there is None:
            verdicts[key] = "copy"
        elif case.overwrite == "never":
            verdicts[key] = "skipped"
        else:
            verdicts[key] = "overwrite" if differs(here, there, case) else "unchanged"
        if verdicts[key] in {"copy", "overwrite"} and here and here.storage_class == "GLACIER":
            verdicts[key] = verdicts[key] if case.copies_archived else "skipped"
        if verdicts[key] in {"copy", "overwrite", "delete"} and b"\xff" in key:
            verdicts[key] = "conflict"
    return verdicts


def differs(here: ObjectRow, there: ObjectRow, case: Case) -> bool:
    newer, resized = here.mtime_ms > there.mtime_ms, here.size_bytes != there.size_bytes
    if case.overwrite != "if-different":
        return {"always": True, "if-newer": newer, "if-size-differs": resized}[case.overwrite]
    words = set(case.compare or ("etag", "size", "mtime"))
    if resized and "size" in words:
        return True
    if "etag" in words and here.etag == there.etag:
        return False
    if "etag" in words and case.comparable and "-" not in here.etag + there.etag:
        return True
    if "etag" in words:
        return resized or newer
    return "mtime" in words and newer


def planned(plan: PlanInMemory) -> dict[bytes, str]:
    """Return the verdicts that have a line; no key may have two."""
    verdicts: dict[bytes, str] = {}
    for action in plan.actions():
        assert action.key not in verdicts
        kind = {"skip": "skipped"}.get(action.kind, action.kind.value)
        verdicts[action.key] = "overwrite" if kind == "copy" and action.destination_pin is not None else kind
    return verdicts


def make(source: Tree, destination: Tree, case: Case) -> PlanInMemory:
    plan = plan_of(source.values(), destination.values(), manifest=case.manifest, etags_comparable=case.comparable)[1]
    for phase in plan.phases.values():
        in_phase = [action.key for batch, actions in plan.batches if batch.phase == phase.id for action in actions]
        assert in_phase == sorted(in_phase)
    return plan


@examples(150, torture=2_000)
@given(trees, trees, cases())
def test_every_key_gets_the_verdict_of_the_reference(source: Tree, destination: Tree, case: Case) -> None:
    plan, expected = make(source, destination, case), reference(source, destination, case)
    lines = planned(plan)
    assert lines == {key: expected[key] for key in lines}
    assert {key for key, kind in expected.items() if kind not in {"unchanged", "skipped"}} <= set(lines)
    assert plan.header is not None
    totals: Counter[str] = Counter()
    for total in plan.header.jobs[0].totals:
        totals[total.kind.value] += total.objects
    assert totals == Counter(expected.values())


def apply(source: Tree, destination: Tree, plan: PlanInMemory, *, random_etags: bool) -> Tree:
    """Return the destination after a run in which nothing went wrong; every pin must hold."""
    after = dict(destination)
    for action in plan.actions(ActionKind.COPY, ActionKind.DELETE):
        there = after.get(action.key)
        assert action.destination_pin == (None if there is None else there.etag)
        if action.kind is ActionKind.DELETE:
            del after[action.key]
            continue
        here = source[action.key]
        assert action.source_pin == here.etag
        single_part = here.etag.removesuffix("-2")
        copied = f"k{single_part[1:]}" if random_etags else single_part
        after[action.key] = ObjectRow(action.key, here.size_bytes, copied, NOW_MS, action.storage_class or "STANDARD")
    return after


@examples(150, torture=2_000)
@given(trees, trees, cases().filter(lambda case: case.overwrite != "always"))
def test_a_second_plan_has_nothing_to_do(source: Tree, destination: Tree, case: Case) -> None:
    after = apply(source, destination, make(source, destination, case), random_etags=not case.comparable)
    assert make(source, after, case).actions(ActionKind.COPY, ActionKind.DELETE) == []


@given(trees, trees, cases(), st.integers(0, 2**32), st.integers(1, 5))
def test_the_cut_of_pages_and_the_order_of_rows_do_not_show(
    source: Tree, destination: Tree, case: Case, seed: int, page_rows: int
) -> None:
    shuffled = list(source.values())
    random.Random(seed).shuffle(shuffled)
    one = make(source, destination, case)
    other = plan_of(
        ListedRows(shuffled, page_rows=page_rows),
        ListedRows(destination.values(), page_rows=page_rows),
        manifest=case.manifest,
        etags_comparable=case.comparable,
    )[1]
    assert (one.phases, one.batches) == (other.phases, other.batches)
    assert one.header is not None
    assert other.header is not None
    assert one.header.jobs[0].totals == other.header.jobs[0].totals
