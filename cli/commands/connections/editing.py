"""`s3plan connections add`, `edit` and `remove`."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.text import Text
from s3plan.app.connections.described import show_connection
from s3plan.app.connections.editing import (
    Value,
    add_connection,
    check_keys,
    check_name,
    check_text,
    edit_connection,
    key_of,
    remove_connection,
    replace_text,
    text_to_edit,
)
from s3plan.app.paths import connections_path
from s3plan.cli.commands.connections.key_options import Keys
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.screens.wording import path_text
from s3plan.schemas.errors import ExitCode, ManifestInvalid, NotApproved, S3PlanError, UsageInvalid
from s3plan.schemas.printable import escape_unprintable

_QUESTIONS = (
    ("endpoint", "Endpoint, such as https://s3.example.com (nothing: AWS): "),
    ("region", "Region (nothing: what the store says): "),
    ("profile", "Profile of ~/.aws/config (nothing: the AWS chain): "),
)


def add_one(name: str | None, keys: Keys, others: Iterable[str], *, no_color: bool) -> int:
    """Write down a new connection, by options or by questions."""
    terminal = open_terminal(no_color=no_color)
    wanted: dict[str, Value] = {**_given(keys), **_set(others)}
    if not wanted and terminal.can_ask:
        name = _asked_name(terminal, name)
        wanted = _asked_keys(terminal)
    if name is None:
        raise UsageInvalid("name the connection: s3plan connections add NAME --endpoint URL --profile PROFILE")
    if not wanted:
        raise UsageInvalid(f"say what {escape_unprintable(name)} is: --endpoint, --region, --profile and others")
    add_connection(name, wanted)
    terminal.print([Text(f"{name}: added to {path_text(connections_path())}")])
    terminal.print([Text(f"try it: s3plan connections test {name}")] if terminal.can_ask else [])
    return ExitCode.DONE


def edit_one(name: str, keys: Keys, others: Iterable[str], unset: Iterable[str], *, no_color: bool) -> int:
    """Change keys of a connection, or open the file in an editor."""
    terminal = open_terminal(no_color=no_color)
    changes: dict[str, Value | None] = {**_given(keys), **_set(others)}
    for word in unset:
        if changes.get(key := key_of(word)) is not None:
            raise UsageInvalid(f"{key} is set and unset at once")
        changes[key] = None
    if changes:
        edit_connection(name, changes)
    elif not _edited(terminal, name):
        terminal.say([Text("nothing was changed")])
        return ExitCode.DONE
    terminal.print([Text(f"{name}: changed in {path_text(connections_path())}")])
    return ExitCode.DONE


def remove_one(name: str, *, yes: bool, no_color: bool) -> int:
    """Take a connection out, once somebody said yes."""
    terminal = open_terminal(no_color=no_color)
    shown = show_connection(name)
    if not yes:
        if not terminal.can_ask:
            raise NotApproved("not removed: there is no terminal to ask on; pass --yes")
        terminal.say(map(Text, shown.yaml.splitlines()))
        if terminal.ask("Do you want to remove it? Only 'yes' will be accepted: ") != "yes":
            raise NotApproved("not removed: nothing was changed")
    remove_connection(name)
    terminal.print([Text(f"{name}: removed from {path_text(connections_path())}")])
    return ExitCode.DONE


def _given(keys: Keys) -> dict[str, Value]:
    return {key: value for key, value in keys.items() if value is not None}


def _set(others: Iterable[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for word in others:
        key, is_set, value = word.partition("=")
        if not is_set:
            raise UsageInvalid(f"--set takes KEY=VALUE, not {escape_unprintable(word)}")
        found[key_of(key)] = value == "true" if value in {"true", "false"} else value
    return found


def _asked_name(terminal: Terminal, name: str | None) -> str:
    while name is None:
        answer = terminal.ask("Name: ")
        if not answer:
            raise NotApproved("nothing was added")
        name = answer if _is_taken(terminal, lambda: check_name(answer)) else None  # noqa: B023 - called at once
    check_name(name)
    return name


def _asked_keys(terminal: Terminal) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, question in _QUESTIONS:
        while answer := terminal.ask(question):
            if _is_taken(terminal, lambda: check_keys({**found, key: answer})):  # noqa: B023 - called at once
                found[key] = answer
                break
    if not found:
        raise NotApproved("nothing was added: it would be the default connection by another name")
    return found


def _edited(terminal: Terminal, name: str) -> bool:
    """Have the file edited until it can be read; False if it came back as it was."""
    was = text_to_edit(name)
    editor = _editor()
    if not editor:
        raise UsageInvalid("say what to change (--region, --unset KEY ...), or set EDITOR to edit the file by it")
    with tempfile.TemporaryDirectory(prefix="s3plan-") as folder:
        copy = Path(folder) / "connections.yaml"
        copy.write_bytes(was)
        while True:
            _run(editor, copy)
            text = _left_by(editor, copy)
            if text == was:
                return False
            wrong = check_text(text, was=was)
            if wrong is None:
                break
            terminal.say(map(Text, wrong.splitlines()))
            if not terminal.can_ask:
                raise ManifestInvalid("what the editor left cannot be read; nothing was changed")
            if terminal.ask("Edit it again? Only 'yes' will be accepted: ") != "yes":
                raise NotApproved("not edited again: nothing was changed")
    replace_text(text, was=was)
    return True


def _is_taken(terminal: Terminal, check: Callable[[], None]) -> bool:
    """Return whether an answer passes; say why if it does not."""
    try:
        check()
    except UsageInvalid as error:
        terminal.say([Text(escape_unprintable(str(error)))])
        return False
    return True


def _editor() -> list[str]:
    """Return the words of the user's editor, none if there is none."""
    name = "VISUAL" if os.environ.get("VISUAL") else "EDITOR"
    try:
        return shlex.split(os.environ.get(name, ""))
    except ValueError as error:
        raise UsageInvalid(f"{name} cannot be read ({str(error).lower()}); correct its quotes") from error


def _left_by(editor: list[str], copy: Path) -> bytes:
    try:
        return copy.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise S3PlanError(f"the editor {editor[0]} left no file ({reason}); nothing was changed") from error


def _run(editor: list[str], file: Path) -> None:
    try:
        code = subprocess.run([*editor, str(file)], check=False).returncode  # noqa: S603 - it is the user's own
    except OSError as error:
        raise UsageInvalid(f"the editor {editor[0]} cannot be started; set EDITOR to another") from error
    if code:
        raise S3PlanError(f"the editor {editor[0]} ended with {code}; nothing was changed")
