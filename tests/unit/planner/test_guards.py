from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fakes.plan_parts import a_manifest, an_object, plan_of, the_job
from s3plan.planner.guards import Findings, check_guards, check_guards_of_all
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.manifest.models import Guards
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.plan.guards import parse_allowances
from s3plan.schemas.plan.header import GuardRecord
from s3plan.schemas.quantities import Limit

MIRROR: dict[str, Any] = {"mode": "mirror", "delete": {"extraneous": Plain("true")}}


def check(
    *,
    deletes: int = 0,
    overwrites: int = 0,
    bytes_to_write: int = 0,
    source_objects: int = 1,
    destination_objects: int = 0,
    allow: dict[str, int] | None = None,
    **manifest: object,
) -> dict[str, GuardRecord]:
    made = the_job(a_manifest(**manifest))
    records = check_guards(
        written=made.guards,
        in_force=made.guards_in_force(),
        of_all=Guards(),
        findings=Findings(deletes, overwrites, bytes_to_write, source_objects, destination_objects),
        allow=allow or {},
    )
    return {record.name: record for record in records}


def test_a_copy_has_no_guards_unless_it_says_so() -> None:
    assert check(deletes=0, overwrites=10**6, bytes_to_write=2**60, source_objects=0) == {}


def test_a_mirror_has_guards_of_its_own() -> None:
    found = check(deletes=26, destination_objects=100, source_objects=0, **MIRROR)
    assert found["max_delete"] == GuardRecord(name="max_delete", limit="25% (default)", allowed=25, found=26, held=True)
    assert found["refuse_empty_source"] == GuardRecord(
        name="refuse_empty_source", limit="true (default)", allowed=0, found=1, held=True
    )


@pytest.mark.parametrize(
    ("limit", "of", "allowed"),
    [(Plain("1%"), 1, 1), (Plain("1%"), 100, 1), (Plain("1%"), 101, 2), (Plain("0%"), 100, 0), (Plain("7"), 3, 7)],
)
def test_a_share_is_of_the_objects_in_scope_and_rounded_up(limit: str, of: int, allowed: int) -> None:
    for deletes in (allowed, allowed + 1):
        found = check(deletes=deletes, destination_objects=of, guards={"max_delete": limit}, **MIRROR)["max_delete"]
        assert (found.limit, found.allowed, found.found) == (limit, allowed, deletes)
        assert found.held is (deletes > allowed)


def test_overwrites_and_bytes_have_limits() -> None:
    guards = {"max_overwrite": Plain("5"), "max_bytes": "1KiB"}
    within = check(overwrites=5, bytes_to_write=1024, destination_objects=9, guards=guards)
    beyond = check(overwrites=6, bytes_to_write=1025, destination_objects=9, guards=guards)
    assert [record.held for record in within.values()] == [False, False]
    assert [(record.name, record.limit, record.held) for record in beyond.values()] == [
        ("max_overwrite", "5", True),
        ("max_bytes", "1KiB", True),
    ]


def test_an_empty_source_can_be_refused_or_allowed_by_the_manifest() -> None:
    assert check(source_objects=0, guards={"refuse_empty_source": Plain("true")})["refuse_empty_source"].held
    assert not check(source_objects=1, guards={"refuse_empty_source": Plain("true")})["refuse_empty_source"].held
    lenient = check(source_objects=0, guards={"refuse_empty_source": Plain("false")}, **MIRROR)
    assert "refuse_empty_source" not in lenient


def test_the_exact_number_releases_a_guard() -> None:
    found = check(deletes=26, destination_objects=100, allow={"max_delete": 26}, **MIRROR)["max_delete"]
    assert (found.held, found.released) == (True, True)
    assert check(source_objects=0, allow={"refuse_empty_source": 1}, **MIRROR)["refuse_empty_source"].released


def test_the_exact_number_of_a_guard_that_does_not_hold_changes_nothing() -> None:
    found = check(deletes=3, destination_objects=100, allow={"max_delete": 3}, **MIRROR)["max_delete"]
    assert (found.held, found.released) == (False, False)


@pytest.mark.parametrize("number", [0, 25, 27, 1000])
def test_another_number_is_refused_and_the_right_one_said(number: int) -> None:
    with pytest.raises(UsageInvalid, match="write max_delete=26") as caught:
        check(deletes=26, destination_objects=100, allow={"max_delete": number}, **MIRROR)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_guard_that_is_not_in_force_cannot_be_released() -> None:
    with pytest.raises(UsageInvalid, match="in force: max_delete, refuse_empty_source"):
        plan_of([an_object("a")], [], manifest=a_manifest(**MIRROR), allow={"max_bytes": 1})
    with pytest.raises(UsageInvalid, match="in force: none"):
        plan_of([an_object("a")], [], allow={"max_delete": 1})


def test_of_two_limits_the_lower_one_counts() -> None:
    for own, of_all, allowed in [(3, 5, 3), (5, 3, 3), (None, 4, 4), (4, None, 4)]:
        limits = [
            Guards.model_construct(max_overwrite=None if each is None else Limit(count=each)) for each in (own, of_all)
        ]
        (record,) = check_guards(
            written=limits[0], in_force=limits[0], of_all=limits[1], findings=Findings(0, 4, 0, 1, 10), allow={}
        )
        assert (record.allowed, record.held) == (allowed, allowed < 4)


def test_the_sum_over_jobs_has_the_guards_of_the_manifest() -> None:
    of_all = Guards.model_construct(max_delete=Limit(percent=Decimal(10)), max_bytes=100)
    findings = [Findings(3, 0, 60, 1, 30), Findings(2, 0, 60, 1, 10)]
    records = check_guards_of_all(of_all, findings=findings, allow={"max_bytes": 120})
    assert [(each.name, each.allowed, each.found, each.held, each.released) for each in records] == [
        ("max_delete", 4, 5, True, False),
        ("max_bytes", 100, 120, True, True),
    ]


def test_allowances_are_read_from_the_command() -> None:
    assert parse_allowances([]) == {}
    assert parse_allowances(["max_delete=1204", "max_bytes=0", "max_delete=1204"]) == {
        "max_delete": 1204,
        "max_bytes": 0,
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_deletes=1", "the guards are max_delete"),
        ("", "no guard ''"),
        ("max_delete", "max_delete=1204"),
        ("max_delete=", "exact number"),
        ("max_delete=25%", "exact number"),
        ("max_delete=-1", "exact number"),
        ("max_delete=1_000", "exact number"),
        ("max_delete= 1", "exact number"),
        ("max_delete=\u0663", "exact number"),
    ],
)
def test_an_allowance_that_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageInvalid, match=problem):
        parse_allowances([text])


def test_two_numbers_for_one_guard_are_refused() -> None:
    with pytest.raises(UsageInvalid, match="twice"):
        parse_allowances(["max_delete=1", "max_delete=2"])
