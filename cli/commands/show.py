"""`s3plan show` and `s3plan graph`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, starmap
from os import fsencode
from pathlib import Path

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.review import Review, open_review
from s3plan.cli.screens.plan import LOOKS, ShownPlan, next_step_lines, plan_lines
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.screens.wording import key_text
from s3plan.cli.streams.csv_rows import ACTION_HEADINGS, action_row, write_csv
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.plan.actions import Action, VerdictKind
from s3plan.schemas.plan.rows import LocationRole
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

_KINDS_BY_WORD = {look.word: kind for kind, look in LOOKS.items()}
_WORD_WIDTH = max(len(look.word) for look in LOOKS.values())


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """The command line of `show`."""

    plan: Path | None = None
    lists: bool = False
    kinds: tuple[str, ...] = ()
    prefix: str | None = None
    limit: int | None = None
    json: bool = False
    csv: bool = False
    no_color: bool = False


def show(options: ShowOptions) -> int:
    """Print a plan: the screen, its actions one by one, or all of it for programs."""
    _check(options)
    terminal = open_terminal(no_color=options.no_color)
    with open_review(chosen_plan(options.plan, Purpose.LOOK)) as review:
        if options.json:
            for piece in review.document_lines():
                terminal.stdout.write(piece)
            terminal.stdout.flush()
        elif options.csv:
            rows = _counted(islice(_rows(review, options), options.limit), review, options, terminal)
            write_csv(starmap(action_row, rows), columns=ACTION_HEADINGS, stream=terminal.stdout)
        elif options.lists:
            _print_list(review, options, terminal)
        else:
            shown = ShownPlan(review.path, review.digest, review.header, review.ends)
            terminal.print([*plan_lines(shown, now=now_utc(), prefixes=None), *next_step_lines(shown)])
    return ExitCode.DONE


def draw_graph(plan: Path | None, *, dot: bool) -> int:
    """Print a plan's phases as Mermaid, or for Graphviz."""
    terminal = open_terminal()
    with open_review(chosen_plan(plan, Purpose.LOOK)) as review:
        terminal.stdout.write(review.dot() if dot else review.mermaid())
        terminal.stdout.flush()
    return ExitCode.DONE


def list_lines(rows: Iterable[tuple[VerdictKind, Action]]) -> Iterator[Text]:
    """Yield a line for each action: mark, kind, size, key, reason."""
    for kind, action in rows:
        look = LOOKS[kind]
        line = Text().append(f"{look.mark} {look.word:<{_WORD_WIDTH}}", style=look.style)
        line.append(f"  {size_text(action.size_bytes):>10}  {_places(action)}")
        line.append(f"  ({escape_unprintable(action.reason)})", style="dim")
        yield line


def _places(action: Action) -> str:
    key = key_text(action.key) or "(the location itself)"
    if action.destination_key is None or action.destination_key == action.key:
        return key
    return f"{key} -> {key_text(action.destination_key)}"


def _print_list(review: Review, options: ShowOptions, terminal: Terminal) -> None:
    rows = _rows(review, options)
    terminal.print(list_lines(_counted(islice(rows, options.limit), review, options, terminal)))
    if options.limit is not None and next(rows, None) is not None:
        terminal.say([Text(f"There is more; these are the first {options.limit:,} (--limit).")])


def _counted(
    rows: Iterable[tuple[VerdictKind, Action]], review: Review, options: ShowOptions, terminal: Terminal
) -> Iterator[tuple[VerdictKind, Action]]:
    """Yield the rows; where there are none say so, and if a prefix was asked for what keys look like in a plan."""
    row = None
    for row in rows:
        yield row
    if row is not None:
        return
    if options.prefix is not None:
        terminal.say(nothing_lines(options.prefix, review, of_kinds=bool(options.kinds)))
    else:
        terminal.say([Text(f"The plan has no {'line of these kinds' if options.kinds else 'lines'}.")])


def nothing_lines(prefix: str, review: Review, *, of_kinds: bool) -> list[Text]:
    """Return that no action's key begins so, and what keys are relative to."""
    source, destination = (review.ends[role].location for role in (LocationRole.SOURCE, LocationRole.DESTINATION))
    asked = escape_unprintable(prefix)
    what = "line of these kinds" if of_kinds else "line"
    lines = [
        Text(f"No {what} of the plan has a key that begins with {asked}."),
        Text(f"  Keys are relative to {escape_unprintable(source.url)} and {escape_unprintable(destination.url)}."),
    ]
    for location in (source, destination):
        for whole in (f"s3://{location.bucket}/{location.prefix}", f"/{location.prefix}", location.prefix):
            if whole and prefix.startswith(whole):
                rest = shlex.quote(escape_unprintable(prefix.removeprefix(whole)))
                return [*lines, Text(f"  Did you mean --prefix {rest}?")]
    return lines


def _rows(review: Review, options: ShowOptions) -> Iterator[tuple[VerdictKind, Action]]:
    kinds = [_KINDS_BY_WORD[word] for word in options.kinds] or None
    prefix = None if options.prefix is None else fsencode(options.prefix)
    return review.actions(kinds=kinds, prefix=prefix)


def _check(options: ShowOptions) -> None:
    if options.json and options.csv:
        raise UsageInvalid("--json and --csv do not go together")
    chooses = options.kinds or options.prefix is not None or options.limit is not None
    if options.json and (options.lists or chooses):
        raise UsageInvalid("--json prints the whole plan; choose from it with --list or --csv")
    if chooses and not (options.lists or options.csv):
        raise UsageInvalid("--kind, --prefix and --limit choose actions; say --list or --csv, too")
