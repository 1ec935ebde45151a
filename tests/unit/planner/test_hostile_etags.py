"""An ETag that a condition would take for any object, or for several, pins nothing: its key is a conflict."""

from __future__ import annotations

import pytest
from fakes.plan_parts import a_manifest, an_object, plan_of
from s3plan.schemas.actions import ActionKind
from s3plan.schemas.manifest_values import Plain


@pytest.mark.parametrize("etag", ["", "*", '"', 'a", "b'])
def test_it_is_a_conflict_on_either_side(etag: str) -> None:
    mirror = a_manifest(mode="mirror", delete={"extraneous": Plain("true")}, guards={"max_delete": "100%"})
    _, plan = plan_of(
        [an_object("a", etag=etag), an_object("b", size=11)],
        [an_object("b", etag=etag), an_object("c", etag=etag)],
        manifest=mirror,
    )
    assert [(action.kind, action.reason) for action in plan.actions()] == [(ActionKind.CONFLICT, "no ETag to pin")] * 3
