"""`s3plan show` and `s3plan graph`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, starmap
from os import fsencode
from pathlib import Path

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.review import ListedAction, Review, open_review
from s3plan.app.runs.outcomes import iter_outcomes
from s3plan.cli.screens.plan import LOOKS, ShownPlan, next_step_lines, plan_lines
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.screens.wording import key_text
from s3plan.cli.streams.csv_rows import ACTION_HEADINGS, OUTCOME_HEADINGS, action_row, outcome_row, write_csv
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.plan.actions import Action, VerdictKind
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

_KINDS_BY_WORD = {look.word: kind for kind, look in LOOKS.items()}
_WORD_WIDTH = max(len(look.word) for look in LOOKS.values())


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """The command line of `show`."""

    lists: bool = False
    kinds: tuple[str, ...] = ()
    prefix: str | None = None
    limit: int | None = None
    job: str | None = None
    outcomes: bool = False
    json: bool = False
    csv: bool = False
    no_color: bool = False


def show_all(plans: Sequence[Path], options: ShowOptions) -> int:
    """Print plans, one after the other; without any the only unfinished one here."""
    _check(options)
    if len(plans) > 1 and (options.json or options.csv):
        raise UsageInvalid("--json and --csv print one plan; name one")
    terminal = open_terminal(no_color=options.no_color)
    for position, plan in enumerate(plans or [None]):
        if position:
            terminal.print([Text()])
        _show(chosen_plan(plan, Purpose.LOOK), options, terminal)
    return ExitCode.DONE


def _show(plan: Path, options: ShowOptions, terminal: Terminal) -> None:
    """Print a plan: the screen, its actions one by one, or all of it for programs."""
    with open_review(plan) as review:
        if options.job is not None:
            _check_job(options.job, review)
        if options.json:
            for piece in review.document_lines():
                terminal.stdout.write(piece)
            terminal.stdout.flush()
        elif options.outcomes:
            _print_outcomes(review, options, terminal)
        elif options.csv:
            rows = _counted(islice(_rows(review, options), options.limit), review, options, terminal)
            write_csv(starmap(action_row, rows), columns=ACTION_HEADINGS, stream=terminal.stdout)
        elif options.lists:
            _print_list(review, options, terminal)
        else:
            shown = ShownPlan(review.path, review.digest, review.header, review.ends)
            lines = plan_lines(shown, now=now_utc(), prefixes=None, job=options.job)
            terminal.print([*lines, *next_step_lines(shown)])


def _check_job(name: str, review: Review) -> None:
    """Raise UsageInvalid for a job that the plan has not got."""
    known = [job.name for job in review.header.jobs]
    if name not in known:
        raise UsageInvalid(f"--job: the plan has no job {name}; its jobs are {', '.join(known)}")


def draw_graph(plan: Path | None, *, dot: bool) -> int:
    """Print a plan's phases as Mermaid, or for Graphviz."""
    terminal = open_terminal()
    with open_review(chosen_plan(plan, Purpose.LOOK)) as review:
        terminal.stdout.write(review.dot() if dot else review.mermaid())
        terminal.stdout.flush()
    return ExitCode.DONE


def list_lines(rows: Iterable[ListedAction], *, names_jobs: bool = False) -> Iterator[Text]:
    """Yield a line for each action: mark, kind, size, key, reason; where there are several jobs, which one's."""
    for job, kind, action in rows:
        look = LOOKS[kind]
        line = Text().append(f"{look.mark} {look.word:<{_WORD_WIDTH}}", style=look.style)
        line.append(f"  {size_text(action.size_bytes):>10}  {_places(action)}")
        line.append(f"  ({escape_unprintable(action.reason)})", style="dim")
        if names_jobs:
            line.append(f"  {escape_unprintable(job)}", style="dim")
        yield line


def _places(action: Action) -> str:
    key = key_text(action.key) or "(the location itself)"
    if action.destination_key is None or action.destination_key == action.key:
        return key
    return f"{key} -> {key_text(action.destination_key)}"


def _print_list(review: Review, options: ShowOptions, terminal: Terminal) -> None:
    rows = _rows(review, options)
    counted = _counted(islice(rows, options.limit), review, options, terminal)
    terminal.print(list_lines(counted, names_jobs=len(review.header.jobs) > 1))
    if options.limit is not None and next(rows, None) is not None:
        terminal.say([Text(f"There is more; these are the first {options.limit:,} (--limit).")])


def _print_outcomes(review: Review, options: ShowOptions, terminal: Terminal) -> None:
    rows = iter_outcomes(review.path, kinds=_kinds(options), prefix=_prefix(options), job=options.job)
    rows = islice(rows, options.limit)
    write_csv(map(outcome_row, rows), columns=OUTCOME_HEADINGS, stream=terminal.stdout)


def _counted(
    rows: Iterable[ListedAction], review: Review, options: ShowOptions, terminal: Terminal
) -> Iterator[ListedAction]:
    """Yield the rows; where there are none say so, and if a prefix was asked for what keys look like in a plan."""
    row = None
    for row in rows:
        yield row
    if row is not None:
        return
    if options.prefix is not None:
        terminal.say(nothing_lines(options.prefix, review, of_kinds=bool(options.kinds), job=options.job))
    else:
        terminal.say([Text(f"The plan has no {'line of these kinds' if options.kinds else 'lines'}.")])


def nothing_lines(prefix: str, review: Review, *, of_kinds: bool, job: str | None = None) -> list[Text]:
    """Return that no action's key begins so, and what keys are relative to."""
    shown = [ends for ends in review.ends if job is None or ends.job == job]
    asked = escape_unprintable(prefix)
    what = "line of these kinds" if of_kinds else "line"
    lines = [Text(f"No {what} of the plan has a key that begins with {asked}.")]
    for ends in shown:
        whose = "Keys" if len(shown) == 1 else f"Keys of job {ends.job}"
        lines.append(
            Text(f"  {whose} are relative to {' and '.join(escape_unprintable(end.location.url) for end in ends.all)}.")
        )
    for location in (end.location for ends in shown for end in ends.all):
        for whole in (f"s3://{location.bucket}/{location.prefix}", f"/{location.prefix}", location.prefix):
            if whole and prefix.startswith(whole):
                rest = shlex.quote(escape_unprintable(prefix.removeprefix(whole)))
                return [*lines, Text(f"  Did you mean --prefix {rest}?")]
    return lines


def _rows(review: Review, options: ShowOptions) -> Iterator[ListedAction]:
    return review.actions(kinds=_kinds(options), prefix=_prefix(options), job=options.job)


def _kinds(options: ShowOptions) -> list[VerdictKind] | None:
    return [_KINDS_BY_WORD[word] for word in options.kinds] or None


def _prefix(options: ShowOptions) -> bytes | None:
    return None if options.prefix is None else fsencode(options.prefix)


def _check(options: ShowOptions) -> None:
    if options.json and options.csv:
        raise UsageInvalid("--json and --csv do not go together")
    if options.outcomes and not options.csv:
        raise UsageInvalid("--outcomes goes with --csv; `s3plan status` prints the sums")
    chooses = options.kinds or options.prefix is not None or options.limit is not None
    if options.json and (options.lists or chooses or options.job is not None):
        raise UsageInvalid("--json prints the whole plan; choose from it with --list or --csv")
    if chooses and not (options.lists or options.csv):
        raise UsageInvalid("--kind, --prefix and --limit choose actions; say --list or --csv, too")
