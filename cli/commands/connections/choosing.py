"""Chooses a profile, on a terminal, for a connection that has no credentials."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from s3plan.app.connections.choosing import keep_choice, may_be_kept, profiles_to_choose
from s3plan.cli.commands.connections.profiles import profile_cells
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import Terminal
from s3plan.schemas.connections.profiles import Profile
from s3plan.schemas.errors import CredentialsUnusable, S3PlanError
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.redaction import mask_known


def choose_profile(error: CredentialsUnusable, terminal: Terminal) -> tuple[str, str] | None:
    """Return the connection that has no credentials and the profile that somebody chose for it; None if nobody did."""
    if error.connection is None or not terminal.can_ask:
        return None
    profiles = profiles_to_choose()
    if not profiles:
        return None
    terminal.say([Text(escape_unprintable(mask_known(str(error)))), Text(), *_numbered(profiles), Text()])
    while answer := terminal.ask(f"Use which profile for this plan? 1 to {len(profiles)}, nothing for none: ").strip():
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(profiles):
            return error.connection, profiles[int(answer) - 1].name
    return None


def offer_to_keep(connection: str, profile: str, terminal: Terminal) -> None:
    """Ask whether the choice goes into the user's own connections: apply wants to find it there, or the digest."""
    if may_be_kept(connection):
        question = "Keep it in your own connections, so that apply knows it? Only 'yes' will be accepted: "
        if terminal.ask(question) == "yes":
            try:
                name = keep_choice(connection, profile)
            except S3PlanError as error:
                terminal.say([Text(escape_unprintable(f"not kept: {error}"), style="yellow")])
            else:
                terminal.say([Text(f"{name}: kept (s3plan connections show {name})")])
                return
    said = f"profile {profile} is named by this plan alone: apply it with --expect and its digest"
    terminal.say([Text(escape_unprintable(said), style="yellow")])


def _numbered(profiles: Sequence[Profile]) -> list[Text]:
    rows = [[Cell(str(number)), *profile_cells(profile)[:3]] for number, profile in enumerate(profiles, start=1)]
    return aligned_lines(rows, right=frozenset({0}))
