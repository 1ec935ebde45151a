"""Places where something usual is missing: a home, a locale, a cache, a reader of what is printed. The work is done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from fakes.workplace import MIRROR, Workplace, engine, place

__all__ = ["engine", "place"]

ODD_KEYS = ("caf\u00e9", "\U0001f600", "\u202eevil", "new\nline")
Environment = dict[str, str]


def without_home(environment: Environment, folder: Path) -> None:
    for name in ("HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)


def a_home_that_is_not_there(environment: Environment, folder: Path) -> None:
    environment |= {"HOME": str(folder / "nowhere"), "XDG_CACHE_HOME": str(folder / "nowhere" / "cache")}


def a_cache_that_is_a_file(environment: Environment, folder: Path) -> None:
    (folder / "cache").write_text("no folder")
    environment["XDG_CACHE_HOME"] = str(folder / "cache")


def a_locale_of_ascii(environment: Environment, folder: Path) -> None:
    environment |= {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def a_locale_that_is_not_installed(environment: Environment, folder: Path) -> None:
    environment |= {"LC_ALL": "xx_XX.ISO-8859-15", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def a_folder_for_temporary_files_that_is_not_there(environment: Environment, folder: Path) -> None:
    environment["TMPDIR"] = str(folder / "nowhere")


ODD: Mapping[str, Callable[[Environment, Path], None]] = {
    change.__name__.replace("_", "-"): change
    for change in (
        without_home,
        a_home_that_is_not_there,
        a_cache_that_is_a_file,
        a_locale_of_ascii,
        a_locale_that_is_not_installed,
        a_folder_for_temporary_files_that_is_not_there,
    )
}


def run(place: Workplace, environment: Environment, *words: str | Path, stdout: int = subprocess.PIPE) -> int:
    """Run the command so, without a terminal, and return its exit code; no traceback, whatever happens."""
    ended = subprocess.run(
        [sys.executable, "-m", "s3plan", *map(str, words)],
        cwd=place.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    said = ended.stderr + (ended.stdout or b"")
    assert b"Traceback" not in said, said.decode(errors="replace")
    assert b"internal error" not in said, said.decode(errors="replace")
    return ended.returncode


@pytest.mark.sampled(2)
@pytest.mark.parametrize("odd", ODD)
def test_a_plan_is_made_and_applied(place: Workplace, odd: str, tmp_path: Path) -> None:
    place.seed("source", *ODD_KEYS, size_bytes=10)
    place.seed("destination", "old", size_bytes=10)
    path = place.manifest(**MIRROR, guards={"max_delete": "100%"})
    environment = place.command.environment
    ODD[odd](environment, tmp_path)
    assert run(place, environment, "plan", path) == 0
    assert run(place, environment, "show", place.plan_file) == 0
    assert run(place, environment, "apply", place.plan_file, "--yes") == 0
    assert place.keys("destination") == set(ODD_KEYS)
    assert set(place.writes().values()) == {1}


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["for-people", "json"])
def test_nobody_reads_what_an_apply_prints(place: Workplace, more: tuple[str, ...]) -> None:
    """As in `s3plan apply | head -1`; what is done is done, and the journal knows."""
    place.seed("source", count=300, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        run(place, place.command.environment, "apply", place.plan_file, "--yes", *more, stdout=write_end)
    finally:
        os.close(write_end)
    assert place.apply().exit_code == 0
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}
