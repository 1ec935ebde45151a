from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.text.yaml_document import ListNode, MappingNode, Node, ScalarNode, parse_yaml
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.schema import GENERATED_FILE, generated_text, manifest_schema
from s3plan.schemas.manifest.values import Section

SCHEMA = manifest_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SOUND = "version: 1\nname: job\nsource: s3://aaa/\ndestination: s3://bbb/\n"

LOADABLE = [
    SOUND,
    SOUND + "description: 5\nx-anything: [1, {a: ~}]\n",
    SOUND + "filters: {include: '*.jpg', exclude: [a/, 2024], extensions: [jpg, 7z, 001], x-why: because}\n",
    SOUND + "filters: {size: {min: 1KiB}, modified: {after: 2024-01-01, before: 2024-06-01T02:00:00.5+02:00}}\n",
    SOUND + "filters: {modified: {older_than: 30d, newer_than: 52w}, storage_class: [STANDARD, GLACIER]}\n",
    SOUND + "filters: {list: 5}\n",
    SOUND.replace("s3://bbb/", "{url: s3://bbb/, metadata: {drop: [5, x]}}"),
    SOUND + "mode: mirror\ndelete: {extraneous: true, when: all-done, unpinned: refuse}\n",
    SOUND + "overwrite: never\narchived: copy\n",
    SOUND + "compare: [etag, mtime, size]\n",
    SOUND + "guards: {max_delete: 0.5%, max_overwrite: 1204, max_bytes: 1.5TiB, refuse_empty_source: true}\n",
    SOUND + "guards: {max_delete: '12'}\n",
    SOUND + "run: {executor: processes, workers: 64, in_flight: 4096, bandwidth: 1.5MB/s, rate: 3000/s, retries: 0}\n",
    SOUND + "run: {max_failures: 0, multipart_threshold: 5MiB, part_size: 5GiB}\n",
    SOUND.replace("s3://aaa/", "{url: s3://aaa, prefix: 5, expected_bucket_owner: 012345678901}").replace(
        "job", "2024"
    ),
    SOUND.replace("s3://bbb/", "{url: s3://bbb/x, create: true, storage_class: STANDARD_IA}"),
    SOUND.replace("s3://bbb/", "{url: s3://bbb/ä b/, encryption: {type: aws:kms, key_id: 5, bucket_key: false}}"),
    SOUND.replace("s3://aaa/", "{url: s3://aaa/, connection: a}").replace(
        "s3://bbb/", "{url: s3://bbb, connection: b.2}"
    )
    + """connections:
  a: {endpoint: 'http://127.0.0.1:9000', profile: 5, region: eu-west-1}
  b.2: {endpoint: 'HTTP://localhost:9000/', env_prefix: B_, addressing_style: path, x-note: 1}
  x-c: 7
""",
]

# What an editor marks must be something that the loader refuses as well.
REFUSED_BY_BOTH = [
    "versoin: 1",
    "mode: sync",
    "mode: two-way",
    "overwrite: if_different",
    "compare: [md5]",
    "compare: []",
    "archived: restore",
    "filters: {includes: [a]}",
    "filters: {include: []}",
    "filters: {include: {a: b}}",
    "filters: {include: ['#x']}",
    "filters: {include: true}",
    "filters: {list: true}",
    "filters: {size: 10MB}",
    "filters: {size: {min: 10}}",
    "filters: {size: {min: '10'}}",
    "filters: {modified: {after: yesterday}}",
    "filters: {modified: {older_than: 30}}",
    "filters: {storage_class: standard}",
    "filters: {extensions: ['*.jpg']}",
    "delete: {when: soon}",
    "guards: {max_delete: lots}",
    "guards: {max_delete: -1}",
    "guards: {max_delete: 1.5}",
    "guards: {refuse_empty_source: NO}",
    "run: {executor: ray}",
    "run: {workers: 0}",
    "run: {workers: '8'}",
    "run: {workers: 8.5}",
    "run: {bandwidth: 100MiB}",
    "run: {retries: {attempts: 0}}",
    "run: {retries: {again: 3}}",
    "run: {verify: true}",
    "run: 5",
    "run: ~",
    "connections: [a]",
    "connections: {s: {secret_key: x}}",
    "connections: {s: {endpoint: ftp://x}}",
    "connections: {s: {endpoint: 'https://me:pw@x'}}",
    "connections: {s: {tls_verify: 'true'}}",
    "connections: {'a b': {}}",
    "connections: {s: {env_prefix: lower_}}",
    "defaults: {depends_on: a}",
    "jobs: {A: {}}",
    "jobs: {a: {run: {}}}",
    "name: ''",
    "password: x",
]


def as_an_editor_reads(text: str) -> Any:
    """Type plain scalars by YAML 1.2's core schema, as editors do."""
    root = parse_yaml(text)
    assert root is not None
    return json_of(root)


def json_of(node: Node) -> Any:
    match node:
        case MappingNode():
            return {key.text: json_of(value) for key, value in node.entries}
        case ListNode():
            return [json_of(item) for item in node.items]
        case ScalarNode():
            return core_value(node)


