"""Keys, and whatever else comes from outside, in every output of the command: nothing there moves a cursor.

What is checked are the bytes: text, line ends, and on a terminal the few sequences that colours and progress take.
"""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.odd_keys import ODD_KEYS
from fakes.s3server import Fault, FaultKind
from fakes.workplace import MIRROR, Workplace
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.planfile.reader import open_plan
from s3plan.schemas.engines import EngineUsed
from s3plan.schemas.outcomes import OutcomeKind
from unit.planfile.plan_samples import change, copies, deletes, header, skips, totals_of, write_plan

SCREAM = "\x1b[5;7m"  # blinking and inverted: nothing that s3plan ever shows
BIDI = "\u202e\u2066\u2069\u200f\u061c"
NASTY = f"{SCREAM}\x1b]8;;http://evil.example/\x07link\x1b]0;title\x07\x9b2J\x90\x7f\x85\r\b{BIDI}\u200b\ufeff\u2028[red]x[/red]"
KEYS = (
    *ODD_KEYS,
    NASTY,
    "\nPlan: 0 to copy, 0 to overwrite, 0 to delete (0 B).\n",
    "s3plan: error: all is well\r",
    "=cmd|'/c calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\uff1d1",
    "[link=http://evil.example]click[/link]",
    "[bold red]yes[/]",
    "[/]",
    ":boom:",
    "\x1b[2J\x1b[H",
    "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "\x1bP1$r\x1b\\",
    "\x1b[1A\x1b[2K",
    "\u202egpj.exe",
    "\U000e0001tag",
    "\ud7fc",
)
FAILING, STALE = "fails/", "stale/"
# What rich sends for the styles and the progress line that we have.
_OURS = re.compile(rb"\x1b\[(?:0|1|2|3[1-6]|1;3[1-6])?m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r(?=[\n\x1b])|\r")

COMMANDS = """
import json, sys
from s3plan.cli.main import main
for words in json.load(sys.stdin):
    print("\\nBEGUN", flush=True)
    code = main(words)
    print(f"\\nENDED {code}", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What one command wrote to standard output, and its exit code."""

    stdout: str
    exit_code: int

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.stdout)))


def assert_plain(data: bytes, *, where: str) -> str:
    """Text of printable characters and line ends, nothing else."""
    text = data.decode("utf-8")
    for line in text.split("\n"):
        assert line.isprintable(), f"{where}: {[c for c in line if not c.isprintable()]} in {line!r}"
    return text


def run_all(place: Workplace, commands: Sequence[Sequence[str]]) -> tuple[list[Said], str]:
    """Run one command after the other in one process; return what each said, and standard error. All of it is plain."""
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        cwd=place.folder,
        env={**place.command.environment, "S3PLAN_DEBUG": "1"},
        input=json.dumps(commands).encode(),
        capture_output=True,
        timeout=120,
        check=True,
    )
    stderr = assert_plain(ended.stderr, where="stderr")
    parts = assert_plain(ended.stdout, where="stdout").split("\nBEGUN\n")[1:]
    assert len(parts) == len(commands), stderr[-2000:]
    assert "internal error" not in stderr, stderr[-3000:]
    found = [part.rpartition("\nENDED ") for part in parts]
    return [Said(stdout, int(code)) for stdout, _, code in found], stderr


def run_words(place: Workplace, *commands: str) -> tuple[dict[str, Said], str]:
    """Do so with commands whose words have no spaces, and return what each said by the command."""
    said, stderr = run_all(place, [command.split() for command in commands])
    return dict(zip(commands, said, strict=True)), stderr


def hostile_job(place: Workplace) -> None:
    """A mirror of the keys: each is new, overwritten or to be deleted somewhere; some fail, some are stale."""
    place.seed(
        "source", *KEYS, *(f"{FAILING}{key}"[:200] for key in (NASTY, "=1")), *(f"{STALE}{NASTY}",), size_bytes=10
    )
    place.seed("destination", *(f"old/{key}"[:200] for key in KEYS), *KEYS[::3], size_bytes=9, modified_s=1)
    place.manifest(**MIRROR, guards={"max_delete": "100%"}, run={"workers": 2})


def spoil(place: Workplace) -> None:
    place.seed("source", f"{STALE}{NASTY}", body="changed since")
    place.server.faults(
        [Fault(kind=FaultKind.ACCESS_DENIED, operation="CopyObject", bucket="destination", prefix=FAILING, times=None)]
    )


