from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fakes.both_ends import listed_at_source
from fakes.plan_parts import (
    NOW_MS,
    ListedRows,
    PlanInMemory,
    a_manifest,
    an_object,
    facts,
    locations_of,
    one_job,
    plan_of,
)
from s3plan.planfile.writer import PlanWriter
from s3plan.planner.build import build_plan
from s3plan.planner.filtering.patterns import PatternInvalid
from s3plan.planner.manifest.job import resolve_jobs, run_record
from s3plan.schemas.errors import ListingUnusable, UsageInvalid
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind, VerdictKind
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.header import RetryRecord

MIRROR = {"mode": "mirror", "delete": {"extraneous": Plain("true")}}
PARTS = "1" * 32 + "-2"


def totals(plan: PlanInMemory) -> dict[tuple[str, str], int]:
    assert plan.header is not None
    return {(total.kind.value, total.rule): total.objects for total in plan.header.jobs[0].totals}


def lines(plan: PlanInMemory) -> list[tuple[str, bytes]]:
    return [(action.kind.value, action.key) for action in plan.actions()]


def test_a_mirror_is_planned_in_phases() -> None:
    source = [
        an_object("changed", size=12),
        an_object("frozen", storage_class="DEEP_ARCHIVE"),
        an_object("new"),
        an_object("same"),
        an_object(b"\xff"),
    ]
    destination = [an_object("changed"), an_object("extra", size=7), an_object("same")]
    built, plan = plan_of(source, destination, manifest=a_manifest(**MIRROR, guards={"max_delete": Plain("100%")}))
    assert lines(plan) == [
        ("copy", b"changed"),
        ("copy", b"new"),
        ("delete", b"extra"),
        ("skip", b"frozen"),
        ("conflict", b"\xff"),
    ]
    assert [name.value for name in plan.phase_names()] == ["prepare", "copy", "delete", "aside"]
    assert plan.graph() == {("prepare", "copy"), ("copy", "delete")}
    assert totals(plan) == {
        ("copy", "not in destination"): 1,
        ("overwrite", "size differs"): 1,
        ("delete", "not in source"): 1,
        ("unchanged", "same ETag"): 1,
        ("skipped", "archived: DEEP_ARCHIVE"): 1,
        ("conflict", "key is not UTF-8"): 1,
    }
    header = built.header
    assert header is plan.header
    assert (header.actions, header.bytes) == (3, 22)
    assert (
        listed_at_source(header.jobs[0]).objects,
        listed_at_source(header.jobs[0]).bytes,
        listed_at_source(header.jobs[0]).pages,
    ) == (5, 52, 2)
    assert listed_at_source(header.jobs[0]).complete
    assert header.jobs[0].destination.complete
    assert (header.jobs[0].destination.objects, header.jobs[0].destination.bytes) == (3, 27)
    assert not header.is_blocked


def test_the_same_sides_give_an_empty_plan() -> None:
    rows = [an_object(f"k{number}") for number in range(10)]
    built, plan = plan_of(rows, rows, manifest=a_manifest(**MIRROR))
    assert plan.actions() == []
    assert [name.value for name in plan.phase_names()] == ["prepare"]
    assert (built.header.actions, built.header.bytes) == (0, 0)


def test_a_bucket_that_does_not_exist_yet_is_recorded() -> None:
    built, plan = plan_of([an_object("a")], None)
    assert lines(plan) == [("copy", b"a")]
    assert not built.header.jobs[0].destination.bucket_exists
    assert built.header.jobs[0].destination.pages == 0
    assert listed_at_source(built.header.jobs[0]).bucket_exists


@pytest.mark.parametrize(("left", "right"), [(True, True), (True, False), (False, True)])
def test_a_locations_own_marker_is_never_touched(left: bool, right: bool) -> None:
    marker = an_object("", size=3)
    source = [*([marker] if left else []), an_object("a")]
    destination = [*([marker] if right else []), an_object("a")]
    built, plan = plan_of(source, destination, manifest=a_manifest(**MIRROR))
    assert lines(plan) == [("skip", b"")]
    assert plan.actions()[0].reason == "the location itself"
    assert totals(plan)["skipped", "the location itself"] == 1
    assert listed_at_source(built.header.jobs[0]).objects == 1