def core_value(node: ScalarNode) -> object:
    if not node.plain:
        return node.text
    if node.is_null:
        return None
    if node.text.lower() in {"true", "false"}:
        return node.text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", node.text):
        return int(node.text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", node.text):
        return float(node.text)
    return node.text


def loads(text: str) -> bool:
    try:
        parse_manifest(text.encode(), path=Path("job.yaml"))
    except ManifestInvalid:
        return False
    return True


def test_the_published_schema_is_what_the_models_give() -> None:
    assert GENERATED_FILE.read_text(encoding="utf-8") == generated_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", LOADABLE)
def test_what_loads_is_valid(text: str) -> None:
    assert loads(text)
    VALIDATOR.validate(as_an_editor_reads(text))


@pytest.mark.parametrize("line", REFUSED_BY_BOTH)
def test_what_the_schema_refuses_does_not_load(line: str) -> None:
    text = f"{SOUND}{line}\n"
    assert not VALIDATOR.is_valid(as_an_editor_reads(text))
    assert not loads(text)


SCALARS = st.sampled_from(
    [
        "true",
        "no",
        "5",
        "-1",
        "0.5",
        "10B",
        "1GiB",
        "12%",
        "30d",
        "3000/s",
        "1MB/s",
        "2024-01-31",
        "copy",
        "etag",
        "''",
        "'5'",
        "'true'",
        "s3://ccc/",
        "s3://x",
        "https://a.example",
        "text",
        "STANDARD",
        "serial",
        "all-done",
        "path",
    ],
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(
                ["min", "max", "after", "type", "url", "x-a", "extraneous", "when", "a", "include", "workers"]
            ),
            inner,
            max_size=2,
        ).map(lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"),
    ),
    max_leaves=4,
)


def fields(section: type[Section], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    from s3plan.planner.manifest.findings.problems import section_at

    for name in section.model_fields:
        yield (*path, name)
        inner = (*path, name, "store") if name == "connections" else (*path, name)
        found = section_at(inner, OneJobManifest)
        if found is not None:
            yield from fields(found, inner)


FIELDS = list(fields(OneJobManifest))


def manifest_with(path: tuple[str, ...], value: str) -> str:
    """Return a manifest in which the field has this value and everything that it needs is there."""
    written: dict[str, str] = {"version": "1", "name": "job", "source": "s3://aaa/", "destination": "s3://bbb/"}
    beside: dict[tuple[str, ...], str] = {("source",): "url: s3://aaa/, ", ("destination",): "url: s3://bbb/, "}
    for depth in range(len(path) - 1, 0, -1):
        sibling = beside.get(path[:depth], "") if path[depth] != "url" else ""
        value = f"{{{sibling}{path[depth]}: {value}}}"
    written[path[0]] = value
    return "".join(f"{key}: {item}\n" for key, item in written.items())


@given(st.sampled_from(FIELDS), VALUES)
def test_the_schema_is_never_stricter_than_the_loader(path: tuple[str, ...], value: str) -> None:
    text = manifest_with(path, value)
    if not VALIDATOR.is_valid(as_an_editor_reads(text)):
        assert not loads(text)


@pytest.mark.parametrize("value", ["true", "5", "-0.5", "[true]", "[5]"])
def test_no_text_without_quotes_is_refused_by_the_schema_alone(value: str) -> None:
    stricter = [
        path
        for path in FIELDS
        if not VALIDATOR.is_valid(as_an_editor_reads(text := manifest_with(path, value))) and loads(text)
    ]
    assert stricter == []


@pytest.mark.parametrize("path", FIELDS, ids=[".".join(path) for path in FIELDS])
@pytest.mark.parametrize(
    "value", ["[[]]", "{a: {}}", "{}", "''", "~", "true", "-1", "99999999999999999999", "'#'", "text", "é"]
)
def test_no_wording_of_pydantic_reaches_a_reader(path: tuple[str, ...], value: str) -> None:
    text = manifest_with(path, value)
    try:
        parse_manifest(text.encode(), path=Path("job.yaml"))
    except ManifestInvalid as error:
        rendered = str(error)
    else:
        return
    for foreign in (
        "Input should",
        "Extra inputs",
        "Field required",
        "is not valid here",
        "pydantic",
        "type=",
        "valid string",
    ):
        assert foreign not in rendered


def test_every_field_is_explained_to_an_editor() -> None:
    for section in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert section["additionalProperties"] is False
        assert section["patternProperties"]["^x-"] == {}
        for name, field in section["properties"].items():
            assert field["title"] == name
            assert field["description"].endswith(".")


def test_words_that_have_not_landed_are_not_offered() -> None:
    text = json.dumps(SCHEMA)
    for word in (
        "two-way",
        "ray",
        "website_redirect",
    ):
        assert f'"{word}"' not in text


def test_examples_and_defaults_are_valid_themselves() -> None:
    for section in [SCHEMA, *SCHEMA["$defs"].values()]:
        for field in section["properties"].values():
            validator = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **field})
            for value in [*field.get("examples", []), *([field["default"]] if "default" in field else [])]:
                validator.validate(value)
