"""What the command tells while it works: to a person, to a program, to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from s3plan.cli.failure_exit import exit_code_of
from s3plan.cli.json_lines import JsonLines
from s3plan.cli.progress import ProgressView
from s3plan.cli.terminal import Terminal, open_terminal
from s3plan.schemas.errors import S3PlanError, UsageInvalid
from s3plan.schemas.events import Event
from s3plan.schemas.redaction import mask_known


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What the user wants to see."""

    json: bool = False
    json_into: Path | None = None
    quiet: bool = False
    no_color: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command that makes events tells them."""

    terminal: Terminal
    options: OutputOptions
    _sinks: list[JsonLines] = field(default_factory=list)

    @property
    def shows_screens(self) -> bool:
        """Whether a person reads standard output, and wants to read all of it."""
        return not (self.options.json or self.options.quiet)

    def tell(self, name: str, values: dict[str, Any]) -> None:
        """Write a JSON line that is no event of a run."""
        self._to_sinks(lambda sink: sink.write(name, values))

    @contextmanager
    def progress(self) -> Iterator[Callable[[Event], None]]:
        """Yield what takes events; the progress line ends with it."""
        with ExitStack() as stack:
            view = None
            if not self.options.json:
                view = stack.enter_context(ProgressView(self.terminal, quiet=self.options.quiet))

            def take(event: Event) -> None:
                nonlocal view
                self._to_sinks(lambda sink: sink(event))
                if view is not None:
                    try:
                        view(event)
                    except OSError:
                        view = None

            yield take

    def _to_sinks(self, write: Callable[[JsonLines], None]) -> None:
        """Write to all; a reader that is gone is dropped: that must never end a run."""
        for sink in tuple(self._sinks):
            try:
                write(sink)
            except OSError:
                self._sinks.remove(sink)


@contextmanager
def open_output(options: OutputOptions) -> Iterator[Output]:
    """Yield the command's output; an error of ours is told as a JSON line too, and raised on."""
    tool_version = version("s3plan")
    terminal = open_terminal(no_color=options.no_color)
    output = Output(terminal, options)
    with ExitStack() as stack:
        if options.json:
            output._sinks.append(JsonLines(terminal.stdout, tool_version=tool_version))  # noqa: SLF001
        if options.json_into is not None:
            try:
                file = stack.enter_context(options.json_into.open("w", encoding="ascii"))
            except OSError as error:
                raise UsageInvalid(
                    f"--json-into {options.json_into}: {(error.strerror or 'cannot be written').lower()}"
                ) from error
            output._sinks.append(JsonLines(file, tool_version=tool_version))  # noqa: SLF001
        try:
            yield output
        except S3PlanError as error:
            output.tell("error", {"message": mask_known(str(error)), "exit_code": int(exit_code_of(error))})
            raise
