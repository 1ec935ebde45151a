"""The README's lines for CI, exactly as they stand there, under `bash -e`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.checkout import ROOT
from fakes.command import Ended
from fakes.workplace import Workplace

README = (ROOT / "README.md").read_text(encoding="utf-8")
PLANS, APPLIES = re.findall(r"^```bash\n(.*?)^```$", README.split("\nIn CI", 1)[1], re.MULTILINE | re.DOTALL)[:2]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")


def _in_ci(place: Workplace, lines: str, **variables: str) -> Ended:
    """Run lines as CI does: no terminal, the first command that fails ends them."""
    binaries = place.folder / "bin"
    binaries.mkdir(exist_ok=True)
    shim = binaries / "s3plan"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m s3plan "$@"\n')
    shim.chmod(0o755)
    environment = place.command.environment
    environment |= {"PATH": f"{binaries}:{environment['PATH']}", "CI": "true", **variables}
    done = subprocess.run(
        ["bash", "-e", "-c", lines],
        cwd=place.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _digest(folder: Path) -> str:
    return (folder / "digest.txt").read_text().strip()


def test_the_lines_plan_and_apply_what_was_approved_and_then_find_nothing_to_do(place: Workplace) -> None:
    place.seed("source", "a", "b", body="bytes")
    place.buckets("destination")
    place.manifest()
    planned = _in_ci(place, PLANS)
    assert planned.exit_code == 0, planned.output
    assert re.fullmatch("[0-9a-f]{64}", _digest(place.folder))
    assert place.keys("destination") == set()
    applied = _in_ci(place, APPLIES, APPROVED_DIGEST=_digest(place.folder))
    assert applied.exit_code == 0, applied.output
    assert place.keys("destination") == {"a", "b"}
    again = _in_ci(place, PLANS)
    assert again.exit_code == 0, again.output
    assert "nothing to do" in again.stdout
    assert not (place.folder / "digest.txt").exists()


def test_another_plan_than_the_approved_one_is_not_applied_and_a_bad_manifest_ends_the_lines(place: Workplace) -> None:
    place.seed("source", "a", body="bytes")
    place.buckets("destination")
    place.manifest()
    assert _in_ci(place, PLANS).exit_code == 0
    assert _in_ci(place, APPLIES, APPROVED_DIGEST="0" * 64).exit_code == 6
    (place.folder / "job.yaml").write_text("version: 2\n")
    assert _in_ci(place, PLANS).exit_code == 65
    assert place.keys("destination") == set()
