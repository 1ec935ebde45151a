"""`s3plan demo`: the real commands, one after the other, each printed as a user would type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from rich.text import Text
from s3plan.app.demo import CHANGED, DEMO_MANIFEST, EXTRA, FILES, RESTORE_MANIFEST, DemoWorld, is_restored, open_world
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.screens.wording import command_text, path_text
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.errors import ExitCode, S3PlanError, UsageInvalid

_EVENTS_NAME = "events.ndjson"
_RESTORE_PLAN = ".s3plan/photos-back.s3plan"
_LOOK_EVERY_S = 0.05


def show_demo(*, keep: Path | None, no_color: bool) -> int:
    """Run the whole journey; raise S3PlanError where a step does not end as it should."""
    terminal = open_terminal(no_color=no_color)
    began_s = monotonic()
    with ending_at_once(), _folder(keep) as folder:
        _say(terminal, f"Starting an S3 server on loopback, and making a folder of {FILES:,} small files ...")
        with open_world(folder) as world:
            _say(
                terminal,
                f"Its backup is out of date: {CHANGED} objects are older, {EXTRA} are of files that are gone.",
                "This server ignores conditions on some writes, so s3plan checks those pins itself: it looks, "
                "compares, then acts. A store that enforces them refuses such a write by itself.",
            )
            _journey(_Steps(world, terminal))
            if not is_restored(world.folder):
                raise S3PlanError("the demo ends here: what came down is not what went up")
            _say(terminal, "What came down has the same files, with the same bytes, as what went up.")
        _say(terminal, f"That was the whole journey, in {monotonic() - began_s:.0f} s.")
        if keep is not None:
            _say(terminal, f"Manifest, plan and journal are in {path_text(folder)}; the server is gone.")
    return ExitCode.DONE


def _journey(steps: _Steps) -> None:
    steps.run("Is the manifest sound?", "validate", DEMO_MANIFEST)
    steps.run("What would be done? Nothing is changed yet.", "plan", DEMO_MANIFEST)
    steps.run("Deletes deserve a closer look.", "show", "--list", "--kind", "delete")
    if steps.run_and_interrupt(
        "The folder goes up. Press Ctrl-C half-way.", "apply", "--yes", "--json-into", _EVENTS_NAME
    ):
        steps.run("Where does it stand?", "status")
        steps.run("The same command goes on.", "apply", "--yes")
    steps.run("Plan again: both sides are as planned.", "plan", DEMO_MANIFEST)
    steps.run("And back, into another folder.", "plan", RESTORE_MANIFEST)
    steps.run("It comes down: each file whole and on disk, or not at all.", "apply", _RESTORE_PLAN, "--yes")
    steps.run("Again nothing is left to do.", "plan", RESTORE_MANIFEST)


class _Steps:
    """Runs commands in the demo's world."""

    def __init__(self, world: DemoWorld, terminal: Terminal) -> None:
        self._world = world
        self._terminal = terminal

    def run(self, title: str, *words: str) -> None:
        """Run one command to its end; raise S3PlanError unless it ends well."""
        with self._start(title, words) as process:
            self._check(process.wait(), words, ExitCode.DONE)

    def run_and_interrupt(self, title: str, *words: str) -> bool:
        """Run a command and interrupt it when half of its actions have ended; return whether it was interrupted."""
        with self._start(title, words) as process:
            events = self._world.folder / _EVENTS_NAME
            while process.poll() is None and not is_half_way(events):
                sleep(_LOOK_EVERY_S)
            if process.poll() is None:
                # A job in a shell's background ignores SIGINT, and so do its children.
                is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                process.send_signal(signal.SIGTERM if is_ignored else signal.SIGINT)
            code = process.wait()
        self._check(code, words, ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERMINATED)
        return code != ExitCode.DONE

    @contextmanager
    def _start(self, title: str, words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        _say(self._terminal, f"# {title}")
        self._terminal.print([Text(f"$ {command_text('s3plan', *words)}", style="bold")])
        process = subprocess.Popen(  # noqa: S603 - this very command
            [sys.executable, "-m", "s3plan", *words],
            cwd=self._world.folder,
            env=os.environ | dict(self._world.environment),
            stdin=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _check(self, code: int, words: Sequence[str], *expected: ExitCode) -> None:
        if code not in expected:
            raise S3PlanError(f"the demo ends here: `{command_text('s3plan', *words)}` ended with {code}")


def is_half_way(events: Path) -> bool:
    """Say whether the last whole line of events tells that half of the actions have ended."""
    try:
        lines = events.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return False
    told = [json.loads(line) for line in lines[-3:] if line.endswith(b"\n")]
    return any(event["event"] == "progress" and 2 * event["settled"] >= event["actions"] for event in told)


def _say(terminal: Terminal, *lines: str) -> None:
    terminal.print([Text(), *(Text(line, style="cyan") for line in lines)])


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="s3plan-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageInvalid(f"--keep {keep}: it is there already; name a new folder") from error
    yield keep.resolve()
