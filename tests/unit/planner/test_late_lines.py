"""A delete is planned once all pairs have passed: its object may be what a later key of the source names."""

from __future__ import annotations

import pytest
from fakes.plan_parts import PlanInMemory, a_manifest, an_object, plan_of
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.store_quirks import quirks_of

DECOMPOSED, COMPOSED = "cafe\u0301".encode(), "caf\u00e9".encode()  # in key order
KELVIN, K = "300 \u212a".encode(), b"300 K"
SPARED = ("skipped", "R2 holds it as one with another key, spelt otherwise in Unicode", 1)


def mirrored(
    source: list[ObjectRow], destination: list[ObjectRow], to: StoreName = StoreName.R2, *, filters: object = None
) -> PlanInMemory:
    said = {} if filters is None else {"filters": filters}
    manifest = a_manifest(
        mode="mirror", delete={"extraneous": Plain("true")}, guards={"max_delete": Plain("100%")}, **said
    )
    return plan_of(sorted(source), sorted(destination), manifest=manifest, quirks=quirks_of(to))[1]


def lines(plan: PlanInMemory) -> list[tuple[str, bytes]]:
    return [(action.kind.value, action.key) for action in plan.actions()]


def totals(plan: PlanInMemory) -> set[tuple[str, str, int]]:
    assert plan.header is not None
    return {(total.kind.value, total.rule, total.objects) for total in plan.header.jobs[0].totals}


@pytest.mark.parametrize(
    ("source", "filters"),
    [
        (an_object(COMPOSED, size=9), {"size": {"max": Plain("5B")}}),
        (an_object(COMPOSED, storage_class="GLACIER"), None),
        (an_object(COMPOSED), None),
    ],
    ids=["filtered", "archived", "to be copied"],
)
def test_what_a_later_key_of_the_source_names_is_not_deleted(source: ObjectRow, filters: object) -> None:
    """Of a source that is filtered or archived nothing else would hold the delete back."""
    there = [an_object(key, size=3) for key in (b"a", DECOMPOSED, b"z")]
    plan = mirrored([source], there, filters=filters)
    found = lines(plan)
    assert ("skip", DECOMPOSED) in found
    assert [key for kind, key in found if kind == "delete"] == [b"a", b"z"]
    assert SPARED in totals(plan)
    assert ("delete", "not in source", 2) in totals(plan)
    assert plan.header is not None
    assert plan.header.jobs[0].actions == 2
    aside = [key for kind, key in found if kind in ("skip", "conflict")]
    assert aside == sorted(aside)
    elsewhere = mirrored([source], there, StoreName.AWS, filters=filters)
    assert ("delete", DECOMPOSED) in lines(elsewhere)


def test_no_delete_is_left_where_all_were_other_spellings() -> None:
    plan = mirrored([an_object(COMPOSED, storage_class="GLACIER")], [an_object(DECOMPOSED)])
    assert lines(plan) == [("skip", DECOMPOSED), ("skip", COMPOSED)]
    assert {kind for kind, *_ in totals(plan)} == {"skipped"}


def test_a_key_of_ascii_may_be_another_one_spelt_otherwise() -> None:
    """The Kelvin sign is a K in normal form, and sorts after it."""
    assert lines(mirrored([an_object(K), an_object(KELVIN)], [])) == [("copy", K), ("conflict", KELVIN)]
    assert ("delete", KELVIN) not in lines(mirrored([an_object(K)], [an_object(KELVIN)]))
    assert ("delete", K) not in lines(mirrored([an_object(KELVIN)], [an_object(K)]))


def test_of_three_spellings_of_one_key_one_is_written() -> None:
    keys = sorted(each.encode() for each in ("\u1ead", "a\u0323\u0302", "\u1ea1\u0302"))
    found = lines(mirrored([an_object(key) for key in keys], []))
    assert found == [("copy", keys[0]), ("conflict", keys[1]), ("conflict", keys[2])]
