"""The words of the commands that make a plan, or look at one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from s3plan.cli.commands.options import (
    CsvOption,
    ExpiresOption,
    GraphFormat,
    JsonEventsOption,
    JsonIntoOption,
    ListedKind,
    NoDependenciesOption,
    OutOption,
    PlanArgument,
    QuietOption,
    SelectOption,
)
from s3plan.schemas.permissions.permitted_commands import PermittedCommand
from s3plan.schemas.plan.sides import Side

ManifestsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="MANIFEST...", help="Manifests, or folders of them; by default s3plan.yaml."),
]
ManifestArgument = Annotated[
    Path | None, typer.Argument(metavar="MANIFEST", help="A manifest; by default s3plan.yaml.")
]
PlansArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PLAN...", help="Plan files, or plans' ids; without any the only unfinished plan here."),
]


def add_plan_commands(app: typer.Typer) -> None:
    """Add them, in the order in which help lists them."""
    for command in (validate, plan, show, graph, verify, policy):
        app.command()(command)


def validate(
    context: typer.Context,
    *,
    manifests: ManifestsArgument = None,
) -> int:
    """Say whether manifests are sound; asks no store."""
    from s3plan.cli.commands.manifest import validate_all

    return validate_all(manifests or [], no_color=context.obj)


def plan(
    context: typer.Context,
    *,
    manifests: ManifestsArgument = None,
    out: OutOption = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="[JOB.]NAME=N", help="Release a guard for exactly what it found; repeatable."),
    ] = None,
    select: SelectOption = None,
    no_dependencies: NoDependenciesOption = False,
    expires: ExpiresOption = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Find out now which conditions the store enforces; writes probe objects.")
    ] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there is something to do.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", min=0, metavar="N", help="Keep N earlier plans, with their journals.")
    ] = 5,
    json: JsonEventsOption = False,
    json_into: JsonIntoOption = None,
    quiet: QuietOption = False,
) -> int:
    """Save what would be done; changes nothing."""
    from s3plan.cli.commands import plan as plan_command
    from s3plan.cli.streams.output import OutputOptions

    options = plan_command.PlanOptions(
        manifests=tuple(manifests or ()),
        out=out,
        allow=tuple(allow or ()),
        expires=expires,
        probe=probe,
        detailed_exitcode=detailed_exitcode,
        keep=keep,
        select=select,
        without_dependencies=no_dependencies,
    )
    return plan_command.plan_all(options, OutputOptions(json, json_into, quiet, context.obj))


def show(
    context: typer.Context,
    *,
    plans: PlansArgument = None,
    job: Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only this one of the plan's jobs.")] = None,
    lists: Annotated[bool, typer.Option("--list", help="Print every action.")] = False,
    kind: Annotated[
        list[ListedKind] | None, typer.Option("--kind", help="Only this kind, with --list or --csv; repeatable.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="P", help="Only keys that begin so, with --list or --csv.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N of them.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole plan as JSON, an action on each line.")] = False,
    csv: CsvOption = False,
    outcomes: Annotated[
        bool, typer.Option("--outcomes", help="With --csv: how each action ended, and what proves its bytes.")
    ] = False,
) -> int:
    """Show a plan, in sums or each of its actions."""
    from s3plan.cli.commands import show as show_command

    kinds = tuple(word.value for word in kind or ())
    options = show_command.ShowOptions(
        lists, kinds, prefix, limit, job, outcomes, json=json, csv=csv, no_color=context.obj
    )
    return show_command.show_all(plans or [], options)


def graph(
    *,
    plan: PlanArgument = None,
    form: Annotated[GraphFormat, typer.Option("--format", help="Mermaid, or DOT for Graphviz.")] = GraphFormat.MERMAID,
) -> int:
    """Print a plan's phases and what waits for what."""
    from s3plan.cli.commands.show import draw_graph

    return draw_graph(plan, dot=form is GraphFormat.DOT)


def verify(
    context: typer.Context,
    *,
    manifest: ManifestArgument = None,
    select: SelectOption = None,
    no_dependencies: NoDependenciesOption = False,
    checksum: Annotated[
        bool, typer.Option("--checksum", help="Fetch and read what nothing else can be said about.")
    ] = False,
    attributes: Annotated[
        bool, typer.Option("--attributes", help="Compare metadata, content headers and tags, too.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print every key as CSV, safe to open in a spreadsheet.")] = False,
    json: JsonEventsOption = False,
    json_into: JsonIntoOption = None,
    quiet: QuietOption = False,
) -> int:
    """Say whether both sides hold the same bytes; changes nothing."""
    from s3plan.cli.commands import verify as verify_command
    from s3plan.cli.streams.output import OutputOptions

    options = verify_command.VerifyOptions(
        manifest=manifest,
        select=select,
        without_dependencies=no_dependencies,
        reads=checksum,
        attributes=attributes,
        csv=csv,
    )
    return verify_command.verify(options, OutputOptions(json, json_into, quiet, context.obj))


def policy(
    context: typer.Context,
    *,
    manifest: ManifestArgument = None,
    command: Annotated[
        PermittedCommand | None, typer.Option("--for", help="Only what this command needs; by default plan and apply.")
    ] = None,
    side: Annotated[Side | None, typer.Option("--side", help="Only what this side's connection needs.")] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only this one of the jobs.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all policies.")] = False,
) -> int:
    """Print the least IAM policy that jobs need; asks no store."""
    from s3plan.cli.commands.policy import PolicyOptions, print_policies

    return print_policies(PolicyOptions(manifest, command, side, job, json, context.obj))
