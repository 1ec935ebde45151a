from __future__ import annotations

import json
from pathlib import Path

import pytest
from s3plan.schemas.extras import command_from, install_command


def test_from_an_index_it_is_the_name() -> None:
    assert command_from(None, extra="demo") == "pip install 's3plan[demo]'"


def test_from_a_checkout_it_is_the_checkout(tmp_path: Path) -> None:
    folder = tmp_path / "my check-out"
    folder.mkdir()
    noted = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    assert command_from(json.dumps(noted), extra="demo") == f"pip install -e '{folder}[demo]'"
    noted = {"url": folder.as_uri(), "dir_info": {}}
    assert command_from(json.dumps(noted), extra="dask") == f"pip install '{folder}[dask]'"


@pytest.mark.parametrize(
    "noted",
    [
        "{",
        "[]",
        '{"url": 3}',
        '{"url": "https://host.example/s3plan.git"}',
        '{"url": "file:///not/there", "dir_info": 1}',
    ],
)
def test_what_says_nothing_that_is_still_there_is_no_place(noted: str) -> None:
    assert command_from(noted, extra="demo") == "pip install 's3plan[demo]'"


def test_this_installation_has_a_command() -> None:
    assert install_command("demo").endswith("[demo]'")


def test_what_setuptools_leaves_in_a_checkout_does_not_hide_how_it_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = install_command("demo")
    left = tmp_path / "s3plan.egg-info"
    left.mkdir()
    (left / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: s3plan\nVersion: 0.1.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert install_command("demo") == expected
