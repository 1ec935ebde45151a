"""The venvs of the independent servers: made once, by one process at a time, and with a reason where that fails."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from servers import installed as installation
from servers.installed import ServerUnavailable, installed


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Venvs below the test's own folder; `nothing` needs no package, `missing` one that no folder has."""
    monkeypatch.setattr(installation, "_PINS", tmp_path)
    monkeypatch.setattr(installation, "_FOLDER", tmp_path / "servers")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "nothing.txt").write_text("# no requirement\n", encoding="utf-8")
    (tmp_path / "missing.txt").write_text("no-such-server==1.0\n", encoding="utf-8")


def test_a_venv_is_made_once_however_many_ask_at_once() -> None:
    with ThreadPoolExecutor(4) as threads:
        pythons = list(threads.map(lambda _: installed("nothing"), range(4)))
    assert len(set(pythons)) == 1
    said = subprocess.run([pythons[0], "-c", "print('works')"], capture_output=True, text=True, check=True)
    assert said.stdout == "works\n"
    made_at = (pythons[0].parents[1] / "pyvenv.cfg").stat().st_mtime_ns
    assert installed("nothing") == pythons[0]
    assert (pythons[0].parents[1] / "pyvenv.cfg").stat().st_mtime_ns == made_at


def test_other_pins_make_the_venv_anew(tmp_path: Path) -> None:
    python = installed("nothing")
    left = python.parents[1] / "left-behind"
    left.touch()
    (tmp_path / "nothing.txt").write_text("# still no requirement\n", encoding="utf-8")
    assert installed("nothing") == python
    assert not left.exists()


def test_what_cannot_be_installed_is_named_and_tried_once_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerUnavailable, match="no-such-server"):
        installed("missing")
    (tmp_path / "missing.txt").write_text("# it could be had now\n", encoding="utf-8")
    with pytest.raises(ServerUnavailable, match="no-such-server"):
        installed("missing")
    monkeypatch.setattr(installation, "_RUN", "another run")
    assert installed("missing").exists()


def test_a_folder_that_cannot_be_made_is_a_reason_too(tmp_path: Path) -> None:
    (tmp_path / "servers").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ServerUnavailable, match="cannot be written"):
        installed("nothing")