def test_a_marker_that_a_key_filter_leaves_out_is_no_part_of_the_job() -> None:
    """So that a plan is the same whether or not its listing was narrowed to what the filters take in."""
    rows = [an_object("", size=3), an_object("x/a")]
    built, plan = plan_of(rows, rows, manifest=a_manifest(**MIRROR, filters={"include": ["/x/"]}))
    assert lines(plan) == []
    assert (listed_at_source(built.header.jobs[0]).objects, listed_at_source(built.header.jobs[0]).left_out) == (1, 1)


def test_a_source_with_nothing_but_its_marker_is_empty() -> None:
    built, _ = plan_of([an_object("")], [an_object("a")], manifest=a_manifest(**MIRROR))
    assert [guard.name for guard in built.header.jobs[0].guards if guard.held] == ["refuse_empty_source"]
    assert built.header.is_blocked


def test_what_key_filters_leave_out_is_neither_copied_nor_deleted() -> None:
    manifest = a_manifest(**MIRROR, filters={"include": ["*.jpg"], "exclude": ["tmp/"]})
    source = [an_object("a.jpg"), an_object("a.txt"), an_object("tmp/b.jpg")]
    destination = [an_object("b.txt"), an_object("tmp/c.jpg"), an_object("a.jpg", size=1)]
    built, plan = plan_of(source, destination, manifest=manifest)
    assert lines(plan) == [("copy", b"a.jpg")]
    assert (listed_at_source(built.header.jobs[0]).objects, listed_at_source(built.header.jobs[0]).left_out) == (1, 2)
    assert (built.header.jobs[0].destination.objects, built.header.jobs[0].destination.left_out) == (1, 2)


def test_a_source_of_which_the_key_filters_leave_nothing_is_empty() -> None:
    manifest = a_manifest(**MIRROR, filters={"include": ["*.jpg"]})
    built, _ = plan_of([an_object("a.txt")], [], manifest=manifest)
    assert [guard.name for guard in built.header.jobs[0].guards if guard.held] == ["refuse_empty_source"]


@pytest.mark.parametrize(
    "filters",
    [
        {"size": {"max": "5B"}},
        {"size": {"min": "20B"}},
        {"modified": {"newer_than": "12h"}},
        {"modified": {"older_than": "2d"}},
        {"modified": {"after": "2026-11-21"}},
        {"modified": {"before": "2026-01-01"}},
        {"storage_class": ["STANDARD_IA"]},
    ],
)
def test_objects_that_attribute_filters_leave_out_keep_their_copies(filters: dict[str, object]) -> None:
    rows = [an_object("a"), an_object("b")]
    built, plan = plan_of(rows, [an_object("a", size=1)], manifest=a_manifest(**MIRROR, filters=filters))
    assert plan.actions() == []
    ((kind, rule), objects), *others = totals(plan).items()
    assert (kind, objects, others) == ("skipped", 2, [])
    assert rule.startswith("filtered: ")
    assert not built.header.is_blocked


def test_ages_are_counted_by_the_stores_clock() -> None:
    manifest = a_manifest(filters={"modified": {"newer_than": "1h"}})
    _, plan = plan_of([an_object("old", age_ms=3_600_001), an_object("young", age_ms=3_600_000)], [], manifest=manifest)
    assert lines(plan) == [("copy", b"young")]


def test_a_guard_that_holds_blocks_the_plan_until_the_exact_number_is_allowed() -> None:
    source, destination = [an_object("a")], [an_object(key) for key in "abcdef"]
    manifest = a_manifest(**MIRROR)
    blocked, plan = plan_of(source, destination, manifest=manifest)
    assert blocked.header.is_blocked
    assert len(plan.actions(ActionKind.DELETE)) == 5
    for wrong in ({"max_delete": 4}, {"max_bytes": 5}):
        with pytest.raises(UsageInvalid):
            plan_of(source, destination, manifest=manifest, allow=wrong, plan=(unsealed := PlanInMemory()))
        assert unsealed.header is None
    released, _ = plan_of(source, destination, manifest=manifest, allow={"max_delete": 5})
    assert not released.header.is_blocked
    (guard,) = [guard for guard in released.header.jobs[0].guards if guard.held]
    assert (guard.name, guard.found, guard.released) == ("max_delete", 5, True)


