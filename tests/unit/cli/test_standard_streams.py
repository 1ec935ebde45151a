"""A command that was started without a standard stream (`<&- >&- 2>&-`) is one whose output nobody reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_TELLS = """
import subprocess, sys
from s3plan.cli.standard_streams import open_missing_streams
open_missing_streams()
with open("opened", "w") as opened:
    print("printed"), print("complained", file=sys.stderr)
    child = "import sys; sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))"
    print(opened.fileno() > 2, sys.stdin.read() == "", subprocess.call([sys.executable, "-c", child]), file=opened)
"""


def ended(folder: Path, closes: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with some streams closed."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {closes}', "sh", sys.executable, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("closes", "stdout", "stderr"),
    [
        ("<&-", "printed\n", "complained\n"),
        (">&-", "", "complained\n"),
        ("2>&-", "printed\n", ""),
        ("<&- >&- 2>&-", "", ""),
    ],
)
def test_a_stream_that_is_missing_leads_nowhere(tmp_path: Path, closes: str, stdout: str, stderr: str) -> None:
    done = ended(tmp_path, closes, "-E", "-c", _TELLS)
    assert (done.returncode, done.stdout, done.stderr) == (0, stdout, stderr)
    assert (tmp_path / "opened").read_text() == "True True 0\n"


@pytest.mark.parametrize("closes", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_does_its_work_without_it(tmp_path: Path, closes: str) -> None:
    (tmp_path / "job.yaml").write_text("version: 1\nname: job\nsource: s3://left/\ndestination: s3://right/\n")
    done = ended(tmp_path, closes, "-m", "s3plan", "validate", "job.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("job.yaml: valid") is (">&-" not in closes.split())
