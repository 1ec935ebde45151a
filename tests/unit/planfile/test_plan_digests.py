from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from s3plan.planfile.digests import batch_digest, content_digest, plan_digest
from s3plan.planfile.reader import open_plan
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import Batch
from unit.planfile.plan_samples import DESTINATION, EDGES, PHASES, SOURCE, change, copies, deletes, write_plan

_ACTION = Action(ActionKind.COPY, b"a", 1, "new", "e1", 2, "v", "e2", 3, b"b", "STANDARD")


def test_the_digest_of_a_batch_is_the_documented_one() -> None:
    text = (
        "(12:s14:s3plan batch 1(1:s4:copy(1:b1:a(1:i1;(1:s3:new(1:s2:e1(1:i2;(1:s1:v(1:s2:e2(1:i3;(1:b1:b(1:s8:STANDARD"
    )
    assert batch_digest([_ACTION]) == sha256(text.encode()).digest()


@pytest.mark.parametrize(
    "changed",
    [
        _ACTION._replace(kind=ActionKind.DELETE),
        _ACTION._replace(key=b"A"),
        _ACTION._replace(size_bytes=2),
        _ACTION._replace(reason="newer"),
        _ACTION._replace(source_pin=None),
        _ACTION._replace(source_mtime_ms=None),
        _ACTION._replace(source_version=""),
        _ACTION._replace(destination_pin=None),
        _ACTION._replace(destination_mtime_ms=0),
        _ACTION._replace(destination_key=None),
        _ACTION._replace(storage_class=None),
    ],
)
def test_every_field_of_an_action_counts(changed: Action) -> None:
    assert batch_digest([changed]) != batch_digest([_ACTION])
    assert batch_digest([_ACTION, changed]) != batch_digest([changed, _ACTION])


def test_every_table_counts_in_the_digest_of_the_content() -> None:
    batch = Batch(1, 2, 1, 2, 1, 1, 7, b"d" * 32)
    whole = content_digest(locations=[SOURCE, DESTINATION], phases=PHASES, edges=EDGES, batches=[batch])
    others = [
        content_digest(locations=[SOURCE], phases=PHASES, edges=EDGES, batches=[batch]),
        content_digest(locations=[SOURCE, DESTINATION], phases=PHASES[:3], edges=EDGES, batches=[batch]),
        content_digest(locations=[SOURCE, DESTINATION], phases=PHASES, edges=EDGES[:1], batches=[batch]),
        content_digest(locations=[SOURCE, DESTINATION], phases=PHASES, edges=EDGES, batches=[]),
    ]
    assert len({whole, *others}) == 5


def test_the_digest_of_a_plan_is_over_its_header_text_and_its_content() -> None:
    assert plan_digest("{}", b"c") == sha256(b"(3:s13:s3plan plan 1s2:{}b1:c").digest()


def test_a_second_implementation_from_the_documentation_finds_the_same_digests(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    digest = write_plan(path, copied=copies(b"a", b"b", b"c"), deleted=deletes(b"d"), batch_actions=2)
    change(path, reseal=True)
    with open_plan(path) as reader:
        assert reader.digest == digest
        assert reader.plan_id == digest[:8]
        assert len(list(reader.iter_actions())) == 4
