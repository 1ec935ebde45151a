"""`s3plan connections list` and `show`."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text
from s3plan.app.connections.described import list_connections, show_connection
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import path_text
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.json_text import json_line
from s3plan.schemas.printable import escape_unprintable


def print_list(*, json: bool, no_color: bool) -> int:
    """Print all of them, a line each."""
    path, found = list_connections()
    terminal = open_terminal(no_color=no_color)
    if json:
        values = [asdict(line) for line in found]
        terminal.stdout.write(json_line({"path": str(path), "connections": values}))
        return ExitCode.DONE
    if not found:
        terminal.say([Text(f"no connections in {path_text(path)} yet: s3plan connections add NAME")])
        return ExitCode.DONE
    head = [Cell(word, "bold") for word in ("name", "endpoint", "store", "region", "credentials")]
    rows = [
        [
            Cell(escape_unprintable(text))
            for text in (line.name, line.endpoint or "AWS", line.store or "-", line.region or "-", line.credentials)
        ]
        for line in found
    ]
    terminal.print(aligned_lines([head, *rows], indent=0))
    return ExitCode.DONE


def print_one(name: str, *, json: bool, no_color: bool) -> int:
    """Print one, as YAML that a manifest's `connections:` takes."""
    shown = show_connection(name)
    terminal = open_terminal(no_color=no_color)
    if json:
        terminal.stdout.write(json_line({"name": shown.name, **shown.keys}))
    else:
        terminal.print(map(Text, shown.yaml.splitlines()))
    return ExitCode.DONE
