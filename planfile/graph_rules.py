"""What must be true of a plan's locations, phases, edges and batches: held by the writer, checked by the reader."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from posixpath import normpath

from s3plan.planfile.batch_rules import WRITING_PHASES
from s3plan.planfile.graph import PhaseGraph, graph_of_jobs
from s3plan.planfile.rows import MAX_BATCH_ACTIONS, RowInvalid
from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.manifest.locations import NAME_PATTERN
from s3plan.schemas.manifest.words import Durability
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.header import MOVED_KINDS, JobRecord, PlanHeader
from s3plan.schemas.plan.key_references import FINGERPRINT_PATTERN, KeyReference
from s3plan.schemas.plan.rows import Batch, Edge, Phase, PhaseName, PlanLocation, are_nested, folder_url
from s3plan.schemas.stores.names import StoreName

DIGEST_BYTES = 32
# What stands for a bucket and nothing else in a path and in a host name: as botocore has it, without dots alone.
_BUCKET = re.compile(r"(?!\.+\Z)[A-Za-z0-9._-]{1,255}", re.ASCII).fullmatch
_ALPHABETS = (
    ("bucket", _BUCKET, "bucket's name"),
    ("connection", re.compile(f"(?:{NAME_PATTERN})?", re.ASCII).fullmatch, "connection's name"),
    # As stores name them, so wider than in a manifest.
    ("region", re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII).fullmatch, "region"),
    ("owner", re.compile(r"[A-Za-z0-9-]{1,128}", re.ASCII).fullmatch, "account"),
)
_KINDS_OF_PHASE = {
    PhaseName.COPY: MOVED_KINDS,
    PhaseName.REMOVE: MOVED_KINDS,
    PhaseName.DELETE: (VerdictKind.DELETE,),
}


def check_location(location: PlanLocation) -> None:
    """Raise RowInvalid unless the URL that a person reads is that of the bucket and prefix that requests go to.

    What of a location goes into hosts, headers and documents is of a closed alphabet, its endpoint one that a manifest
    may name.
    """
    if location.is_folder:
        _check_folder(location)
        return
    _check_customer_key(location)
    if location.path is not None or location.root_inode is not None:
        raise RowInvalid(f"location {location.id} is a bucket and has a path")
    if location.follows or location.has_short_stamps or location.stays_on_device or location.trash is not None:
        raise RowInvalid(f"location {location.id} is a bucket and has what only folders have")
    for name, is_valid, what in _ALPHABETS:
        text = getattr(location, name)
        if text is not None and not is_valid(text):
            raise RowInvalid(f"{text[:80]!a} is no {what}")
    try:
        if location.endpoint is not None:
            parse_endpoint(location.endpoint)
    except EndpointInvalid as e:
        raise RowInvalid(f"location {location.id} has no endpoint that requests may be sent to: {e}") from e
    if location.url != f"s3://{location.bucket}/{location.prefix}":
        raise RowInvalid(f"location {location.id} is shown as another place than it is")


def _check_customer_key(location: PlanLocation) -> None:
    key, fingerprint = location.customer_key, location.customer_key_fingerprint
    if (key is None) is not (fingerprint is None):
        raise RowInvalid(f"location {location.id} has one of a key of SSE-C and its fingerprint")
    if key is not None and KeyReference.parse(key) is None:
        raise RowInvalid(f"{key[:80]!a} names no key of SSE-C")
    if fingerprint is not None and not re.fullmatch(FINGERPRINT_PATTERN, fingerprint, re.ASCII):
        raise RowInvalid(f"{fingerprint[:80]!a} is no fingerprint")


def _check_folder(location: PlanLocation) -> None:
    path = location.path or ""
    nothing = (
        location.endpoint,
        None if location.store is StoreName.UNKNOWN else location.store,
        location.region,
        location.owner,
        location.connection,
        location.bucket,
        location.prefix,
        location.customer_key,
        location.customer_key_fingerprint,
    )
    if any(nothing):
        raise RowInvalid(f"location {location.id} is a folder and has what only buckets have")
    for each in (path, location.trash):
        if each is not None and not _is_absolute(each):
            raise RowInvalid(f"{each[:80]!a} is no absolute path of a folder")
    if location.trash is not None and are_nested(path, location.trash):
        raise RowInvalid(f"the trash of location {location.id} is not apart from it")
    if location.url != folder_url(path):
        raise RowInvalid(f"location {location.id} is shown as another place than it is")


def _is_absolute(path: str) -> bool:
    return path.startswith("/") and path == normpath(path) and not path.startswith("//") and "\0" not in path


def check_graph(graph: PhaseGraph, *, jobs: Sequence[JobRecord], phases: Iterable[Phase]) -> None:
    """Raise RowInvalid unless the graph is the one that these jobs have: nothing waits for less, or for more."""
    wanted = graph_of_jobs(jobs, phases).edges
    missing = sorted(set(wanted) - set(graph.edges), key=_ends_of)
    if missing:
        edge = missing[0]
        raise RowInvalid(f"phase {edge.after} does not wait for phase {edge.before} as it must ({edge.needs})")
    if graph.edges != wanted:
        edge = min(set(graph.edges) - set(wanted), key=_ends_of)
        raise RowInvalid(f"phase {edge.after} waits for phase {edge.before}, which its jobs do not say")


def _ends_of(edge: Edge) -> tuple[int, int]:
    return edge.before, edge.after


def check_batch_place(
    batch: Batch, *, phases: Mapping[int, Phase], locations: Mapping[int, PlanLocation], sibling: Batch | None
) -> None:
    """Raise RowInvalid unless a batch has a phase that may hold it and the locations that such a batch needs.

    A copy batch goes from one location to another, a delete batch has only the one that it deletes from; so has one
    that removes, and no other is of another batch.
    `sibling` is an earlier batch of its phase, whose locations must be the same where the phase writes.
    """
    phase = phases.get(batch.phase)
    if phase is None:
        raise RowInvalid(f"batch {batch.id} is of phase {batch.phase}, which does not exist")
    ends = (batch.from_location, batch.to_location)
    for location in ends:
        if location is not None and location not in locations:
            raise RowInvalid(f"batch {batch.id} names location {location}, which does not exist")
    if (batch.of_batch is not None) is not (phase.name is PhaseName.REMOVE):
        raise RowInvalid(f"batch {batch.id} of a {phase.name} phase {'has' if batch.of_batch else 'lacks'} an of_batch")
    wants_source = phase.name is PhaseName.COPY
    if phase.name in WRITING_PHASES and (ends[1] is None or (ends[0] is not None) is not wants_source):
        raise RowInvalid(f"batch {batch.id} does not have the locations of a {phase.name}")
    if phase.name in WRITING_PHASES and ends[0] == ends[1]:
        raise RowInvalid(f"batch {batch.id} reads where it writes")
    if phase.name in WRITING_PHASES and sibling and ends != (sibling.from_location, sibling.to_location):
        raise RowInvalid(f"batches {sibling.id} and {batch.id} are of one phase but of different locations")
    if batch.actions < 1 or batch.size_bytes < 0 or len(batch.digest) != DIGEST_BYTES:
        raise RowInvalid(f"batch {batch.id} is without actions, of negative size or without a digest")
    if batch.actions > MAX_BATCH_ACTIONS:
        raise RowInvalid(f"batch {batch.id} has more than {MAX_BATCH_ACTIONS:,} actions")


def check_header(
    header: PlanHeader,
    *,
    phases: Mapping[int, Phase],
    locations: Mapping[int, PlanLocation],
    batches: Iterable[Batch],
) -> None:
    """Raise RowInvalid unless the header's jobs are those of the phases, and say what the batches hold.

    That is: where from and where to, and how much is to be performed, for each job, in all, and by kind. How many of
    the copies are overwrites is known only when the actions are read: see invariants.py.
    """
    jobs = {job.name: job for job in header.jobs}
    for job in header.jobs:
        _check_buckets(job, locations)
        _check_transfer(job, locations)
        if job.is_move:
            _check_move(job, locations, durability=header.run.durability)
    unnamed = set(locations) - {end for job in header.jobs for end in job.locations}
    if unnamed:
        raise RowInvalid(f"no job reads or writes its location {min(unnamed)}")
    _check_places(header, locations)
    found: Counter[tuple[str, PhaseName]] = Counter()
    found_bytes: Counter[tuple[str, PhaseName]] = Counter()
    for batch in batches:
        phase = phases[batch.phase]
        job_of_batch = jobs.get(phase.job)
        if job_of_batch is None:
            raise RowInvalid(f"phase {phase.id} is of job {phase.job!a}, which does not exist")
        if phase.name in _KINDS_OF_PHASE:
            _check_ends(batch, job_of_batch, phase.name)
            found[phase.job, phase.name] += batch.actions
            found_bytes[phase.job, phase.name] += batch.size_bytes
    for job in header.jobs:
        _check_totals(job, found=found, found_bytes=found_bytes)
    for what, said, summed in (
        ("actions", header.actions, sum(job.actions for job in header.jobs)),
        ("bytes to write", header.bytes, sum(job.bytes for job in header.jobs)),
    ):
        if said != summed:
            raise RowInvalid(f"its header says {said} {what}, its jobs have {summed}")


def _check_buckets(job: JobRecord, locations: Mapping[int, PlanLocation]) -> None:
    if not job.locations <= locations.keys():
        raise RowInvalid(f"job {job.name!a} names a location that does not exist")
    if (job.source is None) is not job.only_deletes:
        raise RowInvalid(f"job {job.name!a} has a source without its listing, or a listing without a source")
    if job.only_deletes is not (job.settings.mode == "delete"):
        raise RowInvalid(f"job {job.name!a} is of mode {job.settings.mode!a} and has not the locations of one")
    if job.objects_of(VerdictKind.SAME) and not job.is_move:
        raise RowInvalid(f"job {job.name!a} does not move, and has pairs that are the same to be removed")
    if job.is_move and job.objects_of(VerdictKind.DELETE):
        raise RowInvalid(f"job {job.name!a} moves, and deletes at its destination")
    if (job.source is not None and not job.source.bucket_exists) or not (
        job.destination.bucket_exists or job.settings.create_bucket
    ):
        raise RowInvalid(f"job {job.name!a} is about a bucket that neither exists nor is made")


def _check_transfer(job: JobRecord, locations: Mapping[int, PlanLocation]) -> None:
    """No store copies what another one has, and the bytes pass through us only where the plan says so."""
    if job.from_location is None or job.transfer is None:
        if job.transfer is not None:
            raise RowInvalid(f"job {job.name!a} only deletes, and says how its objects come across")
        return
    source, destination = locations[job.from_location], locations[job.to_location]
    if source.is_folder or destination.is_folder:
        raise RowInvalid(f"job {job.name!a} has a folder, and says how its objects come from bucket to bucket")
    if job.settings.transfer not in ("auto", job.transfer.way):
        raise RowInvalid(f"job {job.name!a} asks for transfer {job.settings.transfer}, and has {job.transfer.way}")
    if not job.is_relayed and source.store_name != destination.store_name:
        raise RowInvalid(f"job {job.name!a} has one store copy what another one has")


def _check_move(job: JobRecord, locations: Mapping[int, PlanLocation], *, durability: str) -> None:
    """What a manifest may not say of a move, a plan may not say either."""
    if job.from_location is not None and locations[job.from_location].follows:
        raise RowInvalid(f"job {job.name!a} moves what lies behind symbolic links, which is somebody else's")
    if locations[job.to_location].is_folder and durability == Durability.NONE:
        raise RowInvalid(f"job {job.name!a} moves to a folder, and does not wait for its disk")


def _check_places(header: PlanHeader, locations: Mapping[int, PlanLocation]) -> None:
    for place in header.places:
        if place.location not in locations:
            raise RowInvalid(f"its header speaks of location {place.location}, which does not exist")
        conditions = [record.condition for record in place.capabilities]
        if len(set(conditions)) < len(conditions):
            raise RowInvalid(f"its header says twice what location {place.location} holds of a condition")
    if len({place.location for place in header.places}) < len(header.places):
        raise RowInvalid("its header speaks twice of one location")


def _check_ends(batch: Batch, job: JobRecord, phase: PhaseName) -> None:
    changed = job.from_location if phase is PhaseName.REMOVE else job.to_location
    if batch.to_location != changed or batch.from_location not in (None, job.from_location):
        raise RowInvalid(f"batch {batch.id} is not between the locations of its job {job.name!a}")


def _check_totals(
    job: JobRecord, *, found: Mapping[tuple[str, PhaseName], int], found_bytes: Mapping[tuple[str, PhaseName], int]
) -> None:
    held = (
        sum(found.get((job.name, name), 0) for name in _KINDS_OF_PHASE),
        found_bytes.get((job.name, PhaseName.COPY), 0) - job.bytes_of(VerdictKind.SAME),
    )
    if (job.actions, job.bytes) != held:
        raise RowInvalid(
            f"job {job.name!a} says {job.actions} actions and {job.bytes} bytes to write, its batches hold {held[0]} "
            f"and {held[1]}"
        )
    for name, kinds in _KINDS_OF_PHASE.items():
        if name is PhaseName.REMOVE and not job.is_move:
            kinds = ()  # noqa: PLW2901
        said = (sum(map(job.objects_of, kinds)), sum(map(job.bytes_of, kinds)))
        held = (found.get((job.name, name), 0), found_bytes.get((job.name, name), 0))
        if said != held:
            raise RowInvalid(
                f"the totals of job {job.name!a} say {said[0]} objects of {said[1]} bytes to {name}, its batches hold "
                f"{held[0]} of {held[1]}"
            )
