"""The words of `s3plan connections` and its own commands, and of `s3plan profiles`."""

from __future__ import annotations

from typing import Annotated

import typer
from s3plan.cli.commands.connections.key_options import Keys, SetOption, UnsetOption, with_key_options

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A connection of your own.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]


def add_connection_commands(app: typer.Typer) -> None:
    """Add them, in the order in which help lists them."""
    app.command()(profiles)
    connections = typer.Typer(
        name="connections",
        help="Keep your own connections, and try them.",
        rich_markup_mode=None,
        no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    connections.callback(invoke_without_command=True)(_nothing)
    connections.command("list")(list_)
    for command in (show, add, edit, remove):
        connections.command()(command)
    connections.command("test")(try_one)
    app.add_typer(connections)


def profiles(
    context: typer.Context,
    *,
    check: Annotated[bool, typer.Option("--check", help="Ask the token service whether each of them works.")] = False,
    json: JsonOption = False,
) -> int:
    """List the profiles of your AWS files; shows no secret."""
    from s3plan.cli.commands.connections.profiles import print_profiles

    return print_profiles(checks=check, json=json, no_color=context.obj)


def _nothing(context: typer.Context) -> None:
    """Keep your own connections, and try them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(64)


def list_(context: typer.Context, *, json: JsonOption = False) -> int:
    """List them: where they lead, and by which credentials."""
    from s3plan.cli.commands.connections.listing import print_list

    return print_list(json=json, no_color=context.obj)


def show(context: typer.Context, *, name: NameArgument, json: JsonOption = False) -> int:
    """Print one as YAML, as manifests take it."""
    from s3plan.cli.commands.connections.listing import print_one

    return print_one(name, json=json, no_color=context.obj)


@with_key_options
def add(
    context: typer.Context,
    *,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What manifests are to call it.")] = None,
    keys: Keys,
    others: SetOption = None,
) -> int:
    """Add one: by options or, on a terminal, by questions."""
    from s3plan.cli.commands.connections.editing import add_one

    return add_one(name, keys, others or (), no_color=context.obj)


@with_key_options
def edit(
    context: typer.Context,
    *,
    name: NameArgument,
    keys: Keys,
    others: SetOption = None,
    unset: UnsetOption = None,
) -> int:
    """Change one: by options or, without any, in your editor."""
    from s3plan.cli.commands.connections.editing import edit_one

    return edit_one(name, keys, others or (), unset or (), no_color=context.obj)


def try_one(
    context: typer.Context,
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A connection of your own, `default`, or an s3:// URL for the default one."
        ),
    ],
    bucket: Annotated[str | None, typer.Option("--bucket", metavar="B", help="The bucket to try.")] = None,
    prefix: Annotated[str, typer.Option("--prefix", metavar="P", help="Keys of the bucket that begin so.")] = "",
    count: Annotated[
        bool, typer.Option("--count", help="Count every object, however long it takes; else the first few pages.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Try to write and delete, by objects of its own that are removed again.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Try a connection: who you are there, and what you may do."""
    from s3plan.cli.commands.connections.testing import print_test

    return print_test(name, bucket=bucket, prefix=prefix, counts=count, writes=write, json=json, no_color=context.obj)


def remove(
    context: typer.Context,
    *,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Take one out of your file."""
    from s3plan.cli.commands.connections.editing import remove_one

    return remove_one(name, yes=yes, no_color=context.obj)
