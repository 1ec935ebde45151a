"""The documents against the code: links lead somewhere, keys and defaults are the model's, examples are valid."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from fakes.checkout import ROOT, code_folders
from fakes.plan_parts import the_job
from s3plan.planner.manifest.connections.own_connections import OwnConnections, parse_connections
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.schemas.errors import ExitCode, ManifestInvalid
from s3plan.schemas.events import Event
from s3plan.schemas.manifest.schema import manifest_schema
from s3plan.schemas.manifest.values import Section

README = ROOT / "README.md"
DOCS = ROOT / "docs"
MANIFEST_DOC = DOCS / "manifest.md"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")],
)
STAND_INS = {
    "version": "version: 1",
    "name": "name: example",
    "source": "source: s3://one-bucket/a/",
    "destination": "destination: s3://two-bucket/a/",
}
_NEEDED_OF_ONE = frozenset({"source", "destination"})  # of one job; of several, each says them or its defaults do
_OF_JOBS = ("jobs", "defaults")  # they have the keys of a job again
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(path: Path, language: str) -> list[str]:
    return [body for found, body in _FENCE.findall(path.read_text(encoding="utf-8")) if found == language]


def prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that a host of Markdown gives to headings."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Head and rows of each table."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in _lines(block)]
        yield head, rows


def _lines(block: str) -> list[str]:
    return [line.replace("| |", "|  |") for line in block.splitlines()]


def tables_with(path: Path, *head: str) -> list[list[str]]:
    return [row for found, rows in tables(prose(path)) if tuple(found) == head for row in rows]


def whole(fragment: str) -> str:
    """A manifest of the fragment's keys, with stand-ins for those that every manifest needs."""
    written = set(re.findall(r"^([a-z_]+):", fragment, re.MULTILINE))
    has_places = written & {"jobs", "location"}
    needed = {key: line for key, line in STAND_INS.items() if not has_places or key in {"version", "name"}}
    return "\n".join([*(line for key, line in needed.items() if key not in written), fragment, ""])


def judge(fragment: str, *, own: OwnConnections | None = None) -> None:
    """Raise ManifestInvalid unless the fragment can be planned."""
    resolve_jobs(parse_manifest(whole(fragment).encode(), path=Path("job.yaml"), own=own).manifest)


def refusal_of(fragment: str) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        judge(fragment)
    return str(caught.value)


def sections() -> Iterator[type[Section]]:
    pending: list[type[Section]] = [Section]
    while pending:
        found = pending.pop().__subclasses__()
        yield from found
        pending += found


@cache
def model_keys() -> Mapping[str, tuple[dict[str, Any], bool]]:
    """Every key of the manifest by its path: its schema and whether it is required."""
    schema = manifest_schema()
    of_entry = schema["$defs"]["JobEntry"]["properties"]["depends_on"]
    return dict(_keys(schema, schema["$defs"], "")) | {"jobs.NAME.depends_on": (of_entry, False)}


def _keys(node: dict[str, Any], defs: dict[str, Any], above: str) -> Iterator[tuple[str, tuple[dict[str, Any], bool]]]:
    for name, spec in node["properties"].items():
        yield above + name, (spec, name in node.get("required", ()) or name in _NEEDED_OF_ONE)
        if not above and name in _OF_JOBS:
            continue
        section = _section(spec, defs)
        if section is not None:
            yield from _keys(section, defs, f"{above}{name}.")
        for each in (spec if "patternProperties" in spec else {}).get("patternProperties", {}).values():
            if "$ref" in each:
                yield from _keys(defs[each["$ref"].rpartition("/")[2]], defs, f"{above}{name}.NAME.")


def _section(spec: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any] | None:
    found = re.findall(r"#/\$defs/(\w+)", str(spec.get("$ref", "")) + str(spec.get("anyOf", "")))
    sections_found = [defs[name] for name in found if "properties" in defs[name]]
    return sections_found[0] if sections_found else None


