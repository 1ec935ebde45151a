"""What must hold before a plan may change anything."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from s3plan.app.connections.own_file import own_connections
from s3plan.app.paths import EARLIER_FOLDER
from s3plan.app.requests import ApplyRequest
from s3plan.planfile.own_file import is_of_another_user
from s3plan.planfile.reader import PlanReader
from s3plan.planner.manifest.connections.own_connections import OwnConnections
from s3plan.planner.manifest.file import load_manifest
from s3plan.planner.manifest.text.yaml_document import MAX_FILE_BYTES
from s3plan.schemas.errors import GuardRefused, ManifestInvalid, NotApproved, PlanRefused
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.printable import escape_unprintable, shown_path, typed_path
from s3plan.schemas.stores.names import StoreName

_FULL_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_approval(plan: PlanReader, request: ApplyRequest) -> None:
    """Raise NotApproved unless the plan is the one that was approved, and the one that was shown."""
    if request.expect is not None and not _FULL_DIGEST.fullmatch(request.expect):
        raise NotApproved("--expect takes the full digest of the plan: 64 hex digits, as `s3plan plan` prints it")
    for digest in (request.expect, request.shown):
        if digest is not None and digest != plan.digest:
            raise NotApproved(
                f"{shown_path(plan.path)} is not the plan that was approved: its digest is {plan.digest}, approved was "
                f"{digest}"
            )


def check_may_apply(plan: PlanReader, *, now: datetime) -> None:
    """Raise GuardRefused for a plan that a guard or a loss holds, PlanRefused for one that has expired at `now`."""
    header = plan.header
    held = header.named_held_guards
    if held:
        which = "; ".join(f"{words}: {guard.found:,} found, {guard.allowed:,} allowed" for words, guard in held)
        release = " ".join(f"--allow {words}={guard.found}" for words, guard in held)
        raise GuardRefused(
            f"{shown_path(plan.path)} is blocked by a guard ({which}); look at it, then plan again with {release}"
        )
    if header.held_losses:
        words = escape_unprintable(", ".join(sorted({loss.what for _, loss in header.held_losses})))
        reasons = escape_unprintable("; ".join(loss.reason for _, loss in header.held_losses))
        raise GuardRefused(
            f"{shown_path(plan.path)} is blocked by what would be lost ({reasons}); if that may be, plan again with "
            f"allow_loss: [{words}] in the manifest"
        )
    if header.is_expired(now):
        raise PlanRefused(
            f"{shown_path(plan.path)} expired at {header.expires_at:%Y-%m-%d %H:%M} UTC; make a new plan. If a run of "
            f"this one has begun, give it up first: s3plan discard {typed_path(plan.path)}"
        )


def changed_manifest(plan: PlanReader) -> str | None:
    """Return a sentence if the manifest that the plan was made from says something else by now; None if it is gone."""
    places = _manifests_beside(plan)
    named = Path(plan.header.manifest.path).absolute()
    if named in places:
        places = [named]
    texts = [digest for path in places if (digest := _digest_of(path)) is not None]
    if not texts or plan.header.manifest.sha256 in texts:
        return None
    return (
        f"{shown_path(places[0])} has changed since this plan was made; the plan is applied as it was made, by the "
        "manifest as it was then"
    )


def _digest_of(path: Path) -> str | None:
    text = _read(path)
    return None if text is None else sha256(text).hexdigest()


def _read(path: Path) -> bytes | None:
    """Return a manifest; of a longer file, wherever a plan says that it lies, no more than that. None: unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None


def check_endpoints(plan: PlanReader, request: ApplyRequest, manifest: Manifest) -> None:
    """Raise PlanRefused if the plan names endpoints, or credentials, that nothing on this machine names.

    `manifest` is the one that it keeps.
    The manifest beside the plan or the user's own connections name them, or `--expect` vouches for the whole plan:
    whoever can hand a user a plan file must not be able to send signed requests to a host of their own or past the
    check of a store's certificate, nor to choose with which of the user's credentials they are signed, nor what is
    paid for them.
    """
    if request.expect is not None:
        return
    own = manifest.connections
    # The default connection, and one without an endpoint, goes where this user's own environment leads;
    # Stores.check_endpoint holds it to that.
    named = [location for location in plan.locations if location.connection]
    trusts = {name: _trust(own[name]) for name in sorted({location.connection for location in named}) if name in own}
    trusts = {name: trust for name, trust in trusts.items() if trust != _USUAL_TRUST}
    led = {name for name, connection in own.items() if connection.endpoint is None}
    endpoints = {each.endpoint for each in named if each.endpoint is not None and each.connection not in led}
    if not (endpoints or trusts):
        return
    beside = [_trust(connection) for connection in _connections_named(plan)]
    unknown = endpoints - {trust.endpoint for trust in beside}
    if unknown:
        raise _untrusted(plan, f"leads to {', '.join(sorted(unknown))}")
    for name, trust in trusts.items():
        if trust not in beside:
            raise _untrusted(plan, f"has a connection {name} with credentials, certificates or costs")


class _Trust(NamedTuple):
    """Where a connection's requests go, signed by whom and at whose cost, and by what it knows the store."""

    endpoint: str | None = None
    profile: str | None = None
    env_prefix: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    source_profile: str | None = None
    anonymous: bool = False
    tls_verify: bool = True
    ca_bundle: str | None = None
    allow_http: bool = False
    requester_pays: bool = False
    accelerate: bool = False
    store: StoreName | None = None  # what is believed of it without asking


_USUAL_TRUST = _Trust()  # the user's own environment decides: it needs nobody's word


def _trust(connection: Connection) -> _Trust:
    return _Trust(*(getattr(connection, name) for name in _Trust._fields))


def _untrusted(plan: PlanReader, what: str) -> PlanRefused:
    return PlanRefused(
        f"{shown_path(plan.path)} {what}, which no manifest next to it names, nor do your own connections "
        f"(s3plan connections list); if you trust the plan, apply it with --expect {plan.digest}"
    )


def _connections_named(plan: PlanReader) -> list[Connection]:
    """Return the user's own connections and those of the manifests beside a plan: as they are written there."""
    own = _own_connections()
    found = [] if own is None else list(own.connections.values())
    for manifest in _manifests_beside(plan):
        try:
            found += load_manifest(manifest, own=own).manifest.connections.values()
        except ManifestInvalid:
            continue
    return found


def _own_connections() -> OwnConnections | None:
    """Return them, unless the file cannot be read: it names nothing then, and --expect is still there."""
    try:
        return own_connections()
    except ManifestInvalid:
        return None


def _manifests_beside(plan: PlanReader) -> list[Path]:
    """Return the files that may be the plan's manifest: as it was named, and by that name near the plan.

    The name is the plan's word: where it leads out of this directory, no file of another user's is taken.
    """
    recorded = Path(plan.header.manifest.path)
    folder = plan.path.absolute().parent
    candidates = {folder / recorded.name, folder.parent / recorded.name}
    if folder.name == EARLIER_FOLDER:
        candidates.add(folder.parent.parent / recorded.name)
    with suppress(OSError, ValueError, RuntimeError):  # too long, NUL, links in a circle
        here = recorded.absolute().resolve()
        if here.is_relative_to(Path.cwd()) or not is_of_another_user(here):
            candidates.add(recorded.absolute())
    return [path for path in sorted(candidates) if _is_file(path)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
