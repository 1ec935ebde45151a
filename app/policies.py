"""What `s3plan policy` does: the least policies under which a manifest's jobs can be planned, applied and audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s3plan.app.connections.own_file import own_connections
from s3plan.app.connections.settings import connections_of
from s3plan.app.plans.key_lists import is_looked_at, open_key_lists
from s3plan.planner.manifest.file import LoadedManifest, load_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.planner.permissions.arns import account_of
from s3plan.planner.permissions.documents import bucket_policy, identity_policy
from s3plan.planner.permissions.grants import Grant, Principal, grants_of
from s3plan.planner.permissions.needs import JobFacts, JobNeeds, Need, Place
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.manifest.values import did_you_mean
from s3plan.schemas.permissions.permitted_commands import PermittedCommand
from s3plan.schemas.plan.conditions import Enforcement
from s3plan.schemas.plan.rows import store_name
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.printable import shown_path
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.conditions.capabilities import known_capabilities
from s3plan.storage.places.same_place import ACCESS_POINT_ENDS
from s3plan.storage.probe_keys import PROBE_NAME_START
from s3plan.storage.s3.connections.sessions import ConnectionSettings, effective_endpoint, named_region
from s3plan.storage.s3.store_quirks import is_known_by_host, store_at
from s3plan.storage.transfer.part_sizes import SENT_IN_PARTS_FROM_BYTES

USUAL_COMMANDS = (PermittedCommand.PLAN, PermittedCommand.APPLY)


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """Policies are asked for: of all jobs or one, of both sides or one."""

    manifest: Path
    commands: tuple[PermittedCommand, ...] = USUAL_COMMANDS
    side: Side | None = None
    job: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy for whoever signs with a connection, empty for the default one; of a bucket where one is named.

    `role_arn` is the connection's, None where it has none. `document` is what AWS takes, as JSON.
    """

    connection: str
    role_arn: str | None
    bucket: str | None
    document: Mapping[str, Any] = field(hash=False)

    @property
    def kind(self) -> str:
        """Where it belongs: `identity` or `bucket`."""
        return "identity" if self.bucket is None else "bucket"


@dataclass(frozen=True, slots=True)
class Policies:
    """All that were asked for, and sentences about them for a person."""

    documents: tuple[PolicyDocument, ...]
    remarks: tuple[str, ...]


def least_policies(request: PolicyRequest) -> Policies:
    """Return them without sending anything; raise ManifestInvalid, and UsageInvalid where there is nothing to grant.

    What a place's name and its connection do not tell is left open, or said in a remark: keys of objects that are
    encrypted already, the account of a bucket.
    """
    loaded = load_manifest(request.manifest, own=own_connections())
    entries = _chosen(loaded, request.job)
    resolve_jobs(loaded.manifest, entries)
    principals = _principals(loaded, entries.values())
    needs: list[Need] = []
    with open_key_lists(loaded, entries) as lists:
        for name, entry in entries.items():
            job = JobNeeds(
                entry, loaded.manifest.run, _facts(entry, principals, looked_at=is_looked_at(lists.get(name)))
            )
            for command in request.commands:
                needs += [need for need in job.of(command) if _is_of(need, entry, request.side)]
    needs = [need for need in needs if not principals[need.signer.connection or ""].connection.anonymous]
    if not needs:
        what = f"the {request.side.value}s of these jobs" if request.side else "these jobs"
        raise UsageInvalid(f"{shown_path(loaded.path)}: {what} need no policy: no request is signed for a bucket")
    grants = grants_of(needs, principals)
    identities = [
        PolicyDocument(name, principals[name].connection.role_arn, None, identity_policy(found))
        for name, found in grants.items()
    ]
    crossing = list(_crossings(needs, grants, principals, entries.values()))
    documents = (*identities, *crossing)
    return Policies(documents, tuple(_remarks(request, entries.values(), principals, documents)))


def _chosen(loaded: LoadedManifest, job: str | None) -> Mapping[str, JobEntry]:
    jobs = loaded.manifest.jobs
    if job is None:
        return jobs
    if job not in jobs:
        hint = did_you_mean(job, list(jobs)) or f"the jobs are: {', '.join(jobs)}"
        raise UsageInvalid(f"--job: {shown_path(loaded.path)} has no job {job}; {hint}")
    return {job: jobs[job]}


def _principals(loaded: LoadedManifest, entries: Iterable[JobEntry]) -> dict[str, Principal]:
    settings = connections_of(loaded.manifest)
    found: dict[str, Principal] = {}
    for place in _buckets(entries):
        name = place.connection or ""
        if name not in found:
            own = settings.get(name) or ConnectionSettings()
            connection = loaded.manifest.connections.get(name) or Connection()
            endpoint = effective_endpoint(own)
            store = store_at(endpoint, named=own.store)
            found[name] = Principal(name, connection, endpoint, store, named_region(own))
    return found


def _buckets(entries: Iterable[JobEntry]) -> Iterator[Place]:
    return (place for entry in entries for place in entry.places if place.folder is None)


def _is_of(need: Need, entry: JobEntry, side: Side | None) -> bool:
    return side is None or side is (Side.SOURCE if need.signer is entry.source else Side.DESTINATION)


