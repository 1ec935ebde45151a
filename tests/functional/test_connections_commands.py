"""`s3plan connections list | show | add | edit | remove`, by the real command."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.command import Command, Ended
from fakes.terminal_dialogue import talk

KEPT = """\
# mine
connections:
  # the cheap one
  r2: { endpoint: https://r2.example, region: auto }  # account 7
"""


class Desk:
    """A folder, its config folder, and the command."""

    def __init__(self, folder: Path) -> None:
        self.command = Command(folder, {})
        self.file = Path(self.command.environment["XDG_CONFIG_HOME"]) / "s3plan" / "connections.yaml"

    def write(self, text: str = KEPT) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True)
        self.file.write_text(text)
        self.file.chmod(0o600)

    def run(self, *words: str) -> Ended:
        return self.command.run("connections", *words)

    def talk(self, *words: str, answers: list[tuple[str, str]], **variables: str) -> Ended:
        environment: Mapping[str, str] = {**self.command.environment, **variables}
        return talk("connections", *words, folder=self.command.folder, environment=environment, answers=answers)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_connection_is_added_listed_shown_changed_and_removed(desk: Desk) -> None:
    assert desk.run("list").exit_code == 0
    made = desk.run(
        "add", "minio", "--endpoint", "https://minio.example:9000", "--env-prefix", "MINIO_", "--no-tls-verify"
    )
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.file.parent.stat().st_mode) == 0o700
    listed = desk.run("list")
    assert listed.stdout.splitlines()[1].split() == [
        "minio",
        "https://minio.example:9000",
        "-",
        "-",
        "variables",
        "MINIO_*",
    ]
    edited = desk.run("edit", "minio", "--region", "auto", "--unset", "tls_verify", "--store", "minio")
    assert edited.exit_code == 0, edited.output
    assert "MinIO" in desk.run("list").stdout
    assert desk.run("edit", "minio", "--unset", "store").exit_code == 0
    shown = desk.run("show", "minio")
    assert shown.stdout == "minio:\n  endpoint: https://minio.example:9000\n  env_prefix: MINIO_\n  region: auto\n"
    told = json.loads(desk.run("show", "minio", "--json").stdout)
    assert told == {
        "name": "minio",
        "endpoint": "https://minio.example:9000",
        "env_prefix": "MINIO_",
        "region": "auto",
    }
    assert desk.run("remove", "minio").exit_code == 6
    assert desk.run("remove", "minio", "--yes").exit_code == 0
    assert json.loads(desk.run("list", "--json").stdout) == {"path": str(desk.file), "connections": []}


def test_a_file_of_certificates_is_written_down_by_its_whole_path(desk: Desk) -> None:
    added = desk.run("add", "minio", "--endpoint", "https://minio.example", "--ca-bundle", "certs/one.pem")
    assert added.exit_code == 0, added.output
    assert f"ca_bundle: {desk.command.folder}/certs/one.pem" in desk.file.read_text()
    assert desk.run("edit", "minio", "--ca-bundle", "two.pem").exit_code == 0
    assert f"ca_bundle: {desk.command.folder}/two.pem" in desk.file.read_text()


def test_what_others_wrote_into_the_file_stays(desk: Desk) -> None:
    desk.write()
    assert desk.run("add", "prod", "--profile", "prod").exit_code == 0
    assert desk.file.read_text() == KEPT + "  prod:\n    profile: prod\n"
    assert desk.run("edit", "r2", "--profile", "r2").exit_code == 0
    assert "  r2: { endpoint: https://r2.example, region: auto, profile: r2 }  # account 7\n" in desk.file.read_text()
    assert desk.run("remove", "r2", "--yes").exit_code == 0
    assert desk.file.read_text() == "# mine\nconnections:\n  # the cheap one\n  prod:\n    profile: prod\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "r2", "--profile", "x"), "there is a connection r2 already"),
        (("add", "a b", "--profile", "x"), "a connection's name has letters"),
        (("add", "default", "--profile", "x"), "choose another name"),
        (("add", "new"), "say what new is"),
        (("add",), "name the connection"),
        (("add", "new", "--endpoint", "http://far.example"), "--endpoint: http:// is allowed on this machine only"),
        (("add", "new", "--endpoint", "https://me:secret@x.example"), "no user name or password"),
        (("add", "new", "--profile", "x", "--env-prefix", "X_"), "not from both"),
        (("add", "new", "--set", "secret_key=hunter2hunter2"), "a file of connections holds no secrets"),
        (("add", "new", "--set", "regionn=x"), "did you mean region?"),
        (("add", "new", "--set", "region"), "--set takes KEY=VALUE"),
        (("edit", "r3", "--region", "x"), "there is no connection r3 of your own: there are: r2"),
        (("edit", "r2", "--region", "A B"), "--region: needs a region"),
        (("edit", "r2", "--region", "x", "--unset", "region"), "set and unset at once"),
        (("edit", "r2"), "set EDITOR"),
        (("show", "nope"), "there is no connection nope of your own: there are: r2"),
        (("remove", "nope", "--yes"), "there is no connection nope"),
        (("remove",), "NAME"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(desk: Desk, words: tuple[str, ...], told: str) -> None:
    desk.write()
    refused = desk.run(*words)
    assert refused.exit_code == 64, refused.output
    assert told in refused.stderr
    assert "hunter2" not in refused.output
    assert desk.file.read_text() == KEPT


@pytest.mark.parametrize(
    "words", [("list",), ("show", "r2"), ("add", "x", "--profile", "x"), ("remove", "r2", "--yes")]
)
def test_a_file_that_is_bad_ends_every_command_with_65(desk: Desk, words: tuple[str, ...]) -> None:
    bad = KEPT + "  other: { secret_key: hunter2hunter2 }\n"
    desk.write(bad)
    refused = desk.run(*words)
    assert refused.exit_code == 65
    assert (
        f"{desk.file}:5:12: error: connections.other.secret_key: a file of connections holds no secrets"
        in refused.stderr
    )
    assert "hunter2" not in refused.output
    assert desk.file.read_text() == bad


def test_a_link_is_neither_read_nor_written_through(desk: Desk, tmp_path: Path) -> None:
    desk.write()
    target = tmp_path / "elsewhere.yaml"
    desk.file.rename(target)
    desk.file.symlink_to(target)
    refused = desk.run("add", "x", "--profile", "x")
    assert refused.exit_code == 65
    assert "is a symbolic link" in refused.stderr
    assert target.read_text() == KEPT


def test_questions_make_a_connection_and_ask_again_for_what_cannot_be(desk: Desk) -> None:
    ended = desk.talk(
        "add",
        answers=[
            ("Name: ", "my store"),
            ("Name: ", "store"),
            ("Endpoint", "store.example"),
            ("an endpoint starts with https://", "https://store.example"),
            ("Region", ""),
            ("Profile", "backup"),
        ],
    )
    assert ended.exit_code == 0, ended.output
    assert "s3plan connections test store" in ended.output
    assert "store:\n    endpoint: https://store.example\n    profile: backup\n" in desk.file.read_text()


def test_only_yes_removes(desk: Desk) -> None:
    desk.write()
    kept = desk.talk("remove", "r2", answers=[("Only 'yes' will be accepted: ", "y")])
    assert (kept.exit_code, desk.file.read_text()) == (6, KEPT)
    gone = desk.talk("remove", "r2", answers=[("Only 'yes' will be accepted: ", "yes")])
    assert gone.exit_code == 0, gone.output
    assert "r2" not in desk.file.read_text()


def editor(desk: Desk, *steps: str) -> str:
    """An editor that takes one step each time: a replacement of text in the file."""
    script = desk.command.folder / "editor.py"
    script.write_text(
        "import sys, pathlib\n"
        f"steps = {[step.split('=>') for step in steps]!r}\n"
        "count = pathlib.Path(sys.argv[0]).with_suffix('.count')\n"
        "at = len(count.read_text()) if count.exists() else 0\n"
        "count.write_text('x' * (at + 1))\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace(*steps[at]))\n"
    )
    return f"{sys.executable} {script}"


def test_an_editor_changes_the_file_and_what_it_leaves_is_judged_first(desk: Desk) -> None:
    desk.write()
    edits = editor(desk, "region: auto=>regionn: auto", "regionn: auto=>region: eu-west-1")
    ended = desk.talk("edit", "r2", answers=[("Edit it again?", "yes")], EDITOR=edits)
    assert ended.exit_code == 0, ended.output
    assert f"{desk.file}:4:" in ended.output
    assert "did you mean region?" in ended.output
    assert desk.file.read_text() == KEPT.replace("auto", "eu-west-1")


def test_what_an_editor_spoils_is_not_written(desk: Desk) -> None:
    desk.write()
    edits = editor(desk, *["connections:=>connections: ["] * 2)
    ended = desk.talk("edit", "r2", answers=[("Edit it again?", "no")], EDITOR=edits)
    assert (ended.exit_code, desk.file.read_text()) == (6, KEPT)
    nobody_to_ask = replace(desk.command, variables={**desk.command.variables, "EDITOR": edits, "VISUAL": ""})
    ended = nobody_to_ask.run("connections", "edit", "r2")
    assert (ended.exit_code, desk.file.read_text()) == (65, KEPT)
    assert "what the editor left cannot be read; nothing was changed" in ended.stderr


@pytest.mark.parametrize(
    ("editor", "exit_code", "told"),
    [("vi '", 64, "EDITOR cannot be read (no closing quotation)"), ("rm", 1, "the editor rm left no file")],
)
def test_an_editor_that_cannot_be_one_is_told_and_changes_nothing(
    desk: Desk, editor: str, exit_code: int, told: str
) -> None:
    desk.write()
    ended = desk.talk("edit", "r2", answers=[], EDITOR=editor, VISUAL="")
    assert ended.exit_code == exit_code
    assert told in " ".join(ended.output.split())
    assert desk.file.read_text() == KEPT


def test_a_change_by_somebody_else_is_not_written_over(desk: Desk) -> None:
    desk.write()
    script = desk.command.folder / "other.py"
    script.write_text(
        "import sys, pathlib\n"
        f"other = pathlib.Path({str(desk.file)!r})\n"
        "other.write_text(other.read_text() + '  theirs: { profile: x }\\n')\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('auto', 'eu-west-1'))\n"
    )
    ended = desk.talk("edit", "r2", answers=[], EDITOR=f"{sys.executable} {script}")
    assert ended.exit_code == 1, ended.output
    assert "changed by somebody else meanwhile" in ended.output
    assert desk.file.read_text() == KEPT + "  theirs: { profile: x }\n"