@pytest.mark.parametrize("side", ["source", "destination"])
def test_nothing_is_sealed_if_a_listing_breaks_off(side: str) -> None:
    broken = ListedRows([an_object("a")], broken=ListingUnusable("the listing broke off"))
    whole = ListedRows([an_object("a"), an_object("b")])
    plan = PlanInMemory()
    with pytest.raises(ListingUnusable):
        plan_of(
            broken if side == "source" else whole,
            broken if side == "destination" else whole,
            manifest=a_manifest(**MIRROR),
            plan=plan,
        )
    assert plan.header is None


class Disordered(ListedRows):
    def __init__(self, rows: list[ObjectRow], *, page_rows: int) -> None:
        super().__init__([], page_rows=page_rows)
        self._rows = rows


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "a"], ["a", "b", "b"], ["a", "c", "b", "d"], ["b", ""]])
@pytest.mark.parametrize("page_rows", [1, 2, 10])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_nothing_is_sealed_if_a_listing_is_out_of_order(keys: list[str], page_rows: int, side: str) -> None:
    disordered = Disordered([an_object(key) for key in keys], page_rows=page_rows)
    plan = PlanInMemory()
    with pytest.raises(ListingUnusable, match=f"the listing of the {side} is out of order"):
        plan_of(disordered if side == "source" else [], disordered if side == "destination" else [], plan=plan)
    assert plan.header is None


def test_an_empty_page_between_others_is_no_end() -> None:
    class Gaps(ListedRows):
        def pages(self):  # type: ignore[no-untyped-def]
            yield []
            for page in super().pages():
                yield page
                yield []

    _, plan = plan_of(Gaps([an_object(key) for key in "abcdef"], page_rows=2), [])
    assert [key for _, key in lines(plan)] == [b"a", b"b", b"c", b"d", b"e", b"f"]


@pytest.mark.parametrize(
    ("compare", "warned"), [(["etag"], True), (["etag", "size"], True), (["size"], False), ([], False)]
)
def test_an_explicit_etag_that_cannot_be_compared_is_a_warning_with_a_count(compare: list[str], warned: bool) -> None:
    manifest = a_manifest(**({"compare": compare} if compare else {}))
    source = [an_object("a", etag=PARTS), an_object("b", etag=PARTS, age_ms=0), an_object("c")]
    built, _ = plan_of(source, [an_object(key) for key in "abc"], manifest=manifest)
    expected = ("compare: etag could not be used on 2 objects; size and time decided there",) if warned else ()
    assert built.header.warnings == expected


def test_an_empty_source_and_a_pattern_that_matches_nothing_are_warnings() -> None:
    manifest = a_manifest(filters={"include": ["*.jpg", "*.jpgg", "!x.jpg", "docs/"]})
    built, _ = plan_of([an_object("a.txt")], [an_object("b.jpg"), an_object("docs/x")], manifest=manifest)
    assert built.header.warnings == (
        "the source has no objects for this job; the filters leave out 1",
        "matches no key on either side",
    )
    built, _ = plan_of([an_object("a.jpg")], [an_object("a.jpgg/docs/x")], manifest=manifest)
    assert built.header.warnings == ()


