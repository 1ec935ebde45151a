"""`s3plan plan`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.connections.choosing import with_choice
from s3plan.app.plans.manifests import check_names_differ, found_manifests
from s3plan.app.plans.planning import make_plan
from s3plan.app.plans.review import open_review
from s3plan.app.requests import KEPT_PLANS, PlanMade, PlanRequest
from s3plan.cli.commands.connections.choosing import choose_profile, offer_to_keep
from s3plan.cli.failure_exit import report_failure
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.end_lines import location_documents
from s3plan.cli.screens.guard_lines import blocked_text
from s3plan.cli.screens.plan import ShownPlan, next_step_lines, plan_lines, totals_line, warning_lines
from s3plan.cli.screens.wording import path_text
from s3plan.cli.streams.output import Output, OutputOptions, open_output
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.errors import CredentialsUnusable, ExitCode, GuardRefused, S3PlanError, UsageInvalid
from s3plan.schemas.plan.guards import parse_allowances
from s3plan.schemas.quantities import QuantityInvalid, parse_duration

DEFAULT_MANIFEST = Path("s3plan.yaml")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The command line of `plan`."""

    manifests: tuple[Path, ...]
    out: Path | None
    allow: tuple[str, ...]
    expires: str | None
    probe: bool
    detailed_exitcode: bool
    keep: int = KEPT_PLANS
    select: str | None = None
    without_dependencies: bool = False


def plan_all(options: PlanOptions, output_options: OutputOptions) -> int:
    """Make a plan of each manifest, show it and say how to apply it; a table at the end where there are several.

    Raises GuardRefused for the only one if it is saved but blocked; of several the worst exit code is returned.
    """
    with open_output(output_options) as output, ending_at_once():
        manifests = named_manifests(options.manifests)
        if len(manifests) == 1:
            return _plan(manifests[0], options, output)
        _refuse_of_one(options)
        check_names_differ(manifests)
        rows = [_plan_one_of_many(manifest, options, output) for manifest in manifests]
        if output.shows_screens:
            output.terminal.print([Text(), Text("Plans", style="bold"), *aligned_lines([row for row, _ in rows])])
        return worst_of(code for _, code in rows)


def _plan(manifest: Path, options: PlanOptions, output: Output) -> ExitCode:
    request = _request(manifest, options)
    made, chosen = _plan_with_choices(request, output)
    show_made(made, output)
    for connection, profile in chosen.items():
        offer_to_keep(connection, profile, output.terminal)
    if made.header.is_blocked:
        raise GuardRefused(blocked_text(made.header, release=_same_again(options, request)))
    return exit_code_of_plan(made, is_detailed=options.detailed_exitcode)


def _plan_with_choices(request: PlanRequest, output: Output) -> tuple[PlanMade, Mapping[str, str]]:
    """Make the plan; where a connection has no credentials, with the profile that somebody chooses, by its name."""
    while True:
        try:
            with output.progress() as on_event:
                return make_plan(request, on_event=on_event), request.profiles
        except CredentialsUnusable as error:
            chosen = choose_profile(error, output.terminal) if output.shows_screens else None
            if chosen is None:
                raise
            request = replace(request, profiles=with_choice(request.profiles, *chosen))


def _plan_one_of_many(manifest: Path, options: PlanOptions, output: Output) -> tuple[list[Cell], ExitCode]:
    """Return a row of the table, and how the command would end for this manifest alone."""
    request = _request(manifest, options)
    try:
        with output.progress() as on_event:
            made = make_plan(request, on_event=on_event)
    except S3PlanError as error:
        output.tell_error(error)
        code = ExitCode(report_failure(error))
        return [Cell(path_text(manifest)), Cell("no plan", "bold red")], code
    show_made(made, output)
    said = totals_line(made.header).removeprefix("Plan: ")
    if made.header.is_blocked:
        held = GuardRefused(blocked_text(made.header, release=_same_again(options, request)))
        output.tell_error(held)
        return [Cell(path_text(manifest)), Cell(f"blocked: {said}", "bold red")], ExitCode(report_failure(held))
    return [Cell(path_text(manifest)), Cell(said)], exit_code_of_plan(made, is_detailed=options.detailed_exitcode)


