"""Tries a connection: who signs, whether its store answers, what may be read and, if asked, written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from s3plan.app.clock import now_utc
from s3plan.app.connections.described import credentials_text, store_title
from s3plan.app.connections.editing import DEFAULT, known_connection
from s3plan.app.connections.own_file import own_connections
from s3plan.app.connections.report import BUCKET, CONDITION, CREDENTIALS, ConnectionReport
from s3plan.app.connections.settings import settings_of
from s3plan.app.paths import capability_cache_path, connections_path
from s3plan.app.stores import Stores
from s3plan.planner.manifest.connections.own_connections import OwnConnections
from s3plan.schemas.connections.trials import Answer, Trial
from s3plan.schemas.errors import CredentialsUnusable, S3PlanError, UsageInvalid
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.permissions.table import actions_of
from s3plan.schemas.plan.conditions import Enforcement
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import HeadBucket
from s3plan.schemas.s3_urls import check_bucket_name, parse_s3_url
from s3plan.storage.conditions.capabilities import CapabilityCache
from s3plan.storage.places.bucket import OpenBucket
from s3plan.storage.places.bucket_trial import BucketTrial, Counted, trial_of
from s3plan.storage.places.buckets import find_region
from s3plan.storage.places.location import LocationConditions
from s3plan.storage.places.write_trial import WriteTrial
from s3plan.storage.probe_keys import new_probe_stem
from s3plan.storage.s3.botocore.bucket_names import list_bucket_names
from s3plan.storage.s3.botocore.identity import expiry_of, find_identity
from s3plan.storage.s3.connections.sessions import (
    ConnectionSettings,
    effective_endpoint,
    effective_region,
    open_session,
)
from s3plan.storage.s3.patience import Patience

_PATIENCE = Patience(attempts=3)
_REQUESTS = 16


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """`name`: a connection of the user's own, `default`, or an `s3://` URL for the default one.

    `counts`: all objects, however long it takes. `writes`: objects of its own, removed again.
    """

    name: str = DEFAULT
    bucket: str | None = None
    prefix: str = ""
    counts: bool = False
    writes: bool = False


def try_connection(request: TrialRequest) -> ConnectionReport:
    """Return what was found; whatever a store refuses is a part of that and raises nothing.

    Raises UsageInvalid for a connection that there is not and for words that do not go together, ManifestInvalid for a
    file of connections that is not sound.
    """
    wanted = _with_place(request)
    connection = _connection(wanted.name)
    settings = settings_of("" if connection is None else wanted.name, connection or Connection())
    try:
        endpoint = effective_endpoint(settings)
    except CredentialsUnusable:  # a profile that there is not: said once more when it is asked for
        endpoint = settings.endpoint
    report = ConnectionReport(
        name=wanted.name,
        endpoint=endpoint,
        store=store_title(endpoint, named=settings.store),
        region=settings.region,
        credentials=credentials_text(connection or Connection()),
        bucket=wanted.bucket,
        prefix=wanted.prefix,
        trials=(),
    )
    found = _Findings(report)
    with Stores({settings.name: settings}, max_in_flight=_REQUESTS) as stores:
        try:
            _try(wanted, settings, stores, found)
        except CredentialsUnusable as error:
            found.credentials_fail(str(error))
        except S3PlanError as error:  # what ends a command ends a test, and is what it has found
            found.add(Trial("reach the store", Answer.NO, None, str(error)))
    return found.report


@dataclass(slots=True)
class _Findings:
    """The report while it grows."""

    report: ConnectionReport
    trials: list[Trial] = field(default_factory=list)

    def add(self, *trials: Trial) -> None:
        self.trials += trials
        self.report = replace(self.report, trials=tuple(self.trials))

    def credentials_fail(self, said: str) -> None:
        """Say so; an answer to HEAD, which names no reason, may have looked like a permission that lacks."""
        self.trials = [trial for trial in self.trials if trial.name not in {CREDENTIALS, BUCKET}]
        self.add(Trial(CREDENTIALS, Answer.NO, None, said))


def _try(wanted: TrialRequest, settings: ConnectionSettings, stores: Stores, found: _Findings) -> None:
    session = open_session(settings)
    found.add(Trial(CREDENTIALS, Answer.YES))
    identity = find_identity(settings, session)
    if isinstance(identity, Failure):
        why = identity.message if identity.kind is FailureKind.UNSUPPORTED else str(identity)
        unknown = "requests are not signed" if settings.anonymous else why
        found.report = replace(found.report, identity_unknown=unknown)
    else:
        found.report = replace(found.report, identity=identity)
    found.report = replace(found.report, expires_at=expiry_of(session))
    if wanted.bucket is None:
        _try_without_bucket(settings, found)
        return
    location = _location(wanted, settings, stores, found)
    if location is None:
        return
    _read(wanted, location, stores, found)
    if wanted.writes:
        _write(location, stores, found)


def _try_without_bucket(settings: ConnectionSettings, found: _Findings) -> None:
    answered = list_bucket_names(settings)
    found.report = replace(
        found.report,
        region=found.report.region or effective_region(settings),
        latency_ms=answered.latency_ms,
        clock_offset_ms=answered.clock_offset_ms,
    )
    found.add(answered.trial)
    if answered.credentials_fail:
        found.credentials_fail(answered.trial.said)


def _location(
    wanted: TrialRequest, settings: ConnectionSettings, stores: Stores, found: _Findings
) -> PlanLocation | None:
    """Return where the bucket is; None, and a trial that says so, if it cannot be found."""
    bucket = wanted.bucket or ""
    try:
        region = find_region(stores.open(settings.name, region=None), bucket, patience=_PATIENCE)
    except CredentialsUnusable:
        raise
    except S3PlanError as error:
        found.add(Trial(BUCKET, Answer.NO, None, str(error)))
        return None
    asked = _PATIENCE.call(stores.open(settings.name, region=region), HeadBucket(bucket))
    found.add(trial_of(BUCKET, asked, permission=actions_of("HeadBucket")))
    region = region or settings.region or effective_region(settings)
    found.report = replace(found.report, region=region)
    return PlanLocation(
        id=0,
        kind=LocationKind.S3,
        url=f"s3://{bucket}/{wanted.prefix}",
        connection=settings.name,
        endpoint=found.report.endpoint,
        region=region,
        bucket=bucket,
        prefix=wanted.prefix,
        owner=None,
        store=stores.store_of(settings.name).name,
    )


def _read(wanted: TrialRequest, location: PlanLocation, stores: Stores, found: _Findings) -> None:
    engine = stores.engine_of(location)
    reading = BucketTrial(engine, location, patience=_PATIENCE)
    identity = found.report.identity
    is_own = None if identity is None else reading.is_owned_by(identity.account)
    latency_ms = reading.latency_ms()
    found.report = replace(
        found.report, latency_ms=latency_ms, is_own_bucket=is_own, clock_offset_ms=engine.clock_offset_ms
    )
    listed = reading.list_objects()
    found.add(listed, reading.read_object(), reading.read_tags(), reading.read_encryption())
    if listed.answer is not Answer.YES:
        return
    counted = _count_all(location, stores) if wanted.counts else reading.count()
    if counted is not None:
        found.report = replace(
            found.report, objects=counted.objects, size_bytes=counted.size_bytes, counted_all=counted.is_all
        )


def _count_all(location: PlanLocation, stores: Stores) -> Counted:
    objects = size_bytes = 0
    try:
        for page in stores.at(location).lister(shared=b"", unordered=False, reader=None).pages():
            objects += len(page)
            size_bytes += sum(row.size_bytes for row in page)
    except CredentialsUnusable:
        raise
    except S3PlanError:
        return Counted(objects, size_bytes, is_all=False)
    return Counted(objects, size_bytes, is_all=True)


def _write(location: PlanLocation, stores: Stores, found: _Findings) -> None:
    """Try to write; what was made is removed again whatever happens, and after a kill by the next probe or test."""
    engine, cache = stores.engine_of(location), CapabilityCache(capability_cache_path())
    place = OpenBucket(engine, location, cache=cache)
    place.conditions.remove_left_behind(_PATIENCE)
    stem = new_probe_stem(location.prefix)
    writing = WriteTrial(engine, location, stem=stem, patience=_PATIENCE)
    cache.note_confirmation(location.endpoint, location.bucket, stem=stem)
    try:
        for trial in writing.trials():
            found.add(trial)
    finally:
        if writing.clean_up():
            cache.note_clean(location.endpoint, location.bucket)
        else:
            cache.note_failed_probe(location.endpoint, location.bucket)
            found.report = replace(found.report, left_behind=f"s3://{location.bucket}/{stem}")
    found.add(*_conditions(place.conditions, is_writable=writing.is_writable))


def _conditions(conditions: LocationConditions, *, is_writable: bool) -> Iterator[Trial]:
    """Yield what the store does with each condition, found out now."""
    why, capabilities = "no object could be written and deleted", conditions.known(now=now_utc())
    if is_writable:
        why = ""
        try:
            capabilities = conditions.probe(now=now_utc(), patience=_PATIENCE)
        except CredentialsUnusable:
            raise
        except S3PlanError as error:
            why = str(error)
    for condition, enforcement in capabilities.items():
        name = f"{CONDITION}{condition}"
        if why:
            yield Trial(name, Answer.UNKNOWN, None, why, is_feature=True)
        elif enforcement.by_store:
            said = "but not in one step with the write" if enforcement is Enforcement.NOT_ATOMIC else ""
            yield Trial(name, Answer.YES, None, said, is_feature=True)
        else:
            yield Trial(name, Answer.NO, None, "s3plan looks, compares and acts", is_feature=True)


def _with_place(request: TrialRequest) -> TrialRequest:
    """Return the request with what a URL says put into its fields."""
    wanted = request
    if request.name.startswith("s3://"):
        if request.bucket is not None or request.prefix:
            raise UsageInvalid("a URL says bucket and prefix itself: leave --bucket and --prefix out")
        url = parse_s3_url(request.name)
        wanted = replace(request, name=DEFAULT, bucket=url.bucket, prefix=url.path)
    if wanted.bucket is None and (wanted.prefix or wanted.counts or wanted.writes):
        raise UsageInvalid("name the bucket to try, with --bucket")
    if wanted.bucket is not None:
        check_bucket_name(wanted.bucket)
    return wanted


def _connection(name: str) -> Connection | None:
    """Return a connection of the user's own; None for the default one."""
    own = own_connections() or OwnConnections(connections_path(), b"", {}, {})
    if name == DEFAULT and name not in own.connections:
        return None
    return known_connection(own, name)
