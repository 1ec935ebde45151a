"""What `import s3plan` gives: the verbs, for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from s3plan.app.audits.auditing import audit
from s3plan.app.audits.requests import AuditReport, AuditRequest, OnFinding
from s3plan.app.connections.editing import DEFAULT
from s3plan.app.connections.report import ConnectionReport
from s3plan.app.connections.trial import TrialRequest, try_connection
from s3plan.app.plans.planning import make_plan
from s3plan.app.policies import USUAL_COMMANDS, Policies, PolicyRequest, least_policies
from s3plan.app.requests import KEPT_PLANS, ApplyReport, ApplyRequest, PlanMade, PlanRequest
from s3plan.app.roots import named_folder
from s3plan.app.runs.applying import apply_plan
from s3plan.app.runs.overrides import RunOverrides
from s3plan.schemas.events import OnEvent
from s3plan.schemas.permissions.permitted_commands import PermittedCommand
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.run_states import StopLevel

StopLevelOf = Callable[[], StopLevel]


def _silently(_: object) -> None:
    """Take an event and do nothing with it."""


def _silently_of_job(_: str, __: object) -> None:
    """Take what was found of a key and do nothing with it."""


def plan(
    manifest: str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    allow: Mapping[str, int] | None = None,
    expires_after: timedelta | None = None,
    probe: bool = False,
    keep: int = KEPT_PLANS,
    select: Iterable[str] = (),
    without_dependencies: bool = False,
    on_event: OnEvent = _silently,
) -> PlanMade:
    """Compare both sides of each of a manifest's jobs and save the plan; see make_plan for what it raises.

    The last `keep` plans that the manifest had before, which were applied or given up, stay in `.s3plan/earlier`. With
    `select` only these jobs are planned, and those that they depend on unless `without_dependencies`. `allow` releases
    guards by their names, those of one job of several as `JOB.NAME`.
    """
    request = PlanRequest(
        manifest=Path(manifest),
        output=None if output is None else Path(output),
        allow=allow or {},
        expires_after=expires_after,
        probe=probe,
        keep=keep,
        select=tuple(select),
        without_dependencies=without_dependencies,
    )
    return make_plan(request, on_event=on_event)


def apply(
    plan: str | PathLike[str],
    *,
    expect: str | None = None,
    journal: str | PathLike[str] | None = None,
    executor: str | None = None,
    workers: int | None = None,
    overrides: RunOverrides | None = None,
    cluster: str | None = None,
    limit: int | None = None,
    max_duration: timedelta | None = None,
    allow_checked: bool = False,
    rebuild_journal: bool = False,
    root: str | PathLike[str] | None = None,
    every_action: bool = False,
    on_event: OnEvent = _silently,
    stop_level: StopLevelOf | None = None,
) -> ApplyReport:
    """Perform a plan, or go on with it; see app.applying.apply_plan for what it raises.

    `overrides` hold in place of the manifest's `run:` for this run. The caller is the approval: pass `expect`, the full
    digest, to bind it to one plan. `root` is where the plan's folder lies here, if that is not where it was planned;
    who goes on need not name it again. Call it from any thread. With `every_action` there is an `action-ended` event
    for each action, not only for those that failed or went stale.
    """
    request = ApplyRequest(
        plan=Path(plan),
        journal=None if journal is None else Path(journal),
        expect=expect,
        executor=executor,
        workers=workers,
        overrides=overrides or RunOverrides(),
        cluster=cluster,
        limit=limit,
        max_duration=max_duration,
        allow_checked=allow_checked,
        rebuild_journal=rebuild_journal,
        root=None if root is None else named_folder(fspath(root)),
        every_action=every_action,
    )
    return apply_plan(request, on_event=on_event, stop_level=stop_level or _never)


def verify(
    manifest: str | PathLike[str],
    *,
    select: Iterable[str] = (),
    without_dependencies: bool = False,
    reads: bool = False,
    attributes: bool = False,
    with_same: bool = False,
    on_event: OnEvent = _silently,
    on_finding: OnFinding = _silently_of_job,
) -> AuditReport:
    """Say whether both sides of each of a manifest's jobs hold the same bytes, changing neither; see auditing.audit.

    `on_finding` is told the job's name and what was found of each key that is not the same, with `with_same` of every
    key. With `reads` what has no other evidence is fetched and read, with `attributes` metadata, content headers and
    tags are compared, too. The report's `exit_code` is the command's.
    """
    request = AuditRequest(
        manifest=Path(manifest),
        select=tuple(select),
        without_dependencies=without_dependencies,
        reads=reads,
        attributes=attributes,
    )
    return audit(request, on_event=on_event, on_finding=on_finding, with_same=with_same)


def test_connection(
    name: str = DEFAULT,
    *,
    bucket: str | None = None,
    prefix: str = "",
    count: bool = False,
    write: bool = False,
) -> ConnectionReport:
    """Try a connection of the user's own, `default`, or an `s3://` URL: who signs, and what may be done there.

    Without a bucket only credentials and store are tried. With `write` objects of its own are made under the prefix,
    and removed again; whatever the store refuses is in the report and raises nothing. With `count` all objects are
    counted, else those of the first pages. Raises UsageInvalid for a connection that there is not, ManifestInvalid for
    a file of connections that is not sound. The report's `exit_code` is the command's.
    """
    return try_connection(TrialRequest(name=name, bucket=bucket, prefix=prefix, counts=count, writes=write))


test_connection.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's


def policy(
    manifest: str | PathLike[str],
    *,
    command: Literal["plan", "apply", "verify"] | None = None,
    side: Literal["source", "destination"] | None = None,
    job: str | None = None,
) -> Policies:
    """Return the least policies that a manifest's jobs need, without asking any store; see policies.least_policies.

    Those of `plan` and `apply` together unless a command is named, of both sides unless one is, of all jobs unless one
    is.
    """
    request = PolicyRequest(
        manifest=Path(manifest),
        commands=USUAL_COMMANDS if command is None else (PermittedCommand(command),),
        side=None if side is None else Side(side),
        job=job,
    )
    return least_policies(request)


def _never() -> StopLevel:
    return StopLevel.NONE
