"""Every example is there and sound; what it does is said by the files beside this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.command import Command
from fakes.examples import EXAMPLES
from s3plan.schemas.manifest.schema import GENERATED_FILE


def test_every_example_has_a_manifest_and_a_readme() -> None:
    folders = {path.name: path for path in EXAMPLES.iterdir() if path.is_dir()}
    files = {name: sorted(path.name for path in folder.iterdir() if path.is_file()) for name, folder in folders.items()}

    assert sorted(files) == [
        "assets-then-pages",
        "back-up-a-folder",
        "copy-across-regions",
        "copy-to-another-account",
        "expire-old-logs",
        "filters",
        "mirror-with-guards",
        "move-finished-exports",
        "publish-a-site",
        "restore-a-folder",
        "s3-to-r2",
        "set-cache-headers",
    ]
    assert set(map(tuple, files.values())) == {("README.md", "job.yaml")}


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/job.yaml")))
def test_an_example_is_valid_as_it_lies_in_the_repository(name: str, tmp_path: Path) -> None:
    ended = Command(tmp_path, {}).run("validate", EXAMPLES / name / "job.yaml")

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ": valid: " in ended.stdout


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/job.yaml")))
def test_an_example_names_the_schema_that_completes_it(name: str) -> None:
    first_line = (EXAMPLES / name / "job.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = first_line.removeprefix("# yaml-language-server: $schema=")

    assert (EXAMPLES / name / schema).resolve() == GENERATED_FILE.resolve()
