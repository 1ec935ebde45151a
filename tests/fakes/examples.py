"""The examples as tests run them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fakes.checkout import ROOT
from fakes.command import Command, Ended
from fakes.s3server import ServerProcess

EXAMPLES = ROOT / "examples"
MIB = 2**20


class Example:
    """One example's manifest in a folder of its own, and the command to run on it."""

    def __init__(self, name: str, *, folder: Path, server: ServerProcess, **variables: str) -> None:
        self._manifest = Path(shutil.copy(EXAMPLES / name / "job.yaml", folder))
        self._command = Command(folder, {**server.environment(), **variables})

    def lead_to(self, endpoint: str, *, instead_of: str) -> None:
        """Have a connection of the manifest lead to a server of ours."""
        text = self._manifest.read_text()
        assert instead_of in text
        self._manifest.write_text(text.replace(instead_of, endpoint))

    def without(self, line: str) -> None:
        """Take one line out of the manifest."""
        lines = self._manifest.read_text().splitlines(keepends=True)
        left = [each for each in lines if not each.startswith(line)]
        assert len(left) == len(lines) - 1
        self._manifest.write_text("".join(left))

    def run(self, *words: str, exit_code: int = 0) -> Ended:
        """Run `s3plan WORDS --json` where the manifest lies."""
        ended = self._command.run(*words, "--json")
        assert ended.exit_code == exit_code, ended.output
        return ended

    def plan(self, *words: str, exit_code: int = 0) -> dict[str, Any]:
        """Plan and return what was planned."""
        return self.run("plan", "job.yaml", *words, exit_code=exit_code).event("plan")

    def plan_and_apply(self, *words: str) -> dict[str, Any]:
        """Plan, apply exactly that plan, see that a new plan has nothing to do; return the first plan."""
        made = self.plan(*words)
        assert self.run("apply", "--expect", made["digest"]).event("run-ended")["state"] == "completed"
        again = self.plan("--detailed-exitcode")
        assert again["header"]["actions"] == 0
        return made


def totals(made: dict[str, Any]) -> dict[str, int]:
    """Objects of a plan by kind."""
    found: dict[str, int] = {}
    for total in (total for job in made["header"]["jobs"] for total in job["totals"]):
        found[total["kind"]] = found.get(total["kind"], 0) + total["objects"]
    return found


def rows(client: Any, bucket: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])


def contents(client: Any, bucket: str, *, below: str = "") -> dict[str, tuple[str, int]]:
    """ETag and size of every object by key, as boto3 lists them."""
    return {row["Key"]: (row["ETag"], row["Size"]) for row in rows(client, bucket) if row["Key"].startswith(below)}


def at(year: int, month: int = 6) -> float:
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def numbered(form: str, numbers: Sequence[int]) -> list[str]:
    return [form.format(number) for number in numbers]
