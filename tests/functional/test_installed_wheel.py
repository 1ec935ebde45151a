"""What people install: the sdist and the wheel built from it, in a venv that knows nothing of this checkout's code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from fakes.checkout import ROOT, code_files, files_below, is_left_behind, package_of, project_file

ONLY_IN_A_CLONE = (".ci/", ".typing/", ".gitignore")
_TIMEOUT_S = 300


def run(*words: str | Path, folder: Path) -> str:
    """Run a command to its good end; return what it printed."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist of a copy of this checkout and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "checkout"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=_ignored)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy, folder=folder)
    return folder


def _ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if is_left_behind(name) or (Path(folder) / name / "pyvenv.cfg").exists()}


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new venv with the wheel in it.

    What s3plan depends on is taken from the venv of this test run, by a path that comes after the new venv's own. That
    makes it quick and free of the network, and leaves the editable s3plan behind: it is found by a hook of that venv,
    not by its path.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel, folder=folder)
    site_packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    Path(site_packages, "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


def test_the_wheel_holds_every_file_of_the_code_folders_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == {f"{package_of(path.parent).replace('.', '/')}/{path.name}" for path in code_files()}


def test_the_sdist_holds_every_file_that_the_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {path.relative_to(ROOT).as_posix() for path in files_below(ROOT)}

    assert [name for name in sorted(wanted - names) if not name.startswith(ONLY_IN_A_CLONE)] == []


def test_the_installed_command_and_the_module_tell_the_version(python: Path, tmp_path: Path) -> None:
    version = project_file()["project"]["version"]

    assert version in run(python, "-m", "s3plan", "--version", folder=tmp_path)
    assert version in run(python.parent / "s3plan", "--version", folder=tmp_path)


def test_in_the_repository_root_the_installed_package_is_the_one_that_runs(python: Path) -> None:
    where = run(python, "-c", "import s3plan.planner; print(s3plan.planner.__file__)", folder=ROOT)

    assert Path(where.strip()).is_relative_to(python.parents[1])
    assert project_file()["project"]["version"] in run(python, "-m", "s3plan", "--version", folder=ROOT)


def test_tests_run_from_the_repository_root_find_every_module_and_data_file_in_the_wheel(python: Path) -> None:
    tests = "tests/unit/test_packaging.py"
    chosen = [f"{tests}::test_every_module_can_be_imported", f"{tests}::test_every_data_file_can_be_read_as_a_resource"]

    assert "2 passed" in run(python, "-m", "pytest", "-p", "no:cacheprovider", *chosen, folder=ROOT)
