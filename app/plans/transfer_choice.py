"""How the objects of a job come from one bucket to the other: by the store itself, or through this process."""

from __future__ import annotations

from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused, S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.words import Transfer
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.header_parts import TransferRecord
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests.objects import HeadObject, ListObjects, ObjectFound, ObjectsPage
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of

_ENOUGH = 10
_SERVER_SIDE, _RELAY = Transfer.SERVER_SIDE.value, Transfer.RELAY.value


def choose_transfer(
    stores: Stores, source: PlanLocation, destination: PlanLocation, *, asked: str
) -> TransferRecord | None:
    """Return how, and why so; `asked` is the manifest's word. None where one side is a folder.

    A store copies by itself what the destination's credentials may read there: that is tried by a HEAD of one object of
    the source, where the connections are two. Raises PlanRefused where one store is to copy by itself and the places
    are at two, which no manifest shows: the endpoint of a profile. Raises StoreRefused where the store does not answer.
    """
    if source.is_folder or destination.is_folder:
        return None
    if source.store_name != destination.store_name:
        if asked == _SERVER_SIDE:
            ends = f"{source.url} at {_at(source)} and {destination.url} at {_at(destination)}"
            raise PlanRefused(
                f"no store copies what another one has: {ends}; write transfer: auto or relay, so that the bytes pass "
                "through s3plan"
            )
        why = "as the manifest says" if asked == _RELAY else "another endpoint"
        return TransferRecord(way=_RELAY, why=why)
    if asked in (_SERVER_SIDE, _RELAY):
        return TransferRecord(way=asked, why="as the manifest says")
    if source.connection == destination.connection:
        return TransferRecord(way=_SERVER_SIDE, why="one connection")
    return _tried(stores, source, destination)


def _at(place: PlanLocation) -> str:
    return place.endpoint or "AWS"


def _tried(stores: Stores, source: PlanLocation, destination: PlanLocation) -> TransferRecord:
    row = _first_object(stores, source)
    if row is None:
        return TransferRecord(way=_SERVER_SIDE, why="one endpoint, and the source has no object to try")
    engine = stores.open(destination.connection, region=source.region)
    request = HeadObject(
        source.bucket,
        row.key.decode(),
        owner=source.owner,
        customer_key=stores.key_of(source),
        requester_pays=stores.pays_for(source),
    )
    reply = Patience().call(engine, request)
    if isinstance(reply, ObjectFound):
        if reply.etag == row.etag:
            return TransferRecord(way=_SERVER_SIDE, why="the destination's credentials may read the source")
        return TransferRecord(way=_RELAY, why="to the destination's credentials the source is another bucket")
    assert isinstance(reply, Failure)  # noqa: S101  HeadObject answers nothing else
    if reply.kind.is_retryable or reply.kind is FailureKind.BAD_REPLY:
        raise _refusal(reply, source)
    status = "" if reply.status is None else f" ({reply.status})"
    return TransferRecord(way=_RELAY, why=f"the destination's credentials may not read the source{status}")


def _first_object(stores: Stores, source: PlanLocation) -> ObjectRow | None:
    """Return one of the source's objects, whose key can be asked for; None if there is none.

    One with bytes if one comes early: all that have none have one ETag, in whosever bucket of that name they are.
    """
    request = ListObjects(source.bucket, source.prefix, max_keys=_ENOUGH, owner=source.owner)
    reply = Patience().call(stores.engine_of(source), request)
    if isinstance(reply, Failure):
        raise _refusal(reply, source)
    assert isinstance(reply, ObjectsPage)  # noqa: S101  ListObjects answers nothing else where it is to be parsed
    rows = [row for row in reply.rows if row.etag and _is_text(row.key)]
    return next((row for row in rows if row.size_bytes), rows[0] if rows else None)


def _is_text(key: bytes) -> bool:
    try:
        return bool(key.decode())
    except UnicodeDecodeError:
        return False


def _refusal(failure: Failure, source: PlanLocation) -> S3PlanError:
    doing = "finding out whether the destination's credentials can read the source"
    return refusal_of(failure, bucket=source.bucket, doing=doing)
