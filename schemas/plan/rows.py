"""What a plan says besides its header and its actions: rows of locations, phases, edges and batches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from s3plan.schemas.endpoints import EndpointInvalid, is_s3_of_aws, parse_endpoint
from s3plan.schemas.stores.names import StoreName


class LocationKind(StrEnum):
    """What sort of place a location is."""

    S3 = "s3"
    FOLDER = "folder"


_FOLDERS = "file:"


@dataclass(frozen=True, slots=True)
class PlanLocation:
    """A place that jobs read or write; which of the two, a batch says. Never a secret.

    `connection` is a name of the manifest, empty for the default one. A folder has none, no bucket and no prefix; it
    has an absolute `path` and its directory's inode, by which another disk in its place is noticed; `follows`: symbolic
    links in it are followed; `has_short_stamps`: its files are pinned by size and time alone; `trash` is the absolute
    path of the folder that takes what is replaced or deleted; `stays_on_device`: what is mounted below it is left out.
    `store` is the row of the table of stores that it was planned by; a folder has none, and says `unknown`.
    `customer_key` names where the key of SSE-C is found that its objects are read and written with, as KeyReference
    has it; the fingerprint tells that key from others.
    """

    id: int
    kind: LocationKind
    url: str
    connection: str
    endpoint: str | None
    region: str | None
    bucket: str
    prefix: str
    owner: str | None = None  # expected account id, sent as x-amz-expected-bucket-owner
    path: str | None = None
    root_inode: int | None = None
    follows: bool = False
    has_short_stamps: bool = False
    trash: str | None = None
    stays_on_device: bool = False
    store: StoreName = StoreName.UNKNOWN
    customer_key: str | None = None
    customer_key_fingerprint: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is one of this machine's."""
        return self.kind is LocationKind.FOLDER

    @property
    def is_plain(self) -> bool:
        """Whether its store is asked by http://, where nothing protects bytes on their way."""
        return (self.endpoint or "").lower().startswith("http:")

    @property
    def whole_bucket(self) -> tuple[str, str]:
        """What tells two buckets apart: the store, empty for AWS by whichever of its names, and the bucket.

        Of folders there is one store, which no bucket is in.
        """
        return self.store_name, self.bucket

    @property
    def store_name(self) -> str:
        """What tells two stores apart, as in `store`."""
        return _FOLDERS if self.is_folder else store_name(self.endpoint)

    def has_classes_of(self, source: PlanLocation) -> bool:
        """Return whether its store knows the storage classes of that one's: AWS has all that S3 has."""
        return self.store_name in (source.store_name, store_name(None))

    def overlaps(self, other: PlanLocation) -> bool:
        """Return whether a key of one may be a key of the other."""
        longer, shorter = sorted((self._whole_prefix, other._whole_prefix), key=len, reverse=True)
        return self.whole_bucket == other.whole_bucket and longer.startswith(shorter)

    @property
    def _whole_prefix(self) -> str:
        return self.prefix if self.path is None else folder_url(self.path)


def folder_url(path: str) -> str:
    """Return how the path of a folder is shown: as a URL with a `/` at its end, nothing in it encoded."""
    return f"file://{path}" if path.endswith("/") else f"file://{path}/"


def are_nested(one: str, other: str) -> bool:
    """Return whether of two absolute paths of folders one lies in the other, or both are the same."""
    shorter, longer = sorted((folder_url(one), folder_url(other)), key=len)
    return longer.startswith(shorter)


def store_name(endpoint: str | None) -> str:
    """Return what tells stores apart: host, port and path; empty for AWS, whose buckets are one space everywhere."""
    if endpoint is None:
        return ""
    try:
        place = parse_endpoint(endpoint)
    except EndpointInvalid:
        return endpoint
    return "" if is_s3_of_aws(place.host) else f"{place.host}:{place.port}{place.path}"


class PhaseName(StrEnum):
    """What a phase does; `aside` holds what is planned but never performed (skips, conflicts)."""

    PREPARE = "prepare"
    COPY = "copy"
    REMOVE = "remove"  # of a move: the source of each copy that is proved
    DELETE = "delete"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Phase:
    """One node of the DAG: one step of one job. Its batches may run in any order."""

    id: int
    job: str
    name: PhaseName


class EdgeNeed(StrEnum):
    """What of `before` lets `after` start; if it can never be had in a run, `after` is withheld there.

    Conflicts count as writes that failed: objects that the plan itself could not write.
    """

    ENDED = "ended"  # however
    NO_FAILURES = "no-failures"  # each write is done, already done or stale
    ENDED_WELL = "ended-well"  # each write is done or already done
    COMPLETE = "complete"  # that, and no archived object was left out
    EACH_BATCH = "each-batch"  # batch by batch, `after` taking of each what ended well and is proved


@dataclass(frozen=True, slots=True)
class Edge:
    """`after` starts only when `before` has ended as `needs` says."""

    before: int
    after: int
    needs: EdgeNeed


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit that executors run: a contiguous range of actions in key order. Ids begin at 1 and have no gaps.

    One with `of_batch` has no actions of its own: it is about those of that copy batch, whose sources it removes, and
    its to-location is where that one reads.
    """

    id: int
    phase: int
    from_location: int | None
    to_location: int | None
    first_action: int
    actions: int
    size_bytes: int
    digest: bytes
    of_batch: int | None = None
