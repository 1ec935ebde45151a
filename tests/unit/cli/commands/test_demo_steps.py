from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from s3plan.app.demo import manifest_text
from s3plan.app.plans.validation import validate
from s3plan.cli.commands.demo import is_half_way
from s3plan.cli.main import main
from s3plan.schemas.extras import install_command


def test_half_way_is_read_from_whole_lines_only(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    assert not is_half_way(events)
    events.write_text('{"event": "version"}\n{"event": "progress", "settled": 4, "actions": 10}\n{"event": "prog')
    assert not is_half_way(events)
    events.write_text('{"event": "progress", "settled": 5, "actions": 10}\n')
    assert is_half_way(events)


def test_the_demo_has_a_sound_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "job.yaml"
    manifest.write_text(manifest_text("http://127.0.0.1:5000"))
    assert validate(manifest).remarks == ()


def test_without_moto_the_demo_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("s3plan.app.demo.find_spec", lambda _: None)
    assert main(["demo", "--keep", str(tmp_path / "demo")]) == 1
    assert capsys.readouterr().err == f"s3plan: error: the demo needs moto's S3 server: {install_command('demo')}\n"


def test_a_folder_that_is_there_is_not_used(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "s3plan", "demo", "--keep", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 64
    assert "it is there already" in done.stderr


@pytest.mark.slow
def test_the_demo_makes_the_whole_journey(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "s3plan", "demo", "--keep", str(tmp_path / "demo")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    words = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert words == [
        "$ s3plan validate job.yaml",
        "$ s3plan plan job.yaml",
        "$ s3plan show --list --kind delete",
        "$ s3plan apply --yes --json-into events.ndjson",
        "$ s3plan status",
        "$ s3plan apply --yes",
        "$ s3plan plan job.yaml",
        "$ s3plan plan restore.yaml",
        "$ s3plan apply .s3plan/photos-back.s3plan --yes",
        "$ s3plan plan restore.yaml",
    ]
    assert "Plan: 528 to copy, 12 to overwrite, 5 to delete" in done.stdout
    assert "Interrupted: " in done.stdout
    assert done.stdout.count("Nothing to do: 600 objects are as planned.") == 2
    assert "What came down has the same files, with the same bytes, as what went up." in done.stdout
    assert (tmp_path / "demo" / "job.yaml").exists()
