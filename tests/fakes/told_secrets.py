"""What a run tells, by where, and that no secret stands in it in any spelling."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

# Many commands in one process: what they print is what counts.
COMMANDS = """
import sys
from s3plan.cli.main import main
for words in sys.argv[1:]:
    code = main(words.split())
    print(f"ENDED {words}: {code}", flush=True)
"""


def codes_of(output: str) -> dict[str, str]:
    """Return how each of the commands has ended, by its words."""
    lines = output.splitlines()
    return dict(line.removeprefix("ENDED ").rsplit(": ", 1) for line in lines if line.startswith("ENDED "))


def written_below(folder: Path, *, but: Collection[str]) -> dict[str, str]:
    """Every file that a run has left, as text, by its path; without those of the names that hold the secrets."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return {str(path.relative_to(folder)): path.read_bytes().decode("latin-1") for path in files}


def assert_absent(forms: Iterable[str], told: Mapping[str, str]) -> None:
    """Fail where a spelling of a secret stands, and say where."""
    every = tuple(forms)
    for where, text in told.items():
        for form in every:
            at = text.find(form)
            assert at < 0, f"{where}: ...{text[max(at - 200, 0) : at + 40]!r}"