def test_no_output_of_a_command_holds_more_than_text(place: Workplace) -> None:
    hostile_job(place)
    run_words(place, "validate job.yaml", "plan job.yaml --probe --json-into plan.ndjson")
    spoil(place)
    said, stderr = run_words(
        place,
        "show",
        "show --list",
        "show --csv",
        "show --json",
        "graph",
        "graph --format dot",
        "apply --yes --json-into apply.ndjson",
        "apply --yes --json",
        "status",
        "status --json",
        "failures",
        "failures --csv",
        "failures --json",
    )
    assert {words for words, one in said.items() if one.exit_code} == {
        "apply --yes --json-into apply.ndjson",
        "apply --yes --json",
    }
    assert "\\x1b[5;7m" in said["show --list"].stdout
    assert "[bold red]yes[/]" in said["show --list"].stdout
    assert "\\x1b[5;7m" in said["failures"].stdout
    assert "failed: copy fails/\\x1b[5;7m" in stderr
    for words in ("show --csv", "failures --csv"):
        cells = [str(cell).lstrip() for row in said[words].rows for cell in row.values()]
        assert len(cells) > 10
        assert not any(cell.startswith(("=", "+", "-", "@", "\uff1d")) for cell in cells)
    keys = {action["key"] for action in json.loads(said["show --json"].stdout)["actions"]}
    assert set(KEYS) <= keys, "JSON is exact"
    for name in ("plan.ndjson", "apply.ndjson"):
        assert_plain((place.folder / name).read_bytes(), where=name)
        assert (place.folder / name).read_bytes().isascii()


