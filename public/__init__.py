"""s3plan: plan, review and apply object-storage jobs.

made = s3plan.plan("job.yaml")
report = s3plan.apply(made.path, expect=made.digest, on_event=print)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3plan.app.library import apply, plan
    from s3plan.app.requests import ApplyReport, PlanMade
    from s3plan.app.runs.overrides import RunOverrides
    from s3plan.schemas.errors import S3PlanError
    from s3plan.schemas.events import Event

__all__ = ["ApplyReport", "Event", "PlanMade", "RunOverrides", "S3PlanError", "apply", "plan"]

_HOMES = {
    "plan": "s3plan.app.library",
    "apply": "s3plan.app.library",
    "ApplyReport": "s3plan.app.requests",
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
