"""s3plan: plan, review and apply object-storage jobs.

made = s3plan.plan("job.yaml")
report = s3plan.apply(made.path, expect=made.digest, on_event=print)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3plan.app.audits.requests import AuditReport
    from s3plan.app.connections.report import ConnectionReport
    from s3plan.app.library import apply, plan, policy, test_connection, verify
    from s3plan.app.policies import Policies, PolicyDocument
    from s3plan.app.requests import ApplyReport, PlanMade
    from s3plan.app.runs.overrides import RunOverrides
    from s3plan.schemas.connections.trials import Trial
    from s3plan.schemas.errors import S3PlanError
    from s3plan.schemas.events import Event
    from s3plan.schemas.evidence.findings import Finding

__all__ = [
    "ApplyReport",
    "AuditReport",
    "ConnectionReport",
    "Event",
    "Finding",
    "PlanMade",
    "Policies",
    "PolicyDocument",
    "RunOverrides",
    "S3PlanError",
    "Trial",
    "apply",
    "plan",
    "policy",
    "test_connection",
    "verify",
]

_HOMES = {
    "plan": "s3plan.app.library",
    "apply": "s3plan.app.library",
    "verify": "s3plan.app.library",
    "test_connection": "s3plan.app.library",
    "ConnectionReport": "s3plan.app.connections.report",
    "Trial": "s3plan.schemas.connections.trials",
    "policy": "s3plan.app.library",
    "Policies": "s3plan.app.policies",
    "PolicyDocument": "s3plan.app.policies",
    "ApplyReport": "s3plan.app.requests",
    "AuditReport": "s3plan.app.audits.requests",
    "Finding": "s3plan.schemas.evidence.findings",
    "PlanMade": "s3plan.app.requests",
    "RunOverrides": "s3plan.app.runs.overrides",
    "S3PlanError": "s3plan.schemas.errors",
    "Event": "s3plan.schemas.events",
}


def __getattr__(name: str) -> object:
    """Import late: `s3plan --help` goes through this package too."""
    if name not in _HOMES:
        raise AttributeError(f"module 's3plan' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
