"""The s3plan command: its words. What they do is imported when they are called, so that --help is quick."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from s3plan.cli.commands.connections.words import add_connection_commands
from s3plan.cli.commands.habits import hint_of, in_order
from s3plan.cli.commands.options import (
    BandwidthOption,
    ClusterOption,
    CsvOption,
    ExpiresOption,
    InFlightOption,
    JournalOption,
    JsonEventsOption,
    JsonIntoOption,
    LogOption,
    MaxFailuresOption,
    OutOption,
    PlanArgument,
    QuietOption,
    RateOption,
    RetriesOption,
    VerboseOption,
)
from s3plan.cli.commands.plan_words import add_plan_commands
from s3plan.cli.commands.run_words import add_run_commands
from s3plan.cli.leaving import leave
from s3plan.cli.standard_streams import open_missing_streams
from s3plan.schemas.errors import UsageInvalid

app = typer.Typer(
    name="s3plan",
    help="Plan, review and apply object-storage jobs: what you approved is what happens.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Be the s3plan command."""
    open_missing_streams()
    code = main(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the result stands: what comes now must not change the exit code
    leave(code)


def main(arguments: Sequence[str]) -> int:
    """Perform one command line and return its exit code; no exception leaves it but SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:  # from the first step on: Ctrl-C may come at any
        hint = hint_of(arguments)
        if hint is not None:
            return _end_badly(UsageInvalid(hint))
        code = typer.main.get_command(app)(in_order(arguments), prog_name="s3plan", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BrokenPipeError:
        return _close_quietly()
    except BaseException as error:  # noqa: BLE001 - whatever it is, a person is to read one message
        return _end_badly(error)
    return int(code or 0)


def _end_badly(error: BaseException) -> int:
    from s3plan.cli.failure_exit import report_failure

    return report_failure(error)


def _close_quietly() -> int:
    """Whoever read our output has gone; nothing is left to be flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"s3plan {version('s3plan')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    *,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, no animation; as NO_COLOR does.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Plan, review and apply object-storage jobs: what you approved is what happens."""
    context.obj = no_color
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(64)


add_plan_commands(app)


@app.command()
def apply(
    context: typer.Context,
    *,
    plan: PlanArgument = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    expect: Annotated[
        str | None, typer.Option("--expect", metavar="DIGEST", help="Approve exactly the plan of this full digest.")
    ] = None,
    journal: JournalOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Stop after this many actions.")
    ] = None,
    max_duration: Annotated[
        str | None, typer.Option("--max-duration", metavar="2h", help="Stop after this time; apply again goes on.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option("--executor", metavar="NAME", help="Where batches run; wins over the manifest.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=64, metavar="N", help="Batches at a time; wins over the manifest."),
    ] = None,
    rate: RateOption = None,
    bandwidth: BandwidthOption = None,
    in_flight: InFlightOption = None,
    retries: RetriesOption = None,
    max_failures: MaxFailuresOption = None,
    cluster: ClusterOption = None,
    allow_checked: Annotated[
        bool, typer.Option("--allow-checked", help="Go on where the store enforces less than the plan states.")
    ] = False,
    rebuild_journal: Annotated[
        bool, typer.Option("--rebuild-journal", help="Set a damaged journal aside and look at every action again.")
    ] = False,
    root: Annotated[
        str | None,
        typer.Option("--root", metavar="DIR", help="The plan's folder lies here, and not where it was planned."),
    ] = None,
    json: JsonEventsOption = False,
    json_into: JsonIntoOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    log: LogOption = None,
) -> int:
    """Perform a plan, or go on where it was stopped."""
    from s3plan.cli.commands import apply as apply_command
    from s3plan.cli.streams.output import OutputOptions

    options = apply_command.ApplyOptions(
        plan=plan,
        yes=yes,
        expect=expect,
        journal=journal,
        limit=limit,
        max_duration=max_duration,
        executor=executor,
        workers=workers,
        overrides={
            "rate": rate,
            "bandwidth": bandwidth,
            "in_flight": in_flight,
            "retries": retries,
            "max_failures": max_failures,
        },
        cluster=cluster,
        allow_checked=allow_checked,
        rebuild_journal=rebuild_journal,
        root=root,
    )
    return apply_command.apply(options, OutputOptions(json, json_into, quiet, context.obj, verbose, log))


@app.command()
def status(
    context: typer.Context,
    *,
    plan: PlanArgument = None,
    journal: JournalOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again each second until its run ends.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object; with --watch one a second.")] = False,
) -> int:
    """Say where a plan stands, also while it runs."""
    from s3plan.cli.commands.status import print_status

    return print_status(plan, journal=journal, json=json, watches=watch, no_color=context.obj)


@app.command()
def retry(
    context: typer.Context,
    *,
    plan: PlanArgument = None,
    journal: JournalOption = None,
    out: OutOption = None,
    expires: ExpiresOption = None,
    json: JsonEventsOption = False,
    json_into: JsonIntoOption = None,
    quiet: QuietOption = False,
) -> int:
    """Make a new plan of what a plan did not do."""
    from s3plan.cli.commands import retry as retry_command
    from s3plan.cli.streams.output import OutputOptions

    options = retry_command.RetryOptions(plan, journal, out, expires)
    return retry_command.retry(options, OutputOptions(json, json_into, quiet, context.obj))


add_run_commands(app)


@app.command()
def failures(
    context: typer.Context,
    *,
    plan: PlanArgument = None,
    journal: JournalOption = None,
    csv: CsvOption = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> int:
    """List the actions that did not end well, and why."""
    from s3plan.cli.commands.status import print_failures

    return print_failures(plan, journal=journal, csv=csv, json=json, no_color=context.obj)


@app.command()
def schema() -> int:
    """Print the manifest's JSON Schema, for editors."""
    from s3plan.cli.commands.manifest import print_schema

    return print_schema()


@app.command()
def demo(
    context: typer.Context,
    *,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Work in this new folder and leave it there.")
    ] = None,
) -> int:
    """Show the whole journey on a small S3 server of its own."""
    from s3plan.cli.commands.demo import show_demo

    return show_demo(keep=keep, no_color=context.obj)


add_connection_commands(app)
