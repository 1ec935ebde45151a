"""Rules about each job by itself: its places, its filters, what it compares and how it transfers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.locations import Location
from s3plan.schemas.manifest.rules.findings import ROLES, Finding, KeyPath, Role, Rule, location_of
from s3plan.schemas.manifest.values import did_you_mean
from s3plan.schemas.manifest.words import AddressingStyle, EncryptionType, Mode, Overwrite, Transfer
from s3plan.schemas.plan.rows import store_name
from s3plan.schemas.s3_urls import S3Url, why_not_in_host


def _raw_prefix_stands_alone(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if location and location.prefix is not None and isinstance(location.url, S3Url) and location.url.path:
        yield Finding(
            (role, "prefix"),
            "a raw prefix needs a url without a path",
            f"write url: s3://{location.bucket} and the whole prefix here",
        )


def _deleting_has_no_raw_prefix(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if manifest.mode is Mode.COPY or location is None or location.prefix is None:
        return
    if manifest.mode is Mode.MOVE and role != "source":
        return
    who = _DELETING[manifest.mode]
    yield Finding(
        (role, "prefix"),
        f"{who} has no raw prefix, because it could delete beyond a folder",
        "write a folder in url" if manifest.mode is Mode.MIRROR else "write a folder in url, and include: [...]",
    )


_DELETING = {Mode.MIRROR: "a mirror", Mode.MOVE: "the source of a move", Mode.DELETE: "mode: delete"}


def _folder_ends_in_a_slash(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    url = None if location is None else location.url
    if isinstance(url, S3Url) and url.slash_added:
        yield Finding(
            (role, "url"),
            f"read as the folder {url}",
            "write the final /, or use prefix: for a raw prefix",
            Severity.WARNING,
        )


def _place_is_no_pattern(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    """Yield a warning for a `*`, which a key may hold, but which is nearly always meant as a pattern."""
    location = location_of(manifest, role)
    if location is None or "*" not in location.key_prefix:
        return
    before, _, after = location.key_prefix.partition("*")
    folder, slash, start = before.rpartition("/")
    is_added = isinstance(location.url, S3Url) and location.url.slash_added
    pattern = f"{start}*{after}".removesuffix("/" if is_added else "")
    yield Finding(
        (role, "prefix" if location.prefix is not None else "url"),
        "the * is taken as it stands, as a part of keys",
        f'a pattern belongs to filters.include: url: s3://{location.bucket}/{folder}{slash} and include: ["{pattern}"]',
        Severity.WARNING,
    )


def _name_can_be_reached(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    if location is None:
        return
    why = why_not_in_host(location.bucket)
    connection = manifest.connections.get(location.connection or "")
    if why is not None and connection is not None and connection.addressing_style is AddressingStyle.VIRTUAL:
        yield Finding(
            (role, "url"),
            f"this bucket's name cannot stand in a host name, which addressing_style: virtual asks for: {why}",
            "write addressing_style: path in its connection",
        )
    if connection is not None and connection.accelerate and "." in location.bucket:
        yield Finding(
            (role, "url"),
            "Transfer Acceleration has no host for a bucket with a dot in its name",
            "name a connection without accelerate: true",
        )


def _connection_exists(manifest: OneJobManifest, role: Role) -> Iterator[Finding]:
    location = location_of(manifest, role)
    name = None if location is None else location.connection
    if name is not None and name not in manifest.connections:
        known = ", ".join(manifest.connections) or "none"
        hint = did_you_mean(name, list(manifest.connections)) or f"the connections are: {known}"
        yield Finding((role, "connection"), f"there is no connection {name}", hint)


def store_of(location: Location, connections: Mapping[str, Connection]) -> str:
    """Return what tells stores apart, as far as the manifest says."""
    if location.folder is not None:
        return "file:"
    connection = None if location.connection is None else connections.get(location.connection)
    return store_name(None if connection is None else connection.endpoint)


def _stores(manifest: OneJobManifest) -> set[str]:
    return {store_of(place, manifest.connections) for place in manifest.places}


def _names_known_connections(manifest: OneJobManifest) -> bool:
    return all(place.connection is None or place.connection in manifest.connections for place in manifest.places)


def _locations_do_not_overlap(manifest: OneJobManifest) -> Iterator[Finding]:
    source, destination = manifest.source, manifest.destination
    if source is None or destination is None or not _names_known_connections(manifest):
        return
    if source.bucket != destination.bucket or len(_stores(manifest)) > 1:
        return
    if source.key_prefix.startswith(destination.key_prefix) or destination.key_prefix.startswith(source.key_prefix):
        same = source.key_prefix == destination.key_prefix
        yield Finding(
            ("destination", "url"),
            "source and destination are the same place"
            if same
            else "source and destination overlap: one lies within the other",
            "name two places of which neither contains the other",
        )


def _one_store_copies(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.transfer is not Transfer.SERVER_SIDE or not _names_known_connections(manifest):
        return
    if any(place.folder for place in manifest.places):
        return
    if len(_stores(manifest)) > 1:
        yield Finding(
            ("transfer",),
            "no store copies what another one has, and source and destination are on different endpoints",
            "write transfer: auto or relay: the bytes pass through s3plan then",
        )


def _transfer_is_between_buckets(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.transfer is Transfer.AUTO:
        return
    if manifest.location is not None:
        yield Finding(("transfer",), "nothing is transferred by mode: delete", "leave it out", at="key")
    elif any(place.folder for place in manifest.places):
        yield Finding(("transfer",), "is between two buckets, and one side is a folder", "leave it out", at="key")


def _sizes_leave_room(manifest: OneJobManifest) -> Iterator[Finding]:
    size = manifest.filters.size
    if size is None:
        return
    if size.min is None and size.max is None:
        yield Finding(("filters", "size"), "names no size", "write min, max or both")
    if size.min is not None and size.max is not None and size.min > size.max:
        yield Finding(("filters", "size", "min"), "is more than max, so nothing passes")


def _times_leave_room(manifest: OneJobManifest) -> Iterator[Finding]:
    modified = manifest.filters.modified
    if modified is None:
        return
    if modified == type(modified)():
        yield Finding(("filters", "modified"), "names no time", "write after, before, older_than or newer_than")
    if modified.after is not None and modified.before is not None and modified.after >= modified.before:
        yield Finding(("filters", "modified", "after"), "is not before `before`, so nothing passes")
    if (
        modified.older_than is not None
        and modified.newer_than is not None
        and modified.older_than >= modified.newer_than
    ):
        yield Finding(("filters", "modified", "older_than"), "is not less than newer_than, so nothing passes")


def _compare_has_an_effect(manifest: OneJobManifest) -> Iterator[Finding]:
    if manifest.compare and manifest.overwrite is not Overwrite.IF_DIFFERENT:
        yield Finding(
            ("compare",),
            f"has no effect with overwrite: {manifest.overwrite}",
            "only if-different compares",
            Severity.WARNING,
            at="key",
        )


def _keys_go_with_kms(manifest: OneJobManifest) -> Iterator[Finding]:
    encryption = None if manifest.destination is None else manifest.destination.encryption
    if encryption is None:
        return
    path = ("destination", "encryption")
    if encryption.key_id is not None and encryption.type is EncryptionType.AES256:
        yield Finding((*path, "key_id"), "AES256 takes no key", "write type: aws:kms")
    if encryption.bucket_key is not None and encryption.type is not EncryptionType.KMS:
        yield Finding((*path, "bucket_key"), "only aws:kms has bucket keys")


def _copies_can_be_billed(manifest: OneJobManifest) -> Iterator[Finding]:
    """A copy is one request, sent by the destination's connection, whoever's bucket the source is; a relay is two."""
    if manifest.transfer is not Transfer.SERVER_SIDE:  # a relay where that connection cannot read the source
        return
    source, destination = (
        None if location is None or location.connection is None else manifest.connections.get(location.connection)
        for location in (manifest.source, manifest.destination)
    )
    if source is None or destination is None or source is destination:
        return
    if source.requester_pays and destination.anonymous:
        yield Finding(
            ("destination", "connection"),
            "copies are sent by this connection, which is anonymous, so nobody can be billed for the requester-pays "
            "source",
            "name a connection with credentials",
            Severity.WARNING,
        )


_PLACES: tuple[KeyPath, ...] = (("source",), ("destination",), ("connections",))
_CONNECTION_NAMES: KeyPath = (
    "connections",
    "[names]",
)  # related to `connections` as a whole, not to what one of them holds


def _rules_of(role: Role) -> tuple[Rule, ...]:
    return (
        Rule(((role, "url"), (role, "prefix")), partial(_raw_prefix_stands_alone, role=role)),
        Rule((("mode",), (role, "prefix")), partial(_deleting_has_no_raw_prefix, role=role)),
        Rule(((role, "url"), (role, "prefix")), partial(_place_is_no_pattern, role=role)),
        Rule(((role, "url"),), partial(_folder_ends_in_a_slash, role=role)),
        Rule(((role, "connection"), _CONNECTION_NAMES), partial(_connection_exists, role=role)),
        Rule(((role, "url"), (role, "connection"), ("connections",)), partial(_name_can_be_reached, role=role)),
    )


JOB_RULES = (
    *(rule for role in ROLES for rule in _rules_of(role)),
    Rule(_PLACES, _locations_do_not_overlap),
    Rule((*_PLACES, ("transfer",)), _one_store_copies),
    Rule((("source", "url"), ("destination", "url"), ("location",), ("transfer",)), _transfer_is_between_buckets),
    Rule((("filters", "size"),), _sizes_leave_room),
    Rule((("filters", "modified"),), _times_leave_room),
    Rule((("compare",), ("overwrite",)), _compare_has_an_effect),
    Rule((("destination", "encryption"),), _keys_go_with_kms),
    Rule((*_PLACES, ("transfer",)), _copies_can_be_billed),
)
"""About each job; more are in the modules beside this one, each with its own."""