def _facts(entry: JobEntry, principals: Mapping[str, Principal], *, looked_at: bool) -> JobFacts:
    documented = {side: _is_documented(place, principals) for side, place in _sides(entry)}
    return JobFacts(
        is_documented=documented,
        probe_stem=PROBE_NAME_START,
        uploads_in_parts_bytes=SENT_IN_PARTS_FROM_BYTES,
        is_one_store=len({store_name(principals[place.connection or ""].endpoint) for _, place in _sides(entry)}) == 1,
        is_looked_at=looked_at,
        may_be_one=not all(documented.values())
        or any(place.bucket.endswith(ACCESS_POINT_ENDS) for _, place in _sides(entry)),
    )


def _sides(entry: JobEntry) -> Iterator[tuple[Side, Place]]:
    if entry.source is not None and entry.source.folder is None:
        yield Side.SOURCE, entry.source
    changed = entry.destination or entry.location
    if changed is not None and changed.folder is None:
        yield Side.DESTINATION, changed


def _is_documented(place: Place, principals: Mapping[str, Principal]) -> bool:
    store, endpoint = principals[place.connection or ""].store, principals[place.connection or ""].endpoint
    return (
        is_known_by_host(store, endpoint)
        and Enforcement.UNKNOWN not in known_capabilities(store, bucket=place.bucket).values()
    )


def _crossings(
    needs: Iterable[Need],
    grants: Mapping[str, list[Grant]],
    principals: Mapping[str, Principal],
    entries: Iterable[JobEntry],
) -> Iterator[PolicyDocument]:
    """Yield the policy of each bucket that another account's principal asks, as far as that is known, or likely.

    Known by the connection's role and the bucket's expected owner. Without these, whoever reads with one connection
    what belongs to another one's place is taken for a stranger to it.
    """
    owners = {place.bucket: place.expected_bucket_owner for place in _buckets(entries)}
    homes: dict[str, set[str]] = {}
    for place in _buckets(entries):
        homes.setdefault(place.bucket, set()).add(place.connection or "")
    asked = dict.fromkeys(
        (need.signer.connection or "", keys.bucket)
        for need in needs
        for keys in (need.keys, need.copied)
        if keys is not None
    )
    for name, bucket in asked:
        connection = principals[name].connection
        account, owner = account_of(connection.role_arn), owners[bucket]
        crosses = account != owner if account is not None and owner is not None else name not in homes[bucket]
        if crosses and any(grant.bucket == bucket for grant in grants[name]):
            principal = connection.role_arn or f"arn:{principals[name].partition}:iam::{account or 'ACCOUNT'}:role/ROLE"
            document = bucket_policy(grants[name], bucket=bucket, principal=principal)
            yield PolicyDocument(name, connection.role_arn, bucket, document)


def _remarks(
    request: PolicyRequest,
    entries: Iterable[JobEntry],
    principals: Mapping[str, Principal],
    documents: Iterable[PolicyDocument],
) -> Iterator[str]:
    entries = list(entries)
    asked = [place for entry in entries for side, place in _sides(entry) if request.side in (None, side)]
    for principal in (principals[name] for name in dict.fromkeys(place.connection or "" for place in asked)):
        who = f"connection {principal.name}" if principal.name else "the default connection"
        if principal.connection.anonymous:
            yield f"{who} sends unsigned requests: the bucket must be public, no policy of an identity helps"
        elif principal.store is not StoreName.AWS:
            yield f"{who} leads to {principal.endpoint}, which is not AWS: this is what AWS would ask for"
        if principal.connection.role_arn is not None:
            yield f"whoever assumes the role of {who} needs sts:AssumeRole on {principal.connection.role_arn}"
    if PermittedCommand.APPLY in request.commands:
        yield from _of_encryption(entries, writes=request.side is not Side.SOURCE)
    for document in documents:
        if document.kind == "bucket" and document.role_arn is None:
            yield f"put the ARN of whoever signs in the place of the Principal in the policy of {document.bucket}"
    for bucket in dict.fromkeys(place.bucket for place in asked):
        if bucket.endswith(ACCESS_POINT_ENDS):
            yield f"{bucket} is an access point's alias: grants on its bucket must name the access point, too"
    if any(not place.key_prefix.isascii() for place in asked):
        yield "a prefix is not ASCII: IAM takes characters up to U+00FF in the policies of users and roles"


def _of_encryption(entries: Iterable[JobEntry], *, writes: bool) -> Iterator[str]:
    for entry in entries:
        source, destination = entry.source, entry.destination
        if source is not None and source.folder is None:
            yield f"objects of {source.url} under SSE-KMS: whoever reads them needs kms:Decrypt on their key, too"
        if not writes or destination is None or destination.folder is not None:
            continue
        encryption = destination.encryption
        if encryption is None:
            yield (
                f"if {destination.bucket} encrypts by a KMS key of its own, kms:GenerateDataKey and kms:Decrypt on it "
                "are needed, too: name it in `encryption:`"
            )
        elif encryption.key_id is None and encryption.type.value != "AES256":
            yield "the AWS managed key aws/s3 needs no permission within its account, and cannot be used from another"
