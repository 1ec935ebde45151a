"""The words of the commands that steer a run from outside, or give it up."""

from __future__ import annotations

from typing import Annotated

import typer
from s3plan.cli.commands.options import JournalOption, PlanArgument


def add_run_commands(app: typer.Typer) -> None:
    """Add them, in the order in which help lists them."""
    for command in (pause, unpause, cancel, discard):
        app.command()(command)


def pause(context: typer.Context, *, plan: PlanArgument = None, journal: JournalOption = None) -> int:
    """Let a running apply finish what is under way and wait."""
    from s3plan.cli.commands.control import control
    from s3plan.schemas.run_states import Wish

    return control(plan, Wish.PAUSE, journal=journal, no_color=context.obj)


def unpause(context: typer.Context, *, plan: PlanArgument = None, journal: JournalOption = None) -> int:
    """Let a paused apply go on."""
    from s3plan.cli.commands.control import control
    from s3plan.schemas.run_states import Wish

    return control(plan, Wish.GO_ON, journal=journal, no_color=context.obj)


def cancel(context: typer.Context, *, plan: PlanArgument = None, journal: JournalOption = None) -> int:
    """End a running apply, as Ctrl-C does there."""
    from s3plan.cli.commands.control import control
    from s3plan.schemas.run_states import Wish

    return control(plan, Wish.CANCEL, journal=journal, no_color=context.obj)


def discard(
    context: typer.Context,
    *,
    plan: PlanArgument = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    abort_uploads: Annotated[
        bool, typer.Option("--abort-uploads", help="Abort the plan's own unfinished multipart uploads first.")
    ] = False,
) -> int:
    """Give a plan up, so that a new one can take its place."""
    from s3plan.cli.commands.discard import discard as give_up

    return give_up(plan, yes=yes, aborts_uploads=abort_uploads, no_color=context.obj)
