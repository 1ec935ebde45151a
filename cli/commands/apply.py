"""`s3plan apply`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from s3plan.app.clock import now_utc
from s3plan.app.folder_remains import has_remains
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.review import open_review
from s3plan.app.requests import ApplyReport, ApplyRequest, Status
from s3plan.app.roots import named_folder
from s3plan.app.runs.applying import apply_plan
from s3plan.app.runs.overrides import RunOverrides, parse_overrides
from s3plan.app.runs.status import read_status
from s3plan.cli.commands.approval import approve
from s3plan.cli.screens.plan import ShownPlan
from s3plan.cli.screens.progress import ProgressView
from s3plan.cli.screens.run import before_lines, finished_lines, result_lines
from s3plan.cli.streams.output import Output, OutputOptions, open_output
from s3plan.cli.streams.signals import StopSignals
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.events import RunEnded, Warned
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.quantities import QuantityInvalid, parse_duration
from s3plan.schemas.run_states import RunState, StopLevel, StopReason

_STOPPING = {
    StopLevel.DRAIN: "stopping: finishing what is under way; press Ctrl-C again to stop now",
    StopLevel.ABANDON: "stopping now: what is under way will be looked at when you go on",
}


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """The command line of `apply`."""

    plan: Path | None = None
    yes: bool = False
    expect: str | None = None
    journal: Path | None = None
    limit: int | None = None
    max_duration: str | None = None
    executor: str | None = None
    workers: int | None = None
    overrides: Mapping[str, str | None] = field(default_factory=dict)  # by their names in the manifest's `run:`
    cluster: str | None = None
    allow_checked: bool = False
    rebuild_journal: bool = False
    root: str | None = None


def apply(options: ApplyOptions, output_options: OutputOptions) -> int:
    """Show a plan, have it approved, and perform it, or what is left of it."""
    max_duration, overrides = _max_duration(options), parse_overrides(options.overrides)
    with open_output(output_options) as output:
        path = chosen_plan(options.plan, Purpose.APPLY)
        with open_review(path) as review:
            root = review.root_of_run(options.journal, asked=_named_root(options), rebuilds=options.rebuild_journal)
            plan = ShownPlan(path, review.digest, review.header, review.ends)
            changed = review.changed_manifest
        status = None if options.rebuild_journal else read_status(path, options.journal)
        refused = _is_refused_anyway(plan, options, now=now_utc())
        if status is not None and _is_finished(status) and not refused and not has_remains(path, options.journal):
            return _say_finished(status, options, output)
        if not refused and plan.header.actions:
            if output.shows_screens:
                lines = before_lines(plan, status=status, limit=options.limit, root=root, now=now_utc())
                output.terminal.say(lines)
            if changed is not None:
                with output.progress() as on_event:
                    on_event(Warned(changed))
            approve(output.terminal, digest=plan.digest, yes=options.yes, expect=options.expect, root=root)
        return _perform(plan, options, output, max_duration=max_duration, overrides=overrides)


def resume_command(path: Path, options: ApplyOptions) -> list[str | Path]:
    """Return the words of the command that goes on with a plan as this one did, approved in the same way."""
    words: list[str | Path] = ["s3plan", "apply", path]
    words += ["--yes"] if options.yes else []
    words += [] if options.expect is None else ["--expect", options.expect]
    words += [] if options.journal is None else ["--journal", options.journal]
    words += [] if options.max_duration is None else ["--max-duration", options.max_duration]
    words += [] if options.executor is None else ["--executor", options.executor]
    words += [] if options.workers is None else ["--workers", str(options.workers)]
    for name, text in options.overrides.items():
        words += [] if text is None else [f"--{name.replace('_', '-')}", text]
    words += [] if options.cluster is None else ["--cluster", options.cluster]
    words += ["--allow-checked"] if options.allow_checked else []
    words += [] if options.root is None else ["--root", options.root]
    return words


def _named_root(options: ApplyOptions) -> Path | None:
    return None if options.root is None else named_folder(options.root)


def _max_duration(options: ApplyOptions) -> timedelta | None:
    if options.max_duration is None:
        return None
    try:
        found = parse_duration(options.max_duration)
    except QuantityInvalid as error:
        raise UsageInvalid(f"--max-duration: {error}") from error
    if not found:
        raise UsageInvalid("--max-duration: a run needs some time; write 30m or 2h")
    return found


def _is_refused_anyway(plan: ShownPlan, options: ApplyOptions, *, now: datetime) -> bool:
    """Say whether apply will refuse this plan, whatever anybody approves: then nobody is asked."""
    is_another = options.expect is not None and options.expect != plan.digest
    return plan.header.is_blocked or plan.header.is_expired(now) or is_another


def _is_finished(status: Status) -> bool:
    """Say whether every action has ended in a way that another run does not change; withheld deletes stay withheld."""
    has_run = bool(status.runs) and status.state not in {RunState.RUNNING, RunState.PAUSED}
    return has_run and status.remaining == 0 and not status.counts.get(OutcomeKind.FAILED)


def _say_finished(status: Status, options: ApplyOptions, output: Output) -> int:
    code = ExitCode.DONE if status.state == RunState.COMPLETED else ExitCode.INCOMPLETE
    with output.progress() as on_event:
        counts = {kind.value: count for kind, count in status.counts.items()}
        evidence, verified = dict(status.evidence), dict(status.verified)
        on_event(RunEnded(status.state, None, counts, 0, int(code), 0.0, status.messages, evidence, verified))
    if not output.options.json:
        resume = resume_command(status.plan, options)
        output.terminal.print(finished_lines(status, resume=resume))
    return code


def _perform(
    plan: ShownPlan,
    options: ApplyOptions,
    output: Output,
    *,
    max_duration: timedelta | None,
    overrides: RunOverrides,
) -> int:
    request = ApplyRequest(
        plan=plan.path,
        journal=options.journal,
        shown=plan.digest,
        expect=options.expect,
        executor=options.executor,
        workers=options.workers,
        overrides=overrides,
        cluster=options.cluster,
        limit=options.limit,
        max_duration=max_duration,
        allow_checked=options.allow_checked,
        rebuild_journal=options.rebuild_journal,
        root=_named_root(options),
        every_action=output.options.wants_every_action,
        owns_process=True,
    )
    with StopSignals(lambda level: _announce(output, level)) as signals:
        with output.progress() as on_event:
            report = apply_plan(request, on_event=on_event, stop_level=signals.level)
        _show(report, plan, options, output)
    return signals.exit_code if report.reason == StopReason.SIGNAL else report.exit_code


def _announce(output: Output, level: StopLevel) -> None:
    if not output.options.json:
        with suppress(OSError):
            ProgressView(output.terminal).say(_STOPPING[level])


def _show(report: ApplyReport, plan: ShownPlan, options: ApplyOptions, output: Output) -> None:
    if not output.options.json:
        resume = resume_command(plan.path, options)
        output.terminal.print(result_lines(report, resume=resume))
