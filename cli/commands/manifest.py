"""`s3plan validate` and `s3plan schema`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from s3plan.app.plans.validation import ValidManifest, validate
from s3plan.cli.commands.plan import named_manifests
from s3plan.cli.failure_exit import report_failure
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import path_text
from s3plan.schemas.errors import ExitCode, ManifestInvalid
from s3plan.schemas.manifest.schema import generated_text
from s3plan.schemas.printable import escape_unprintable


def print_schema() -> int:
    """Print the manifest's JSON Schema."""
    sys.stdout.write(generated_text())
    return ExitCode.DONE


def validate_all(manifests: Sequence[Path], *, no_color: bool) -> int:
    """Say of each manifest whether it can be planned; all findings of all of them."""
    terminal = open_terminal(no_color=no_color)
    code = ExitCode.DONE
    for path in named_manifests(manifests):
        try:
            loaded = validate(path)
        except ManifestInvalid as error:
            code = ExitCode(report_failure(error))
            continue
        terminal.say(map(Text, loaded.remarks))
        terminal.print([_valid_line(loaded)])
    return code


def _valid_line(loaded: ValidManifest) -> Text:
    manifest = loaded.manifest
    jobs = [
        f"{name} ({job.mode.value}), {' to '.join(str(place.url) for place in job.places)}"
        for name, job in manifest.jobs.items()
    ]
    text = jobs[0] if len(jobs) == 1 else f"{manifest.name}, {len(jobs)} jobs: {'; '.join(jobs)}"
    return Text.assemble(f"{path_text(loaded.path)}: ", ("valid", "green"), f": {escape_unprintable(text)}")