def _refuse_of_one(options: PlanOptions) -> None:
    """Raise UsageInvalid for options that mean one manifest where there are several."""
    for option, is_given in (("-o", options.out), ("--allow", options.allow), ("--select", options.select)):
        if is_given:
            raise UsageInvalid(f"{option} goes with one manifest; plan that one by itself")


def exit_code_of_plan(made: PlanMade, *, is_detailed: bool = False) -> ExitCode:
    """Return how a command ends that made this plan: one of conflicts only is no success, as applying it is none."""
    if not made.has_changes:
        return ExitCode.INCOMPLETE if made.header.objects_of_conflicts else ExitCode.DONE
    return ExitCode.CHANGES if is_detailed else ExitCode.DONE


def named_manifests(named: Sequence[Path]) -> list[Path]:
    """Return the manifests that were named, or found in named folders, else the one of this directory.

    Raises UsageInvalid if there is none.
    """
    if not named and not DEFAULT_MANIFEST.exists():
        raise UsageInvalid(f"there is no {DEFAULT_MANIFEST} in this directory; write one, or name another manifest")
    return found_manifests(named or [DEFAULT_MANIFEST])


def worst_of(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code for several manifests: an error wins over changes, changes over none."""
    return max(codes, key=lambda code: (code not in (ExitCode.DONE, ExitCode.CHANGES), code), default=ExitCode.DONE)


def expiry(text: str | None) -> timedelta | None:
    """Return what --expires says; raise UsageInvalid."""
    try:
        expires_after = None if text is None else parse_duration(text)
    except QuantityInvalid as error:
        raise UsageInvalid(f"--expires: {error}") from error
    if expires_after is not None and not expires_after:
        raise UsageInvalid("--expires: a plan that expires at once could never be applied")
    return expires_after


def _request(manifest: Path, options: PlanOptions) -> PlanRequest:
    if options.without_dependencies and options.select is None:
        raise UsageInvalid("--no-dependencies goes with --select")
    return PlanRequest(
        manifest=manifest,
        output=options.out,
        allow=parse_allowances(options.allow),
        expires_after=expiry(options.expires),
        probe=options.probe,
        keep=options.keep,
        owns_process=True,
        select=job_names(options.select),
        without_dependencies=options.without_dependencies,
    )


def show_made(made: PlanMade, output: Output) -> None:
    """Print a plan that was just made, as the user wants to see it."""
    with open_review(made.path) as review:
        shown = ShownPlan(made.path, made.digest, made.header, review.ends)
    header = made.header.model_dump(mode="json", exclude={"manifest": {"text", "resolved"}})
    locations = location_documents(shown.ends)
    output.tell("plan", {"path": str(made.path), "digest": made.digest, "locations": locations, "header": header})
    if output.shows_screens:
        output.terminal.print([*plan_lines(shown, now=now_utc()), *next_step_lines(shown)])
    elif not output.options.json:
        output.terminal.say(warning_lines(made.header))
        output.terminal.print([Text(totals_line(made.header))])


def _same_again(options: PlanOptions, request: PlanRequest) -> list[str | Path]:
    """Return the words of this command, without its allowances for guards that held anew."""
    words: list[str | Path] = ["s3plan", "plan"]
    words += options.manifests
    words += [] if options.select is None else ["--select", options.select]
    words += ["--no-dependencies"] if options.without_dependencies else []
    words += [] if options.out is None else ["-o", options.out]
    words += [] if options.expires is None else ["--expires", options.expires]
    words += ["--probe"] if options.probe else []
    words += [] if options.keep == KEPT_PLANS else ["--keep", str(options.keep)]
    for name, found in request.allow.items():
        words += ["--allow", f"{name}={found}"]
    return words


def job_names(select: str | None) -> tuple[str, ...]:
    """Return the names that `--select` gives; one empty name for an option without any, which is refused by name."""
    if select is None:
        return ()
    return tuple(name.strip() for name in select.split(",") if name.strip()) or ("",)