def on_a_terminal(place: Workplace, *words: str) -> bytes:
    """Run a command whose streams are a terminal; return all that it wrote."""
    ours, theirs = pty.openpty()
    environment = {**place.command.environment, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-m", "s3plan", *words],
        cwd=place.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        with suppress(OSError):  # Linux: the other end is closed
            while chunk := os.read(ours, 65_536):
                written += chunk
        process.wait(60)
    os.close(ours)
    return written


def test_a_terminal_gets_no_sequence_but_our_own(place: Workplace) -> None:
    hostile_job(place)
    assert place.command.run("plan", "job.yaml", "--probe").exit_code == 0
    spoil(place)
    for words in (("show", "--list"), ("apply", "--yes"), ("failures",)):
        written = on_a_terminal(place, *words)
        assert b"\x1b[3" in written, "no colours: this was no terminal"
        text = assert_plain(_OURS.sub(b"", written), where=" ".join(words))
        assert "\\x1b[5;7m" in text


HOSTILE_SETTINGS = {"mode": NASTY, "overwrite": NASTY, "storage_class": NASTY, "archived": NASTY}


def forge_plan(path: Path) -> None:
    """A plan of somebody else's making: every text in it that the format leaves free is hostile."""
    copied = [action._replace(reason=NASTY) for action in copies(NASTY.encode(), b"a")]
    deleted = [action._replace(reason=NASTY) for action in deletes(NASTY.encode() + b"d", b"d")]
    aside = [action._replace(reason=NASTY) for action in skips(b"\xff\x1b[2J", b"\xff\xfe=1")]
    write_plan(path, copied=copied, deleted=deleted, aside=aside)
    totals = [total.model_copy(update={"rule": NASTY}) for total in totals_of(copied=copied, deleted=deleted)]
    document = json.loads(header(actions=4, size_bytes=14, totals=totals).model_dump_json(exclude_none=True))
    (job,) = document["jobs"]
    document["name"] = job["name"] = document["tool_version"] = document["manifest"]["path"] = NASTY
    document["warnings"] = [NASTY, "\nwarning: none\n"]
    job["settings"] |= HOSTILE_SETTINGS
    document["run"]["executor"] = NASTY
    job["source"]["note"] = NASTY
    job["prefixes"] = [{"kind": "delete", "prefix": NASTY, "objects": 2, "bytes": 18}]
    job["guards"] = document["guards"] = [
        {"name": NASTY, "limit": NASTY, "allowed": 1, "found": 2, "held": True, "released": True}
    ]
    text = json.dumps(document).replace("'", "''")
    url = f"s3://to/{NASTY}/".replace("'", "''")
    change(
        path,
        f"UPDATE header SET document = '{text}'",
        f"UPDATE location SET prefix = '{NASTY}/', url = '{url}' WHERE id = 2",
        f"UPDATE phase SET job = '{NASTY}'",
        reseal=True,
    )


def forge_journal(plan: Path) -> None:
    """A journal of one's own, whose every text came from a store or a machine of somebody else's."""
    with open_plan(plan) as opened:
        digest, batches = opened.digest, opened.batches
    with Journal.open(plan.with_suffix(".s3run"), plan_digest=digest, now_ms=1) as journal:
        engines = [EngineUsed(NASTY, NASTY, NASTY)]
        number = journal.begin_run(now_ms=5, host=NASTY, pid=1, executor=NASTY, tool_version=NASTY, engines=engines)
        first, second = (BatchRecord(batch.id, 1, 5, is_open=False, actions=2, done=b"\0") for batch in batches[:2])
        journal.write(
            batches=[first, BatchRecord(second.id, 1, 5, is_open=False, actions=2, done=b"\0", withheld=NASTY)],
            outcomes=[OutcomeRecord(first.id, at, OutcomeKind.STALE, NASTY, NASTY, None, 1, 6) for at in range(2)],
        )
        journal.end_run(number, state="partial", reason=None, now_ms=9)


@pytest.mark.parametrize("name", ["plan.s3plan", f"{SCREAM}\n.s3plan"])
def test_a_plan_and_a_journal_of_hostile_texts_are_shown_as_text(place: Workplace, name: str) -> None:
    path = place.folder / name
    forge_plan(path)
    forge_journal(path)
    shown = [
        ["show", name],
        ["show", name, "--list"],
        ["show", name, "--csv"],
        ["show", name, "--json"],
        ["graph", name],
        ["graph", name, "--format", "dot"],
        ["status", name],
        ["status", name, "--json"],
        ["failures", name],
        ["failures", name, "--csv"],
        ["failures", name, "--json"],
    ]
    applied = [
        ["apply", name, "--yes"],
        ["apply", name, "--yes", "--json"],
        ["apply", name, "--expect", "0"],
        ["plan", "absent.yaml", "-o", name],
    ]
    said, stderr = run_all(place, [*shown, *applied])
    assert [one.exit_code for one in said[: len(shown)]] == [0] * len(shown), stderr[-2000:]
    assert all(one.exit_code for one in said[len(shown) :])
    screen, lines, rows = said[0].stdout, said[1].stdout, said[2].rows
    assert screen.endswith("\n")
    assert "\nPlan: 1 to copy, 1 to overwrite, 2 to delete, " not in screen
    assert "\nPlan: 1 to copy, 1 to overwrite, 2 to delete (14 B).\n" in screen
    assert lines.count("\n") == len(rows) == 6
    assert all("\\x1b[5;7m" in one.stdout for one in (said[0], said[1], said[6], said[8]))


def test_a_manifest_of_hostile_texts_is_refused_in_plain_words(place: Workplace) -> None:
    place.manifest(**{NASTY: NASTY, "source": f"s3://source/{NASTY}/", "filters": {"include": [NASTY]}})
    broken, absent = f"{SCREAM}broken.yaml", f"absent{SCREAM}.yaml"
    (place.folder / broken).write_text(f"a: [{BIDI}{SCREAM}\n")
    said, stderr = run_all(
        place, [[verb, name] for verb in ("validate", "plan") for name in ("job.yaml", broken, absent)]
    )
    assert all(one.exit_code for one in said)
    assert "\\x1b[5;7m" in stderr


def test_a_command_line_of_hostile_words_is_refused_in_plain_words(place: Workplace) -> None:
    commands = (
        [NASTY],
        ["plan", f"--{NASTY}"],
        ["plan", "--allow", f"{NASTY}=1"],
        ["plan", "--expires", NASTY],
        ["plan", "--json-into", f"absent/{NASTY}"],
        ["show", f"{NASTY}.s3plan"],
        ["show", "--kind", NASTY],
        ["apply", "--journal", NASTY, f"{NASTY}.s3plan"],
        ["apply", "--expect", NASTY, f"{NASTY}.s3plan"],
    )
    said, stderr = run_all(place, commands)
    assert all(one.exit_code for one in said)
    assert stderr.count("\\x1b[5;7m") >= len(commands) - 2
