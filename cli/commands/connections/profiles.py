"""`s3plan profiles`."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.connections.aws_profiles import found_profiles
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import open_terminal
from s3plan.cli.screens.wording import age_text, moment_text
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.connections.profiles import Profile
from s3plan.schemas.connections.trials import Answer
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.json_text import json_line
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.redaction import mask_known

_STYLES = {Answer.YES: "green", Answer.NO: "bold red", Answer.UNKNOWN: ""}
_WORDS = {Answer.YES: "valid", Answer.NO: "not valid", Answer.UNKNOWN: ""}


def print_profiles(*, checks: bool, json: bool, no_color: bool) -> int:
    """Print a line for each profile."""
    with ending_at_once():
        profiles = found_profiles(checks=checks)
    terminal = open_terminal(no_color=no_color)
    if json:
        terminal.stdout.write(mask_known(json_line({"profiles": [asdict(profile) for profile in profiles]})))
        return ExitCode.DONE
    if not profiles:
        terminal.say([Text("there are no profiles in ~/.aws/config and ~/.aws/credentials")])
        return ExitCode.DONE
    head = [Cell(word, "bold") for word in ("name", "region", "credentials", "state")]
    terminal.print(aligned_lines([head, *map(profile_cells, profiles)], indent=0))
    return ExitCode.DONE


def profile_cells(profile: Profile) -> list[Cell]:
    """Return what a person is shown of a profile."""
    kind = profile.kind.value if profile.source is None else f"{profile.kind}: {profile.source}"
    parts = [_WORDS[profile.is_valid], mask_known(profile.said)]
    if profile.identity is not None:
        parts.append(profile.identity.arn)
    if profile.expires_at is not None:
        age = age_text(profile.expires_at, now=now_utc())
        word = "ended" if profile.expires_at < now_utc() else "ends"
        parts.append(f"its session {word} {moment_text(profile.expires_at)}, {age}")
    state = "; ".join(part for part in parts if part)
    return [
        Cell(escape_unprintable(profile.name)),
        Cell(escape_unprintable(profile.region or "-")),
        Cell(escape_unprintable(kind)),
        Cell(escape_unprintable(state), _STYLES[profile.is_valid]),
    ]
