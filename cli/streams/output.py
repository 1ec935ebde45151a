"""What the command tells while it works: to a person, to a program, to a log, to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.text import Text
from s3plan.cli.failure_exit import exit_code_of
from s3plan.cli.screens.event_lines import ENDED_BADLY
from s3plan.cli.screens.progress import ProgressView
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.streams.json_lines import JsonLines
from s3plan.cli.streams.run_log import RunLog
from s3plan.schemas.errors import S3PlanError, UsageInvalid
from s3plan.schemas.events import ActionEnded, Event
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.redaction import mask_known


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What the user wants to see. `log` takes every action as it ends, the others only with `verbose`."""

    json: bool = False
    json_into: Path | None = None
    quiet: bool = False
    no_color: bool = False
    verbose: bool = False
    log: Path | None = None

    @property
    def wants_every_action(self) -> bool:
        """Whether actions that end well are reported, too."""
        return self.verbose or self.log is not None


@dataclass(frozen=True, slots=True)
class _Sink:
    """A file or a stream that events go to; `name` is the option that names it, None for standard output."""

    name: str | None
    write: Callable[[Event], None]
    lines: JsonLines | None = None  # of one that takes what is no event of a run, too
    note: Callable[[str], None] = lambda _: None  # takes a message to a person


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command that makes events tells them."""

    terminal: Terminal
    options: OutputOptions
    _sinks: list[_Sink] = field(default_factory=list)

    @property
    def shows_screens(self) -> bool:
        """Whether a person reads standard output, and wants to read all of it."""
        return not (self.options.json or self.options.quiet)

    def tell(self, name: str, values: dict[str, Any]) -> None:
        """Write a JSON line that is no event of a run."""
        for sink in tuple(self._sinks):
            if sink.lines is not None:
                lines = sink.lines
                self._to(sink, lambda: lines.write(name, values))  # noqa: B023 - called at once

    def tell_error(self, error: S3PlanError) -> None:
        """Tell programs and the log how the command ends; standard error is somebody else's matter."""
        message, code = mask_known(str(error)), int(exit_code_of(error))
        self.tell("error", {"message": message, "exit_code": code})
        for sink in tuple(self._sinks):
            self._to(sink, lambda: sink.note(f"error: {message} (exit code {code})"))  # noqa: B023 - called at once

    @contextmanager
    def progress(self) -> Iterator[Callable[[Event], None]]:
        """Yield what takes events; the progress line ends with it."""
        with ExitStack() as stack:
            view = None
            if not self.options.json:
                options = self.options
                view = stack.enter_context(ProgressView(self.terminal, quiet=options.quiet, verbose=options.verbose))

            def take(event: Event) -> None:
                nonlocal view
                is_for_log = isinstance(event, ActionEnded) and event.outcome not in ENDED_BADLY
                is_for_all = self.options.verbose or not is_for_log
                for sink in tuple(self._sinks):
                    if is_for_all or sink.lines is None:
                        self._to(sink, lambda: sink.write(event))  # noqa: B023 - called at once
                if view is not None and is_for_all:
                    try:
                        view(event)
                    except OSError:
                        view = None

            yield take

    def _to(self, sink: _Sink, write: Callable[[], None]) -> None:
        """Write to a sink; one that cannot be written any more is dropped, with a warning: a run never ends by that."""
        try:
            write()
        except OSError as error:
            self._sinks.remove(sink)
            if sink.name is not None:
                why = (error.strerror or str(error)).lower()
                said = f"warning: {sink.name} cannot be written any more ({why}); s3plan goes on without it"
                with suppress(OSError):
                    self.terminal.say([Text(escape_unprintable(said), style="yellow")])


@contextmanager
def open_output(options: OutputOptions) -> Iterator[Output]:
    """Yield the command's output; an error of ours is told as a JSON line too, and raised on."""
    if options.quiet and options.verbose:
        raise UsageInvalid(
            "--quiet and --verbose do not go together; --log FILE writes each action down and prints none here"
        )
    terminal = open_terminal(no_color=options.no_color)
    output = Output(terminal, options)
    with ExitStack() as stack:
        if options.json:
            lines = JsonLines(terminal.stdout, tool_version=version("s3plan"))
            output._sinks.append(_Sink(None, lines, lines))  # noqa: SLF001
        if options.json_into is not None:
            output._sinks.append(_json_sink(stack, options.json_into))  # noqa: SLF001
        if options.log is not None:
            output._sinks.append(_log_sink(stack, options.log))  # noqa: SLF001
        try:
            yield output
        except S3PlanError as error:
            output.tell_error(error)
            raise


def _json_sink(stack: ExitStack, path: Path) -> _Sink:
    name = f"--json-into {path}"
    with _named(name):
        file = path.open("w", encoding="ascii")
        stack.callback(_close, file)
        lines = JsonLines(file, tool_version=version("s3plan"))
    return _Sink(name, lines, lines)


def _log_sink(stack: ExitStack, path: Path) -> _Sink:
    name = f"--log {path}"
    with _named(name):
        log = stack.enter_context(RunLog(path))
        return _Sink(name, log, note=log.note)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Raise UsageInvalid where a file that an option names cannot be written."""
    try:
        yield
    except OSError as error:
        raise UsageInvalid(f"{name}: {(error.strerror or 'cannot be written').lower()}") from error


def _close(file: Any) -> None:
    """Close a file whose lines have all been flushed, or which was dropped: then what is left cannot be written."""
    with suppress(OSError):
        file.close()
