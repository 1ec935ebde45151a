"""Where the command prints: results on standard output, progress and diagnostics on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TextIO

from rich.text import Text
from s3plan.schemas.printable import escape_unprintable

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """The three standard streams and what they can do.

    A stream is decorated (colour, animation) only if it is a terminal, and NO_COLOR, CI or TERM=dumb do not say
    otherwise; see https://no-color.org. Without decoration not one escape sequence is written. Whoever makes a line
    escapes what comes from outside; a line that holds an unprintable character all the same is escaped as a whole.
    """

    def __init__(
        self, *, stdin: TextIO, stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], no_color: bool = False
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._stdin = stdin
        self._in_ci = environment.get("CI", "").lower() not in {"", "0", "false"}
        plain = no_color or self._in_ci or bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
        self._out_console = None if plain else _console_of(stdout)
        self.progress_console = None if plain else _console_of(stderr)

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to answer a question."""
        return not self._in_ci and self._stdin.isatty() and self.stderr.isatty()

    def print(self, lines: Iterable[Text]) -> None:
        """Print results; lines are never wrapped or cut."""
        _print(lines, stream=self.stdout, console=self._out_console)

    def say(self, lines: Iterable[Text]) -> None:
        """Print diagnostics."""
        _print(lines, stream=self.stderr, console=self.progress_console)

    def ask(self, question: str) -> str:
        """Return the answer, empty if the input ends."""
        self.stderr.write(question)
        self.stderr.flush()
        answer = self._stdin.readline()
        if not answer.endswith("\n"):
            self.stderr.write("\n")
        return answer.rstrip("\r\n")


def open_terminal(*, no_color: bool = False) -> Terminal:
    """Return the process's own terminal."""
    return Terminal(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, environment=os.environ, no_color=no_color)


def safe_line(line: Text) -> Text:
    """Return a line that is safe on a terminal: one that holds an unprintable character is escaped as a whole."""
    return line if line.plain.isprintable() else Text(escape_unprintable(line.plain), style=line.style)


def _console_of(stream: TextIO) -> Console | None:
    if not stream.isatty():
        return None
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _print(lines: Iterable[Text], *, stream: TextIO, console: Console | None) -> None:
    for safe in map(safe_line, lines):
        if console is None:
            stream.write(f"{safe.plain}\n")
        else:
            console.print(safe)
    stream.flush()
