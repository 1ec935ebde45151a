from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from s3plan.planfile.documents import header_schema
from s3plan.planfile.documents import plan_schema as document_schema
from s3plan.planfile.documents.plan import iter_action_lines, iter_document, plan_document
from s3plan.planfile.reader import open_plan
from s3plan.schemas.plan.actions import Action, ActionKind
from unit.planfile.plan_samples import ASIDE, copies, deletes, write_plan

_ODD = [
    Action(ActionKind.SKIP, b"", 0, "the location itself"),
    Action(ActionKind.CONFLICT, b"n\nl \x1b\xe2\x80\xae \xc3\xa9", 1, "é", destination_key=b"\xfe"),
    Action(ActionKind.CONFLICT, b"\xff\x00", 1, "not UTF-8", destination_key=b"\xff"),
]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a", b"b", b"c"), deleted=deletes(b"d"), aside=_ODD, batch_actions=2)
    return path


def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(document_schema.GENERATED_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schemas_are_the_generated_ones() -> None:
    for generator in (header_schema, document_schema):
        assert generator.GENERATED_FILE.read_text(encoding="utf-8") == generator.generated_text()


def test_a_plan_document_is_valid_against_its_published_schema(plan: Path) -> None:
    with open_plan(plan) as reader:
        document = json.loads("".join(iter_document(reader)))
        _validator().validate(document)
        _validator().validate(plan_document(reader))
        assert document["digest"] == reader.digest
        assert len(document["actions"]) == 7
        assert document["locations"][0] == {
            "id": 1,
            "kind": "s3",
            "url": "s3://from/images/",
            "connection": "backup",
            "endpoint": "https://s3.example.com",
            "region": "eu-central-1",
            "bucket": "from",
            "prefix": "images/",
            "follows": False,
            "has_short_stamps": False,
            "stays_on_device": False,
            "store": "unknown",
        }
        assert document["edges"] == [
            {"before": 1, "after": 2, "needs": "ended"},
            {"before": 2, "after": 3, "needs": "ended-well"},
        ]
        assert document["batches"][0]["digest"] == reader.batches[0].digest.hex()


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"version": 1}, {"digest": "short"}, {"phases": [{"id": 1}]}, {"actions": [{"key": "a"}]}],
)
def test_the_published_schema_refuses_what_is_no_plan_document(plan: Path, change: dict[str, Any]) -> None:
    with open_plan(plan) as reader:
        document = json.loads("".join(iter_document(reader))) | change
    with pytest.raises(jsonschema.ValidationError):
        _validator().validate(document)


def test_each_line_is_one_action_and_valid(plan: Path) -> None:
    schema = json.loads(document_schema.GENERATED_FILE.read_text(encoding="utf-8"))
    with open_plan(plan) as reader:
        lines = list(iter_action_lines(reader))
    assert len(lines) == 7
    for line in lines:
        assert line.isascii()
        assert line.index("\n") == len(line) - 1
        jsonschema.validate(json.loads(line), {"$defs": schema["$defs"], "$ref": "#/$defs/action"})
    assert json.loads(lines[0]) == {
        "job": "images",
        "phase": "copy",
        "batch": 1,
        "key": "a",
        "kind": "copy",
        "size_bytes": 7,
        "reason": "not at the destination",
        "source_pin": "0" * 32,
        "source_mtime_ms": 1_700_000_000_000,
    }


def test_keys_that_are_not_text_come_as_base64_and_all_keys_come_back(plan: Path) -> None:
    with open_plan(plan) as reader:
        lines = [json.loads(line) for line in iter_action_lines(reader, phases={ASIDE})]
    keys = [line["key"].encode() if "key" in line else b64decode(line["key_base64"]) for line in lines]
    assert keys == [action.key for action in _ODD]
    assert [b64decode(line.get("destination_key_base64", "")) for line in lines] == [b"", b"\xfe", b"\xff"]
    assert lines[0]["key"] == ""


def test_a_plan_without_actions_is_a_valid_document(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path)
    with open_plan(path) as reader:
        document = json.loads("".join(iter_document(reader)))
    _validator().validate(document)
    assert document["actions"] == []
