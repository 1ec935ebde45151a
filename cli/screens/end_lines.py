"""One end of a plan on the screens: where its bucket really is, and who asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from s3plan.app.ends import JobEnds, PlanEnd
from s3plan.cli.screens.columns import Cell
from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.printable import escape_unprintable

LOUD = "bold yellow"


def url_text(end: PlanEnd) -> str:
    """Return a location's URL, safe to print."""
    return escape_unprintable(end.location.url)


def location_key_text(end: PlanEnd) -> str:
    """Return where the key of SSE-C of a location is found, and what tells it from others; not the key."""
    reference = KeyReference.parse(end.location.customer_key or "")
    where = "" if reference is None else reference.words
    return escape_unprintable(f"the key in {where} (fingerprint {end.location.customer_key_fingerprint})")


def store_cell(end: PlanEnd) -> Cell:
    """Return which store, region, connection and owner; loud in words and in colour unless it is AWS as usual."""
    location = end.location
    if location.is_folder:
        said = ["a folder of this machine"]
        said += ["symbolic links are followed"] if location.follows else []
        said += ["files are pinned by size and time alone"] if location.has_short_stamps else []
        said += ["what is mounted below it is left out"] if location.stays_on_device else []
        said += [] if location.trash is None else [f"what is replaced or deleted goes to {location.trash}"]
        return Cell(escape_unprintable(", ".join(said)))
    parts = [_store(end)]
    parts += [f"region {location.region}"] if location.region else []
    parts += [_connection(end)]
    parts += [f"account {end.account}"] if end.account else []
    parts += [f"owner {location.owner}"] if location.owner else []
    parts += [f"SSE-C with {location_key_text(end)}"] if location.customer_key else []
    parts += [] if end.checks_certificate else ["certificate NOT checked"]
    is_usual = end.is_aws and end.checks_certificate
    return Cell(escape_unprintable(", ".join(parts)), "" if is_usual else LOUD)


def location_documents(ends: Sequence[JobEnds]) -> list[dict[str, Any]]:
    """Return the locations as JSON values, each once, by their ids."""
    places = {end.location.id: asdict(end.location) for each in ends for end in each.all}
    return [
        {name: value for name, value in places[location].items() if value not in {None, False}}
        for location in sorted(places)
    ]


def made_text(end: PlanEnd) -> str:
    """Return what apply will create, and where."""
    location = end.location
    if location.is_folder:
        return escape_unprintable(location.path or "")
    region = f" in {location.region}" if location.region else ""
    return escape_unprintable(f"{location.bucket}{region} at {location.endpoint or 'AWS'}")


def _store(end: PlanEnd) -> str:
    endpoint = end.location.endpoint
    if endpoint is None:
        return "AWS"
    said = f"AWS by {endpoint}" if end.is_aws else f"NOT AWS: {endpoint}"
    return f"{said} (from the environment)" if end.endpoint_is_from_environment else said


def _connection(end: PlanEnd) -> str:
    name = end.location.connection
    said = f"connection {name}" if name else "default connection"
    return said if end.signed_by is None else f"{said} ({end.signed_by})"
