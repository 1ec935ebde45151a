"""An ETag that a condition would take for any object, for several, or for something else: its key is a conflict."""

from __future__ import annotations

import pytest
from fakes.plan_parts import a_manifest, an_object, plan_of
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.plan.actions import ActionKind
from s3plan.schemas.plan.pins import MAX_ETAG_CHARACTERS, are_pins, is_pin

ODD = [
    "*",
    '"',
    'a", "b',
    "a,b",
    "</ETag>",
    "&quot;",
    "a\r\nb",
    "a b",
    "\u00e9",
    "a\0",
    "x" * (MAX_ETAG_CHARACTERS + 1),
]
USUAL = [
    "0" * 32,
    f"{'a' * 32}-10000",
    "CKicn4fknd8CEAE=",
    "0x8DC1F+/a",
    "b51d9b6e-7b61",
    "1700000000.5:7@x_y~z",
    "x" * 255,
]


@pytest.mark.parametrize(("etag", "reason"), [("", "no ETag"), *((etag, "its ETag has characters") for etag in ODD)])
def test_it_is_a_conflict_on_either_side(etag: str, reason: str) -> None:
    mirror = a_manifest(mode="mirror", delete={"extraneous": Plain("true")}, guards={"max_delete": "100%"})
    _, plan = plan_of(
        [an_object("a", etag=etag), an_object("b", size=11)],
        [an_object("b", etag=etag), an_object("c", etag=etag)],
        manifest=mirror,
    )
    assert [action.kind for action in plan.actions()] == [ActionKind.CONFLICT] * 3
    assert all(action.reason.startswith(reason) for action in plan.actions())


def test_what_stores_are_known_to_send_is_a_pin() -> None:
    assert all(map(is_pin, USUAL))
    assert are_pins(USUAL)


def test_one_odd_etag_among_many_is_seen() -> None:
    assert not any(map(is_pin, ODD))
    assert not any(are_pins([*USUAL, etag]) for etag in [*ODD, ""])