def _words(spec: dict[str, Any]) -> list[str]:
    if "enum" in spec:
        return [str(word) for word in spec["enum"]]
    if spec.get("type") == "boolean":
        return ["true", "false"]
    return _words(spec["anyOf"][0]) if "anyOf" in spec else []


@cache
def documented_keys() -> Mapping[str, tuple[str, str]]:
    """Value and default of every key as docs/manifest.md has them."""
    found: dict[str, tuple[str, str]] = {}
    for keys, value, default, _ in tables_with(MANIFEST_DOC, "key", "value", "default", "meaning"):
        for key in _SPAN.findall(keys):
            assert key not in found, f"{key} is documented twice"
            found[key] = (value, default)
    return found


def test_every_link_between_documents_leads_to_a_file_and_a_heading_that_exist() -> None:
    lost = []
    for path in DOCUMENTS:
        for target in _LINK.findall(prose(path)):
            if re.match(r"[a-z]+:", target):
                continue
            place, _, anchor = target.partition("#")
            file = (path.parent / place).resolve() if place else path
            if not file.exists() or (anchor and anchor not in anchors(file)):
                lost.append(f"{named(path)}: {target}")

    assert lost == []


def test_no_document_names_a_path_of_somebodys_machine() -> None:
    text = {named(path): path.read_text(encoding="utf-8") for path in DOCUMENTS}

    assert [name for name, body in text.items() if re.search(r"(?<![\w.])/(home|root|Users|work|tmp)/", body)] == []


def test_the_manifest_document_has_every_key_of_the_model_and_no_other() -> None:
    assert sorted(documented_keys()) == sorted(model_keys())


def test_the_manifest_document_has_the_defaults_of_the_model() -> None:
    wrong = {}
    for key, (spec, is_required) in model_keys().items():
        default = documented_keys()[key][1]
        if is_required:
            expected = "required"
        elif "default" in spec:
            made = spec["default"]
            expected = f"`{str(made).lower() if isinstance(made, bool) else made}`"
        else:
            expected = "none"
        if not default.startswith(expected) and not (expected == "none" and "`" not in default):
            wrong[key] = f"{default}, the model has {expected}"

    assert wrong == {}


def test_the_manifest_document_has_the_defaults_that_a_mirror_adds() -> None:
    text = whole("mode: mirror\ndelete: {extraneous: true}").encode()
    manifest = the_job(parse_manifest(text, path=Path("job.yaml")).manifest).guards_in_force()

    assert documented_keys()["guards.max_delete"][1] == f"none (mirror: `{manifest.max_delete}`)"
    assert (
        documented_keys()["guards.refuse_empty_source"][1]
        == f"none (mirror: `{str(manifest.refuse_empty_source).lower()}`)"
    )


def test_the_manifest_document_has_every_word_that_a_key_may_take() -> None:
    text = prose(MANIFEST_DOC)
    missing = {
        f"{key}: {word}"
        for key, (spec, _) in model_keys().items()
        for word in _words(spec)
        if f"`{word}`" not in documented_keys()[key][0] and not (word.isupper() and f"`{word}`" in text)
    }

    assert missing == {"delete.extraneous: false"}  # the model knows the word to refuse it with a reason


def test_what_the_manifest_document_shows_as_refused_is_refused_with_that_message() -> None:
    rows = tables_with(MANIFEST_DOC, "written", "message", "why")
    wrong = {}
    for written, message, *_ in rows:
        said = refusal_of("\n".join(_SPAN.findall(written)))
        if message not in said:
            wrong[written] = said

    assert wrong == {}
    assert len(rows) > 40


def test_what_the_manifest_document_promises_for_later_is_refused_as_not_there_yet() -> None:
    rows = tables_with(MANIFEST_DOC, "written", "what it will be")
    wrong = [
        fragment
        for written, _ in rows
        for fragment in _SPAN.findall(written)
        if "not there yet" not in refusal_of(fragment)
    ]

    assert wrong == []