def test_settings_of_the_manifest_are_resolved() -> None:
    manifest = a_manifest(
        **MIRROR,
        destination={
            "url": "s3://right/out/",
            "create": Plain("true"),
            "storage_class": "STANDARD_IA",
            "encryption": {"type": "aws:kms", "key_id": "alias/k", "bucket_key": Plain("true")},
        },
        run={"executor": "serial", "rate": "100/s", "bandwidth": "1MiB/s", "multipart_threshold": "5MiB"},
    )
    _, plan = plan_of([an_object("a"), an_object("b", size=5 * 2**20), an_object("c")], [], manifest=manifest)
    assert plan.header is not None
    settings, run = plan.header.jobs[0].settings, plan.header.run
    assert (settings.mode, settings.delete_when, settings.unpinned_deletes) == ("mirror", "all-done", False)
    assert (run.executor, run.rate_per_s, run.bandwidth_bytes_per_s) == ("serial", 100, 2**20)
    assert settings.encryption is not None
    assert (settings.encryption.type, settings.encryption.key_id) == ("aws:kms", "alias/k")
    assert settings.create_bucket
    assert [batch.actions for batch, _ in plan.batches] == [1, 1, 1]
    assert {action.storage_class for action in plan.actions()} == {"STANDARD_IA"}


def test_defaults_are_filled_in() -> None:
    manifest = a_manifest()
    (job,), run = resolve_jobs(manifest), run_record(manifest.run)
    settings = job.settings
    assert (settings.mode, settings.overwrite, settings.compare, settings.archived) == (
        "copy",
        "if-different",
        (),
        "skip",
    )
    assert (run.multipart_threshold_bytes, run.executor) == (2**30, "threads")
    assert run.retries == RetryRecord(attempts=9, initial_ms=200, max_ms=20_000, multiplier=2, jitter="full")
    assert settings.delete_when is None


def test_a_pattern_that_cannot_be_meant_is_found_before_anything_is_listed() -> None:
    with pytest.raises(PatternInvalid):
        resolve_jobs(a_manifest(filters={"exclude": ["a[b"]}))


def test_the_destination_prefix_counts_for_the_length_of_keys() -> None:
    _, plan = plan_of([an_object("k" * 1021)], [], manifest=a_manifest(source="s3://left/"))
    assert lines(plan) == [("conflict", b"k" * 1021)]


def test_progress_is_told_after_each_page() -> None:
    told: list[tuple[int, int, int]] = []
    source = [an_object(f"k{number}") for number in range(7)]
    plan_of(source, source[:2], on_progress=lambda *counts: told.append(counts))
    assert told[-1][:2] == (7, 2)
    assert len(told) == 4
    assert told == sorted(told)


def test_the_largest_prefixes_of_each_kind_are_recorded_and_none_is_cut_silently() -> None:
    extra = [an_object(f"{number:03}/x") for number in range(30)]
    built, _ = plan_of([an_object("a/1")], extra, manifest=a_manifest(**MIRROR))
    deleted = [record for record in built.header.jobs[0].prefixes if record.kind is VerdictKind.DELETE]
    assert len(deleted) == 21
    assert (deleted[-1].prefix, deleted[-1].objects) == ("(10 more prefixes)", 10)


def test_a_real_plan_file_takes_all_of_it(tmp_path: Path) -> None:
    manifest = a_manifest(**MIRROR, guards={"max_delete": Plain("100%")})
    source = [an_object(f"{number:05}", size=number) for number in range(2500)]
    source += [an_object("frozen", storage_class="GLACIER"), an_object("")]
    destination = [an_object(f"{number:05}") for number in range(2000, 4000)] + [an_object(b"\xff")]
    path = tmp_path / "job.s3plan"
    with PlanWriter(path) as writer:
        built = build_plan(
            one_job(manifest, ListedRows(source, page_rows=1000), ListedRows(destination, page_rows=1000)),
            locations=locations_of(manifest),
            writer=writer,
            facts=facts(),
            allow={},
            spool_folder=tmp_path,
        )
    assert [file.name for file in tmp_path.iterdir()] == ["job.s3plan"]
    assert built.header.actions == 2500 + 1500
    assert len(built.digest) == len(hashlib.sha256().hexdigest())


def test_facts_stand_in_the_header() -> None:
    built, _ = plan_of([], [])
    assert built.header.tool_version == "1.2.3"
    assert built.header.made_at.timestamp() * 1000 == NOW_MS
    assert len(built.header.places[0].capabilities) == len(Condition)
