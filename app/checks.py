"""What must hold before a plan may change anything."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from s3plan.app.requests import ApplyRequest
from s3plan.planfile.reader import PlanReader
from s3plan.planner.manifest_file import load_manifest
from s3plan.schemas.errors import GuardRefused, ManifestInvalid, NotApproved, PlanRefused

_FULL_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_approval(plan: PlanReader, request: ApplyRequest) -> None:
    """Raise NotApproved unless the plan is the one that was approved, and the one that was shown."""
    if request.expect is not None and not _FULL_DIGEST.fullmatch(request.expect):
        raise NotApproved("--expect takes the full digest of the plan: 64 hex digits, as `s3plan plan` prints it")
    for digest in (request.expect, request.shown):
        if digest is not None and digest != plan.digest:
            raise NotApproved(
                f"{plan.path} is not the plan that was approved: its digest is {plan.digest}, approved was {digest}"
            )


def check_header(plan: PlanReader, *, now: datetime) -> None:
    """Raise GuardRefused for a plan that a guard holds, PlanRefused for one that has expired at `now`."""
    header = plan.header
    held = [guard for guard in header.guards if guard.held and not guard.released]
    if held:
        which = "; ".join(f"{guard.name}: {guard.found:,} found, {guard.allowed:,} allowed" for guard in held)
        release = " ".join(f"--allow {guard.name}={guard.found}" for guard in held)
        raise GuardRefused(f"{plan.path} is blocked by a guard ({which}); look at it, then plan again with {release}")
    if header.is_expired(now):
        raise PlanRefused(f"{plan.path} has expired at {header.expires_at:%Y-%m-%d %H:%M} UTC; make a new plan")


def check_endpoints(plan: PlanReader, request: ApplyRequest) -> None:
    """Raise PlanRefused if the plan leads to endpoints that nothing on this machine names.

    The manifest beside the plan names them, or `--expect` vouches for the whole plan: whoever can hand a user a plan
    file must not be able to send signed requests to a host of their own.
    """
    # The default connection goes where this user's own environment leads; Stores.check_endpoint holds it to that.
    named = [location for location in plan.locations if location.connection]
    endpoints = {location.endpoint for location in named if location.endpoint is not None}
    if not endpoints or request.expect is not None:
        return
    unknown = endpoints - _named_beside(plan)
    if unknown:
        raise PlanRefused(
            f"{plan.path} leads to {', '.join(sorted(unknown))}, which no manifest beside it names; "
            f"if you trust the plan, apply it with --expect {plan.digest}"
        )


def _named_beside(plan: PlanReader) -> set[str]:
    named: set[str] = set()
    for manifest in _manifests_beside(plan):
        try:
            connections = load_manifest(manifest).manifest.connections
        except ManifestInvalid:
            continue
        named.update(connection.endpoint for connection in connections.values() if connection.endpoint is not None)
    return named


def _manifests_beside(plan: PlanReader) -> list[Path]:
    """Return the files that may be the plan's manifest: as it was named, and by that name near the plan."""
    recorded = Path(plan.header.manifest.path)
    folder = plan.path.absolute().parent
    candidates = {recorded.absolute(), folder / recorded.name, folder.parent / recorded.name}
    return [path for path in sorted(candidates) if path.is_file()]