def test_the_manifest_document_names_every_word_that_is_known_but_not_there_yet() -> None:
    _, later = prose(MANIFEST_DOC).split("## Not yet")
    words = {word for section in sections() for word in section.later_words}

    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", later)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_manifest_and_part_of_one_in_a_document_is_valid(path: Path) -> None:
    """Those that begin with the name of the user's own file are one, and what follows may name its connections."""
    own: OwnConnections | None = None
    for fragment in fences(path, "yaml"):
        if fragment.startswith("# connections.yaml\n"):
            own = parse_connections(fragment.encode(), path=Path("connections.yaml"))
        else:
            judge(fragment, own=own)


def test_the_readme_shows_a_manifest_of_twelve_lines() -> None:
    first = fences(README, "yaml")[0]

    assert len(first.splitlines()) == 12
    assert first.startswith("version: 1\n")


def test_every_exit_code_stands_in_the_readme() -> None:
    rows = [row[0] for row in tables_with(README, "exit code", "meaning")]

    assert sorted(rows) == sorted(str(int(code)) for code in ExitCode)


def test_every_event_stands_in_the_readme() -> None:
    rows = [name for row in tables_with(README, "event", "when") for name in _SPAN.findall(row[0])]

    assert sorted(rows) == sorted(event.name for event in get_args(Event))


def test_the_readme_has_a_row_for_every_command_and_no_other() -> None:
    import typer
    from s3plan.cli.main import app

    commands: Mapping[str, object] = getattr(typer.main.get_command(app), "commands")  # noqa: B009
    rows = [_SPAN.findall(row[0])[0] for row in tables_with(README, "command", "what it does")]

    assert sorted(rows) == sorted(f"s3plan {name}" for name in commands)


def test_every_option_that_a_document_writes_after_a_command_exists() -> None:
    import typer
    from s3plan.cli.main import app

    group: Any = typer.main.get_command(app)
    options = {
        name: {
            option
            for each in (command, *getattr(command, "commands", {}).values())
            for parameter in each.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        for name, command in group.commands.items()
    }
    wrong = []
    for path in DOCUMENTS:
        for name, rest in re.findall(r"\bs3plan ([a-z]+)((?: [^\s`|#]+)*)", path.read_text(encoding="utf-8")):
            used = set(re.findall(r"(?<= )(--[a-z-]+|-[a-z])(?= |$)", rest))
            if name in options and used - options[name] - {"--help", "--version"}:
                wrong.append(f"{named(path)}: s3plan {name}{rest}")

    assert wrong == []


def test_every_module_that_a_document_names_exists() -> None:
    folders = "|".join(sorted({path.relative_to(ROOT).parts[0] for path in code_folders().values()}))
    lost = [
        f"{named(path)}: {name}"
        for path in DOCUMENTS
        for name in re.findall(rf"`((?:{folders}|tests)/[\w./-]+\.\w+)(?:::[\w.]+)?`", path.read_text(encoding="utf-8"))
        if not (ROOT / name).is_file()
    ]

    assert lost == []


def test_every_test_that_the_guarantees_name_exists() -> None:
    cited = re.findall(r"`(tests/[\w./-]+\.py)::(\w+)`", (DOCS / "guarantees.md").read_text(encoding="utf-8"))
    lost = [f"{file}::{test}" for file, test in cited if test not in _tests_of(ROOT / file)]

    assert lost == []
    assert len(cited) > 20


@cache
def _tests_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_documents_have_one_title_and_step_down_one_level_at_a_time() -> None:
    wrong = []
    for path in DOCUMENTS:
        levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(path), re.MULTILINE)]
        if levels.count(1) != 1 or any(after > before + 1 for before, after in pairwise(levels)):
            wrong.append(named(path))

    assert wrong == []
