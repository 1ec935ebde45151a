"""`s3plan plan`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.text import Text
from s3plan.app.clock import now_utc
from s3plan.app.plans.planning import make_plan
from s3plan.app.plans.review import open_review
from s3plan.app.requests import KEPT_PLANS, PlanMade, PlanRequest
from s3plan.cli.screens.end_lines import location_documents
from s3plan.cli.screens.plan import ShownPlan, blocked_text, next_step_lines, plan_lines, totals_line, warning_lines
from s3plan.cli.streams.output import Output, OutputOptions, open_output
from s3plan.cli.streams.signals import ending_at_once
from s3plan.schemas.errors import ExitCode, GuardRefused, UsageInvalid
from s3plan.schemas.plan.guards import parse_allowances
from s3plan.schemas.quantities import QuantityInvalid, parse_duration

DEFAULT_MANIFEST = Path("s3plan.yaml")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The command line of `plan`."""

    manifest: Path | None
    out: Path | None
    allow: tuple[str, ...]
    expires: str | None
    probe: bool
    detailed_exitcode: bool
    keep: int = KEPT_PLANS


def plan(options: PlanOptions, output_options: OutputOptions) -> int:
    """Make a plan, show it and say how to apply it; raise GuardRefused for one that is saved but blocked."""
    with open_output(output_options) as output, ending_at_once():
        request = _request(options)
        with output.progress() as on_event:
            made = make_plan(request, on_event=on_event)
        show_made(made, output)
        if made.header.is_blocked:
            raise GuardRefused(blocked_text(made.header, release=_same_again(options, request)))
        return exit_code_of_plan(made, is_detailed=options.detailed_exitcode)


def exit_code_of_plan(made: PlanMade, *, is_detailed: bool = False) -> ExitCode:
    """Return how a command ends that made this plan: one of conflicts only is no success, as applying it is none."""
    if not made.has_changes:
        return ExitCode.INCOMPLETE if made.header.objects_of_conflicts else ExitCode.DONE
    return ExitCode.CHANGES if is_detailed else ExitCode.DONE


def manifest_or_default(manifest: Path | None) -> Path:
    """Return the manifest that was named, else the one of this directory; raise UsageInvalid if it has none."""
    if manifest is None and not DEFAULT_MANIFEST.exists():
        raise UsageInvalid(f"there is no {DEFAULT_MANIFEST} in this directory; write one, or name another manifest")
    return manifest or DEFAULT_MANIFEST


def expiry(text: str | None) -> timedelta | None:
    """Return what --expires says; raise UsageInvalid."""
    try:
        expires_after = None if text is None else parse_duration(text)
    except QuantityInvalid as error:
        raise UsageInvalid(f"--expires: {error}") from error
    if expires_after is not None and not expires_after:
        raise UsageInvalid("--expires: a plan that expires at once could never be applied")
    return expires_after


def _request(options: PlanOptions) -> PlanRequest:
    return PlanRequest(
        manifest=manifest_or_default(options.manifest),
        output=options.out,
        allow=parse_allowances(options.allow),
        expires_after=expiry(options.expires),
        probe=options.probe,
        keep=options.keep,
        owns_process=True,
    )


def show_made(made: PlanMade, output: Output) -> None:
    """Print a plan that was just made, as the user wants to see it."""
    with open_review(made.path) as review:
        shown = ShownPlan(made.path, made.digest, made.header, review.ends)
    header = made.header.model_dump(mode="json", exclude={"manifest": {"text"}})
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
    words += [] if options.manifest is None else [options.manifest]
    words += [] if options.out is None else ["-o", options.out]
    words += [] if options.expires is None else ["--expires", options.expires]
    words += ["--probe"] if options.probe else []
    words += [] if options.keep == KEPT_PLANS else ["--keep", str(options.keep)]
    for name, found in request.allow.items():
        words += ["--allow", f"{name}={found}"]
    return words
