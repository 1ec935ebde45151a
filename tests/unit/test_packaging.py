"""The house rules that no linter holds: what is packaged, and how files are named and sized."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from fnmatch import fnmatch
from importlib import import_module, resources
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from fakes.checkout import (
    ROOT,
    code_files,
    code_folders,
    files_below,
    is_left_behind,
    layers,
    modules,
    package_of,
    project_file,
)

CODE_LINES = 350
TEST_LINES = 500
FOLDER_FILES = 21  # twenty and its __init__.py
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base"})
UNFINISHED = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
# Imported by name, installed by the distribution that they are a part of.
COMES_WITH = {"botocore": "boto3", "urllib3": "boto3", "pydantic-core": "pydantic", "dask": "distributed"}
NEEDED_UNSEEN = frozenset({"moto", "cryptography"})  # started as a process; imported by distributed for us
EXTRAS = ("crt", "dask", "demo")
TESTS_FOR_OTHERS = "executors/contract.py"  # imported by tests alone, and so may need pytest


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_code_folder_is_listed_as_a_package() -> None:
    packaging = project_file()["tool"]["setuptools"]

    assert sorted(packaging["packages"]) == sorted(code_folders())
    assert packaging["package-dir"] == {package: code_folders()[package].name for package in {"s3plan", *layers()}}


def test_every_folder_inside_a_code_folder_is_a_package_since_others_would_not_be_packaged() -> None:
    below = {path for layer in layers() for path in files_below(code_folders()[layer])}

    assert sorted(relative(path) for path in below - set(code_files())) == []


def test_no_folder_of_code_has_more_files_than_one_sees_at_a_look() -> None:
    crowded = {
        package: count
        for package, folder in code_folders().items()
        if (count := sum(path.is_file() for path in folder.iterdir() if not is_left_behind(path.name))) > FOLDER_FILES
    }

    assert crowded == {}


def test_every_data_file_in_a_code_folder_is_packaged_and_every_pattern_finds_one() -> None:
    patterns = project_file()["tool"]["setuptools"]["package-data"]
    unpackaged = [
        relative(path)
        for path in code_files()
        if path.suffix != ".py"
        and not any(fnmatch(path.name, pattern) for pattern in patterns.get(package_of(path.parent), ()))
    ]
    idle = [
        f"{package}: {pattern}"
        for package, each in patterns.items()
        for pattern in each
        if not list(code_folders()[package].glob(pattern))
    ]

    assert (unpackaged, idle) == ([], [])


def test_every_module_can_be_imported() -> None:
    for name in modules():
        import_module(name)


def test_every_data_file_can_be_read_as_a_resource() -> None:
    for path in code_files():
        if path.suffix != ".py":
            assert resources.files(package_of(path.parent)).joinpath(path.name).read_bytes() == path.read_bytes()


def test_the_declared_dependencies_are_those_that_are_imported() -> None:
    project = project_file()["project"]
    declared = {
        re.split(r"[^\w.-]", requirement)[0].lower()
        for group in [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS)]
        for requirement in group
    }
    distributions = packages_distributions()
    imported = {
        name: path
        for path in code_files()
        if path.suffix == ".py"
        for name in _imported(path) - ({"pytest"} if relative(path) == TESTS_FOR_OTHERS else set())
    }
    undeclared, used = {}, set()
    for name, path in imported.items():
        providers = {provider.lower().replace("_", "-") for provider in distributions.get(name, [name])}
        found = {COMES_WITH.get(provider, provider) for provider in providers} & declared
        used |= found
        if not found:
            undeclared[name] = relative(path)

    assert (undeclared, declared - used - NEEDED_UNSEEN) == ({}, set())


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"s3plan"}


def test_the_type_checkers_view_has_one_symlink_for_each_folder_and_each_public_file() -> None:
    if (ROOT / "PKG-INFO").exists():
        pytest.skip("an sdist has no .typing")
    tops = [code_folders()[package] for package in layers()]
    wanted = {folder.name: f"../../{folder.name}" for folder in tops}
    wanted |= {path.name: f"../../public/{path.name}" for path in files_below(ROOT / "public")}

    assert {path.name: str(path.readlink()) for path in files_below(ROOT / ".typing" / "s3plan")} == wanted


def test_the_import_contracts_and_the_import_ban_know_every_folder() -> None:
    tools = project_file()["tool"]
    contracts = {contract["name"]: contract for contract in tools["importlinter"]["contracts"]}
    one_way = contracts["imports go one way"]["layers"]
    kept_out = {
        "only storage talks to S3 libraries": "s3plan.storage",
        "only the command knows the terminal": "s3plan.cli",
        "only executors know of clusters": "s3plan.executors",
    }

    assert tools["importlinter"]["root_packages"] == ["s3plan"]
    assert {name for layer in one_way for name in layer.split(" | ")} == layers()
    for name, only in kept_out.items():
        assert set(contracts[name]["source_modules"]) == layers() - {only}
    banned = tools["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == {code_folders()[package].name for package in {"s3plan", *layers()}}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = {
        relative(path)
        for path in files_below(ROOT)
        for part in path.relative_to(ROOT).parts
        if VAGUE_NAMES & set(re.split(r"[^a-z]+", part.lower()))
    }

    assert vague == set()


def test_files_stay_short_enough_to_be_read_in_one_go() -> None:
    limits = [(path, CODE_LINES) for path in code_files()]
    limits += [(path, TEST_LINES) for path in files_below(ROOT / "tests")]
    long = {
        relative(path): f"{lines} lines, at most {limit}"
        for path, limit in limits
        if path.suffix == ".py" and (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    }

    assert long == {}


def test_nothing_is_left_unfinished() -> None:
    left = [
        f"{relative(path)}:{number}"
        for path in files_below(ROOT)
        if not path.is_symlink()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]

    assert left == []


def test_no_two_test_files_share_a_name() -> None:
    names = Counter(path.name for path in files_below(ROOT / "tests") if path.name.startswith("test_"))

    assert [name for name, times in names.items() if times > 1] == []
