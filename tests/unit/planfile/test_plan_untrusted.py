"""Plans whose digests all agree, made by somebody who wants more than the format allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import PlanDamaged, PlanRefused
from unit.planfile.plan_samples import change, copies, deletes, numbered, skips, write_plan


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "a.s3plan"
    write_plan(
        path,
        copied=copies(*numbered("a", 4)),
        deleted=deletes(*numbered("d", 4)),
        aside=skips(*numbered("s", 4)),
        batch_actions=2,
    )
    return path


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE location SET kind = 'witness' WHERE id = 1", "no kind of location 'witness'"),
        ("UPDATE location SET store = 's4' WHERE id = 1", "no kind of store 's4'"),
        ("UPDATE location SET bucket = x'00' WHERE id = 1", "bucket holds a value of type bytes"),
        ("UPDATE location SET id = 5 WHERE id = 2", "ids from 1 without gaps"),
        ("UPDATE phase SET name = 'rm -rf' WHERE id = 3", "no phase 'rm -rf'"),
        ("INSERT INTO edge VALUES (3, 'x', 'ended')", "after_phase holds a value of type str"),
        ("UPDATE edge SET needs = 'nothing'", "no edge that needs 'nothing'"),
        ("UPDATE batch SET phase = 9 WHERE id = 1", "phase 9, which does not exist"),
        ("UPDATE batch SET to_location = 9 WHERE id = 1", "location 9, which does not exist"),
        ("UPDATE batch SET to_location = NULL WHERE id = 1", "locations of a copy"),
        (
            "UPDATE batch SET from_location = 2, to_location = 1 WHERE id = 4",
            "of one phase but of different locations",
        ),
        (
            "UPDATE batch SET from_location = 2, to_location = 1 WHERE phase = 2",
            "is not between the locations of its job",
        ),
        ("UPDATE batch SET to_location = 1 WHERE phase = 3", "is not between the locations of its job"),
        ("UPDATE location SET url = 's3://harmless/dr/' WHERE id = 2", "shown as another place than it is"),
        ("UPDATE location SET prefix = 'all/' WHERE id = 2", "shown as another place than it is"),
        ("UPDATE location SET bucket = '../a', url = 's3://../a/dr/' WHERE id = 2", "'../a' is no bucket's name"),
        ("UPDATE location SET owner = '1' || char(13, 10) || 'x: y' WHERE id = 2", "is no account"),
        ("UPDATE location SET owner = '' WHERE id = 2", "is no account"),
        ("UPDATE location SET region = 'a/../b' WHERE id = 1", "is no region"),
        ("UPDATE location SET region = 'eu' || char(10) WHERE id = 1", "is no region"),
        ("UPDATE location SET connection = 'a b' WHERE id = 1", "is no connection's name"),
        ("UPDATE location SET endpoint = 'http://169.254.169.254' WHERE id = 2", "no endpoint that requests may be"),
        ("UPDATE location SET endpoint = 'https://a' || char(10) WHERE id = 2", "no endpoint that requests may be"),
        ("UPDATE location SET customer_key = 'env:KEY' WHERE id = 2", "has one of a key of SSE-C and its fingerprint"),
        (
            "UPDATE location SET customer_key = 'env:A B', customer_key_fingerprint = '0123456789abcdef'",
            "'env:A B' names no key of SSE-C",
        ),
        (
            "UPDATE location SET customer_key = 'file:x', customer_key_fingerprint = '0123456789abcdef'",
            "'file:x' names no key of SSE-C",
        ),
        ("UPDATE location SET customer_key = 'env:KEY', customer_key_fingerprint = 'x'", "'x' is no fingerprint"),
        ("UPDATE batch SET actions = 9000000000 WHERE id = 6", "more than 10,000 actions"),
        ("UPDATE batch SET first_action = 1 WHERE id = 2", "does not begin where"),
        ("UPDATE batch SET actions = 1.5 WHERE id = 1", "actions holds a value of type float"),
        ("UPDATE batch SET actions = 0, first_action = 11 WHERE id = 6", "without actions"),
        ("UPDATE batch SET actions = 1 WHERE id = 6", "do not cover its actions"),
        ("UPDATE batch SET size_bytes = -1 WHERE id = 6", "negative size"),
        ("UPDATE batch SET size_bytes = 0 WHERE id = 1", "says 8 actions and 28 bytes"),
    ],
)
def test_a_forged_graph_is_refused_when_the_plan_is_opened(plan: Path, statement: str, message: str) -> None:
    change(plan, statement, reseal=True)
    with pytest.raises(PlanDamaged, match=message):
        open_plan(plan)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE phase SET name = 'aside' WHERE id = 1", "two aside phases"),
        ("DELETE FROM edge WHERE before_phase = 2", "phase 3 does not wait for phase 2 as it must"),
        ("UPDATE edge SET needs = 'ended' WHERE before_phase = 2", "phase 3 does not wait for phase 2 as it must"),
        ("INSERT INTO edge VALUES (3, 1, 'ended')", "in a circle"),
        ("INSERT INTO edge VALUES (3, 8, 'ended')", "names a phase that does not exist"),
        ("INSERT INTO edge VALUES (1, 3, 'ended')", "phase 3 waits for phase 1, which its jobs do not say"),
    ],
)
def test_a_forged_order_is_refused_before_anything_is_performed(plan: Path, statement: str, message: str) -> None:
    change(plan, statement, reseal=True)
    with open_plan(plan) as reader, pytest.raises(PlanDamaged, match=message):
        _ = reader.graph


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE action SET kind = 'chmod' WHERE id = 1", "cannot hold an action of kind 'chmod'"),
        ("UPDATE action SET kind = 'delete' WHERE id = 1", "cannot hold an action of kind 'delete'"),
        ("UPDATE action SET kind = x'00' WHERE id = 1", "kind holds a value of type bytes"),
        ("UPDATE action SET key = CAST('a' AS TEXT) WHERE id = 1", "key holds a value of type str"),
        ("UPDATE action SET key = x'7a' WHERE id = 1", "keys do not ascend"),
        ("UPDATE action SET key = x'61ff' WHERE id = 2", "not UTF-8"),
        ("UPDATE action SET key = zeroblob(1025) WHERE id = 1", "more than 1,024 bytes"),
        ("UPDATE action SET destination_key = zeroblob(1022) WHERE id = 1", "prefix has more than 1,024 bytes"),
        ("UPDATE action SET destination_key = 'x' WHERE id = 1", "destination_key holds a value of type str"),
        ("UPDATE action SET size_bytes = 'many' WHERE id = 1", "size_bytes holds a value of type str"),
        ("UPDATE action SET size_bytes = 0.5 WHERE id = 1", "size_bytes holds a value of type float"),
        ("UPDATE action SET size_bytes = -7 WHERE id = 1", "negative"),
        ("UPDATE action SET size_bytes = size_bytes + 1 WHERE id = 1", "not the ones that were planned"),
        ("UPDATE action SET source_pin = NULL WHERE id = 1", "not be pinned"),
        ("UPDATE action SET source_pin = '' WHERE id = 1", "an ETag in source_pin is none"),
        ("UPDATE action SET destination_pin = '*' WHERE id = 2", "an ETag in destination_pin is none"),
        ("""UPDATE action SET destination_pin = 'a", "b' WHERE id = 2""", "an ETag in destination_pin is none"),
        ("UPDATE action SET destination_pin = 'a</ETag>' WHERE id = 2", "an ETag in destination_pin is none"),
        ("UPDATE action SET destination_pin = 'a&quot;' WHERE id = 2", "an ETag in destination_pin is none"),
        ("UPDATE action SET source_pin = 'a' || char(13, 10) || 'x: y' WHERE id = 1", "an ETag in source_pin is"),
        ("UPDATE action SET source_version = 'a&b' WHERE id = 1", "a version in source_version is none"),
        ("UPDATE action SET source_version = '' WHERE id = 1", "a version in source_version is none"),
        (
            "UPDATE action SET storage_class = 'A' || char(10) || 'x: y' WHERE id = 1",
            "a storage class in storage_class",
        ),
        ("UPDATE action SET storage_class = '' WHERE id = 1", "a storage class in storage_class is none"),
        ("UPDATE action SET source_mtime_ms = 9223372036854775807 WHERE id = 1", "not within the years 1 to 9999"),
        ("UPDATE action SET reason = CAST(zeroblob(17000) AS TEXT) WHERE id = 1", "too big"),
        ("UPDATE action SET source_version = CAST(zeroblob(17000) AS TEXT) WHERE id = 1", "too big"),
        ("UPDATE action SET source_mtime_ms = 'now' WHERE id = 1", "source_mtime_ms holds a value of type str"),
        ("UPDATE action SET reason = CAST(x'ff' AS TEXT) WHERE id = 1", "Could not decode to UTF-8"),
    ],
)
def test_a_forged_action_is_refused_when_its_batch_is_read(plan: Path, statement: str, message: str) -> None:
    change(plan, statement, reseal="UTF-8" not in message or "not UTF-8" in message)
    with open_plan(plan) as reader, pytest.raises(PlanDamaged, match=message):
        reader.actions(reader.batches[0])


@pytest.mark.parametrize("key_id", ["", "key\r\nx-amz-acl: public-read", "a b", "a\n"])
def test_a_forged_key_for_encryption_is_refused_when_the_plan_is_opened(plan: Path, key_id: str) -> None:
    found = _header(plan)
    jobs: Any = found["jobs"]
    jobs[0]["settings"]["encryption"] = {"type": "aws:kms", "key_id": key_id}
    _with_header(plan, json.dumps(found))
    with pytest.raises(PlanRefused, match="its header is not valid"):
        open_plan(plan)


def _with_header(plan: Path, text: str) -> None:
    quoted = text.replace("'", "''")
    change(plan, f"UPDATE header SET document = '{quoted}'", reseal=True)


def _header(plan: Path) -> dict[str, object]:
    with open_plan(plan) as reader:
        found: dict[str, object] = json.loads(reader.header_text)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"format_version": 1},
        {"format_version": "1"},
        {"actions": -8},
        {"actions": 8.5},
        {"made_at": "2024-01-01T00:00:00"},
        {"made_at": 5},
        {"manifest": {"path": "a", "sha256": "short", "text": "", "resolved": ""}},
        {"manifest": {"path": "a", "sha256": "0" * 64, "text": "", "resolved": "", "secret": "x"}},
        {"jobs": []},
        {"jobs": [{"name": "a"}]},
        {"places": [{"location": 1, "capabilities": [{"condition": "copy-absent", "enforcement": "promised"}]}]},
        {"run": None},
        {"actions": 10**400},
        {"made_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_a_forged_header_is_refused_by_its_schema(plan: Path, changes: dict[str, object]) -> None:
    _with_header(plan, json.dumps(_header(plan) | changes))
    with pytest.raises(PlanRefused, match="its header is not valid"):
        open_plan(plan)


@pytest.mark.parametrize("text", ["", "[]", "null", "NaN", "[" * 100_000, '{"a": 1, "a": 1}', "1" * 5_000])
def test_a_header_that_is_not_a_json_object_is_refused(plan: Path, text: str) -> None:
    _with_header(plan, text)
    with pytest.raises(PlanRefused, match="its header is not valid"):
        open_plan(plan)


def test_a_name_that_stands_twice_in_the_header_is_refused(plan: Path) -> None:
    _with_header(plan, json.dumps(_header(plan))[:-1] + ', "name": "other"}')
    with pytest.raises(PlanRefused, match="a name stands twice"):
        open_plan(plan)


def test_a_header_that_counts_other_actions_than_the_plan_holds_is_refused(plan: Path) -> None:
    _with_header(plan, json.dumps(_header(plan) | {"actions": 1}))
    with pytest.raises(PlanRefused, match="its header says 1 actions"):
        open_plan(plan)


def test_a_header_of_the_same_meaning_in_other_spelling_is_another_plan(plan: Path) -> None:
    with open_plan(plan) as reader:
        digest, header = reader.digest, reader.header
    _with_header(plan, json.dumps(json.loads(reader.header_text), indent=1))
    with open_plan(plan) as reader:
        assert reader.header == header
        assert reader.digest != digest
