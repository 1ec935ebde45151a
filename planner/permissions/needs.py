"""Which requests a job may send, and about which keys: what its policies are made of.

Those of recovery count, too: of a run that goes on after another, of a look where a reply was lost. A need is no
promise that the request is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from s3plan.planner.manifest.new_objects import may_compare_etags, objects_record
from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Source
from s3plan.schemas.manifest.models import JobEntry, RunSettings
from s3plan.schemas.manifest.words import EncryptionType, Mode, Overwrite, Transfer
from s3plan.schemas.permissions.permitted_commands import PermittedCommand
from s3plan.schemas.permissions.table import When
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.attributes import GivenAttributes

Place = Source | Destination | DeletedFrom


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a place's bucket that begin so."""

    place: Place
    prefix: str

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.place.bucket


@dataclass(frozen=True, slots=True)
class Need:
    """A request that goes through the connection of `signer`; `copied` are the keys that a copy is made of."""

    operation: str
    signer: Place
    keys: Keys
    cases: frozenset[When] = frozenset()
    copied: Keys | None = None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a job's needs depend on besides the manifest.

    `is_documented` says of a bucket's place whether the table of stores knows which conditions its store enforces, so
    that nothing is probed. Keys of probes have `probe_stem` behind the prefix. From `uploads_in_parts_bytes` on, what
    passes through s3plan goes in parts. `is_one_store`: both places are at one. `is_looked_at`: each key of
    `filters.list` is asked for. `may_be_one`: the names do not tell both places apart.
    """

    is_documented: dict[Side, bool]
    probe_stem: str
    uploads_in_parts_bytes: int
    is_one_store: bool = True
    is_looked_at: bool = False
    may_be_one: bool = False


@dataclass(frozen=True, slots=True)
class JobNeeds:
    """Those of one job."""

    entry: JobEntry
    run: RunSettings
    facts: JobFacts
    _cases: frozenset[When] = field(init=False)
    _given: GivenAttributes = field(init=False)

    def __post_init__(self) -> None:
        destination = self.entry.destination
        encryption = None if destination is None else destination.encryption
        is_kms = encryption is not None and encryption.type in (EncryptionType.KMS, EncryptionType.KMS_DSSE)
        has_acl = destination is not None and destination.acl is not None
        cases = {When.KMS: is_kms, When.ACL: has_acl}
        object.__setattr__(self, "_given", objects_record(self.entry).given())
        object.__setattr__(self, "_cases", frozenset(case for case, holds in cases.items() if holds))

    def of(self, command: PermittedCommand) -> Iterator[Need]:
        """Yield them, some more than once."""
        match command:
            case PermittedCommand.PLAN:
                yield from self._of_plan()
            case PermittedCommand.APPLY:
                yield from self._of_apply()
            case PermittedCommand.VERIFY:
                yield from self._of_audit()

    # Plan and audit

    def _of_plan(self) -> Iterator[Need]:
        for place in self._buckets():
            yield self._asks("HeadBucket", place)
            yield self._asks("ListObjectsV2", place)
            if self.facts.is_looked_at or self._may_ask_about_files():
                yield self._asks("HeadObject", place)
        yield from (self._asks("GetBucketEncryption", place) for place in self._compared_by_etag())
        if self._is_tried():
            yield self._read_by_destination("HeadObject")

    def _of_audit(self) -> Iterator[Need]:
        """Yield what an audit cannot do without; AWS says with each object how it is encrypted."""
        for place in self._buckets():
            yield self._asks("HeadBucket", place)
            yield self._asks("ListObjectsV2", place)
            yield self._asks("HeadObject", place)

    def _compared_by_etag(self) -> Iterator[Place]:
        """Yield the buckets whose default encryption says whether ETags can be compared."""
        source, destination = self.entry.source, self.entry.destination
        if source is None or destination is None or not may_compare_etags(self.entry):
            return
        if source.folder is None:
            yield source
        if destination.folder is None and destination.encryption is None:
            yield destination

    def _may_ask_about_files(self) -> bool:
        """Return whether a plan may have to ask about objects that are compared with files."""
        has_folder = any(place.folder is not None for place in self.entry.places)
        return has_folder and self.entry.overwrite in (Overwrite.IF_DIFFERENT, Overwrite.IF_NEWER)

    # How objects come from one bucket to the other

    def _is_relayed(self) -> bool:
        """Return whether bytes pass through s3plan; where that is to be tried, the policy has the store copy them."""
        return self.entry.transfer is Transfer.RELAY or not self.facts.is_one_store

    def _is_tried(self) -> bool:
        """Return whether a plan tries if the destination's connection can read the source."""
        source, destination = self.entry.source, self.entry.destination
        if source is None or destination is None or source.folder is not None or destination.folder is not None:
            return False
        is_asked = self.entry.transfer is Transfer.AUTO and self.facts.is_one_store
        return is_asked and source.connection != destination.connection

    def _read_by_destination(self, operation: str) -> Need:
        source, destination = self.entry.source, self.entry.destination
        if source is None or destination is None:
            raise AssertionError("only what is between two buckets is tried")
        return replace(self._asks(operation, source), signer=destination)

    # Apply

    def _of_apply(self) -> Iterator[Need]:
        source, destination, location = self.entry.source, self.entry.destination, self.entry.location
        for place in self._buckets():
            yield self._asks("HeadBucket", place)
            yield from self._looks(place)
        if destination is not None and destination.folder is None and destination.create:
            yield self._asks("CreateBucket", destination)
        for place, side in self._changed():
            yield from self._tries_out(place, side)
        if source is not None and destination is not None:
            yield from self._writes(source, destination)
        if location is not None:
            yield from self._deletes(location)
        if destination is not None and destination.folder is None and self.entry.mode is Mode.MIRROR:
            yield from self._deletes(destination)
        if source is not None and source.folder is None and self.entry.mode is Mode.MOVE:
            yield from self._deletes(source)

    def _changed(self) -> Iterator[tuple[Place, Side]]:
        """Yield the buckets that the job changes."""
        entry = self.entry
        if entry.changed_place.folder is None and isinstance(entry.changed_place, Destination | DeletedFrom):
            yield entry.changed_place, Side.DESTINATION
        if entry.source is not None and entry.source.folder is None and entry.mode is Mode.MOVE:
            yield entry.source, Side.SOURCE

    def _looks(self, place: Place) -> Iterator[Need]:
        yield self._asks("HeadObject", place)
        yield self._asks("ListObjectsV2", place)
        if self.run.verify in (None, Verify.CHECKSUM):
            yield self._asks("GetObject", place)

    def _writes(self, source: Source, destination: Destination) -> Iterator[Need]:
        if destination.folder is not None:
            yield self._asks("GetObject", source)
        elif source.folder is not None or self._is_relayed():
            keeps_tags = self._given.keeps_tags and source.folder is None
            tags = frozenset({When.TAGS} if keeps_tags or self._given.tags else ())
            yield self._asks("PutObject", destination, cases=tags)
            if source.folder is None:
                yield self._asks("GetObject", source)
            if keeps_tags:
                yield self._asks("GetObjectTagging", source)
            if self._has_large(min(self.run.multipart_threshold, self.facts.uploads_in_parts_bytes)):
                yield from self._sends_parts(destination, self._asks("UploadPart", destination), tags)
        else:
            has_large = self._has_large(self.run.multipart_threshold)
            tags = frozenset({When.TAGS} if self._given.keeps_tags or self._given.tags else ())
            by_store = frozenset() if self._given.changes_tags else frozenset({When.COPIED_TAGS})
            yield self._copies(source, destination, destination, cases=tags | by_store)
            if self._given.keeps_tags and (has_large or self._given.changes_tags):
                yield self._asks("GetObjectTagging", source)
            if has_large:
                part = replace(self._asks("UploadPartCopy", destination), copied=Keys(source, source.key_prefix))
                yield from self._sends_parts(destination, part, tags)

    def _sends_parts(self, destination: Destination, part: Need, cases: frozenset[When]) -> Iterator[Need]:
        yield self._asks("CreateMultipartUpload", destination, cases=cases)
        yield part
        for operation in ("CompleteMultipartUpload", "ListParts", "AbortMultipartUpload", "ListMultipartUploads"):
            yield self._asks(operation, destination)

    def _deletes(self, place: Place) -> Iterator[Need]:
        yield self._asks("DeleteObjects", place)

    def _has_large(self, least_bytes: int) -> bool:
        """Return whether objects of this size may pass the filters."""
        size = self.entry.filters.size
        return size is None or size.max is None or size.max >= least_bytes

    # What a store is asked before anything is changed

    def _tries_out(self, place: Place, side: Side) -> Iterator[Need]:
        if self.facts.is_documented[side]:
            for sample in self._samples(place):
                yield self._copies(sample, place, place, prefix=self._probe_prefix(place))
        else:
            yield from self._probes(place)
        if side is Side.DESTINATION and self.entry.mode is Mode.MOVE and self.facts.may_be_one:
            yield from self._makes_own(place)

    def _samples(self, place: Place) -> Iterator[Place]:
        """Yield where an object is from that is copied by a wrong condition, which makes nothing."""
        source = self.entry.source
        if source is not None and source.folder is None and (place is source or not self._is_relayed()):
            yield source
        if self.entry.mode in (Mode.MIRROR, Mode.DELETE):
            yield place

    def _makes_own(self, place: Place) -> Iterator[Need]:
        for operation in ("PutObject", "HeadObject", "DeleteObjects", "AbortMultipartUpload"):
            yield self._asks(operation, place, prefix=self._probe_prefix(place))

    def _probes(self, place: Place) -> Iterator[Need]:
        prefix = self._probe_prefix(place)
        yield from self._makes_own(place)
        yield replace(self._asks("CopyObject", place, prefix=prefix), copied=Keys(place, prefix))
        for operation in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "ListMultipartUploads"):
            yield self._asks(operation, place, prefix=prefix)
        yield self._asks("ListObjectVersions", place, prefix=prefix)
        removed = self._asks("DeleteObject", place, prefix=prefix)
        yield replace(removed, cases=frozenset({When.VERSION}))

    def _probe_prefix(self, place: Place) -> str:
        return place.key_prefix + self.facts.probe_stem

    # Needs

    def _copies(
        self,
        source: Place,
        destination: Place,
        signer: Place,
        *,
        prefix: str | None = None,
        cases: frozenset[When] = frozenset({When.TAGS, When.COPIED_TAGS}),
    ) -> Need:
        keys = Keys(destination, destination.key_prefix if prefix is None else prefix)
        cases = cases | frozenset({When.CURRENT}) | self._cases_of(destination)
        return Need("CopyObject", signer, keys, cases, Keys(source, source.key_prefix))

    def _asks(
        self, operation: str, place: Place, *, prefix: str | None = None, cases: frozenset[When] = frozenset()
    ) -> Need:
        keys = Keys(place, place.key_prefix if prefix is None else prefix)
        return Need(operation, place, keys, frozenset({When.CURRENT}) | cases | self._cases_of(place))

    def _cases_of(self, place: Place) -> frozenset[When]:
        return self._cases if isinstance(place, Destination) else frozenset()

    def _buckets(self) -> Iterator[Place]:
        return (place for place in self.entry.places if place.folder is None)
