"""What a manifest says of a job and of its run, as typed values.

Values are parsed: sizes are bytes, bandwidth is bytes per second, durations timedelta, moments aware UTC. Models
say what one field may be; what fields must be to each other is in rules.py. What a whole manifest is written like is in
documents.py, and what comes of it in resolved.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Location, Source
from s3plan.schemas.manifest.readers import (
    PLACE_SCHEMA,
    bandwidth_value,
    duration_value,
    extension,
    key_list_file,
    key_pattern,
    limit_value,
    moment,
    rate_value,
    size_value,
)
from s3plan.schemas.manifest.retries import OrANumber, Retries
from s3plan.schemas.manifest.values import OneOrMany, Section, Shorthand, flag, text_value, whole_number, word_of
from s3plan.schemas.manifest.words import (
    Archived,
    Compare,
    DeleteWhen,
    Durability,
    ExecutorName,
    Loss,
    Mode,
    Overwrite,
    Preserve,
    StorageClass,
    Transfer,
    Unpinned,
)
from s3plan.schemas.quantities import Limit

GIB = 2**30
PART_BYTES_LEAST = 5 * 2**20  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES_MOST = 5 * GIB
MEMORY_BYTES_LEAST = 16 * 2**20
MOST_WORKERS = 64
MIRROR_MAX_DELETE = Limit(percent=Decimal(25))
JOB_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"


JobName = Annotated[
    str,
    text_value(
        "lower-case letters, digits, dots, underscores and hyphens, 63 at most, a letter or digit first",
        pattern=JOB_NAME_PATTERN,
    ),
]


class SizeFilter(Section):
    """Sizes that pass, both ends included."""

    example: ClassVar[str] = "{min: 1KiB, max: 50GiB}"

    min: Annotated[int, size_value()] | None = Field(
        default=None, description="Smallest size that passes.", examples=["1KiB"]
    )
    max: Annotated[int, size_value()] | None = Field(
        default=None, description="Largest size that passes.", examples=["50GiB"]
    )


class ModifiedFilter(Section):
    """Times of last change that pass; ages are judged by the store's clock."""

    example: ClassVar[str] = "{newer_than: 30d}"

    after: Annotated[datetime, moment()] | None = Field(
        default=None, description="Changed at or after this moment. A date means midnight UTC."
    )
    before: Annotated[datetime, moment()] | None = Field(
        default=None, description="Changed before this moment. A date means midnight UTC."
    )
    older_than: Annotated[timedelta, duration_value()] | None = Field(
        default=None, description="Last changed longer ago than this.", examples=["30d"]
    )
    newer_than: Annotated[timedelta, duration_value()] | None = Field(
        default=None, description="Changed within this time.", examples=["12h"]
    )


class Filters(Section):
    """Which objects the job is about."""

    example: ClassVar[str] = '{include: ["*.jpg"]}'

    include: Annotated[tuple[Annotated[str, key_pattern()], ...], OneOrMany("patterns")] = Field(
        default=(),
        description="gitignore patterns, relative to the location. Without it: everything.",
        examples=[["*.jpg"]],
    )
    exclude: Annotated[tuple[Annotated[str, key_pattern()], ...], OneOrMany("patterns")] = Field(
        default=(),
        description="gitignore patterns; what they match is neither copied nor deleted.",
        examples=[["tmp/"]],
    )
    list: Annotated[str, key_list_file()] | None = Field(
        default=None,
        description="A file with one key a line, relative to the manifest's folder: only these keys.",
        examples=["keys.txt"],
    )
    extensions: Annotated[tuple[Annotated[str, extension()], ...], OneOrMany("extensions")] = Field(
        default=(), description="Ends of names, with or without the dot.", examples=[["jpg", "tar.gz"]]
    )
    size: SizeFilter | None = Field(default=None, description="Sizes of source objects that pass.")
    modified: ModifiedFilter | None = Field(default=None, description="Times of last change that pass.")
    storage_class: Annotated[
        tuple[Annotated[StorageClass, word_of(StorageClass)], ...], OneOrMany("storage classes")
    ] = Field(default=(), description="Storage classes of source objects that pass.", examples=[["STANDARD"]])


class Deletion(Section):
    """What may be deleted, and how; must be written out with `mode: mirror`."""

    example: ClassVar[str] = "{extraneous: true, when: all-done}"

    extraneous: Annotated[bool, flag()] | None = Field(
        default=None, description="Delete what the source lacks: true in a mirror, nowhere else."
    )
    when: Annotated[DeleteWhen, word_of(DeleteWhen)] | None = Field(
        default=None,
        description="Of a mirror. all-done (the default): every copy must be done. no-failures: stale ones do not "
        "hold deletes back.",
    )
    unpinned: Annotated[Unpinned, word_of(Unpinned)] = Field(
        default=Unpinned.REFUSE,
        description="allow: also delete on a store that cannot enforce that the object is still the planned one; of a "
        "move that is the source.",
    )


class Guards(Section):
    """Limits that are checked before anything is changed; `None` where the manifest is silent."""

    example: ClassVar[str] = "{max_delete: 1%}"

    max_delete: Annotated[Limit, limit_value()] | None = Field(
        default=None,
        description="Most deletes: a share of the objects in scope where it deletes, or a number. A mirror has 25%. A "
        "move deletes from its source.",
        examples=["1%", 1204],
    )
    max_overwrite: Annotated[Limit, limit_value()] | None = Field(
        default=None,
        description="Most overwrites: a share of the destination's objects in scope, or a number.",
        examples=["10%", 500],
    )
    max_bytes: Annotated[int, size_value()] | None = Field(
        default=None, description="Most bytes to write.", examples=["2TiB"]
    )
    refuse_empty_source: Annotated[bool, flag()] | None = Field(
        default=None, description="Refuse a plan whose source has no object. A mirror has true."
    )


class RunSettings(Section):
    """How a plan is carried out; `None` leaves the choice to the executor or engine."""

    example: ClassVar[str] = "{workers: 8}"

    executor: Annotated[
        ExecutorName,
        word_of(
            ExecutorName,
            later="ray slurm kubernetes ssh airflow",
            else_hint="an executor of another distribution is named by apply --executor",
        ),
    ] = Field(default=ExecutorName.THREADS, description="Where batches run.")
    workers: Annotated[int, whole_number(1, MOST_WORKERS)] | None = Field(
        default=None, description="Batches at a time, or worker processes.", examples=[8]
    )
    in_flight: Annotated[int, whole_number(1, 4096)] | None = Field(
        default=None, description="Requests under way at a time, in all.", examples=[128]
    )
    bandwidth: Annotated[int, bandwidth_value()] | None = Field(
        default=None, description="Most bytes per second.", examples=["100MiB/s"]
    )
    rate: Annotated[int, rate_value()] | None = Field(
        default=None, description="Most requests per second.", examples=["3000/s"]
    )
    retries: Annotated[Retries, OrANumber()] = Field(
        default=Retries(), description="How often one action is tried again after a passing failure.", examples=[8]
    )
    pin_cores: Annotated[bool, flag()] = Field(
        default=True, description="Keep each process that sends requests on one processor core, which is faster."
    )
    max_failures: Annotated[int, whole_number(0, 10**12)] | None = Field(
        default=None, description="Stop once more actions than this have failed. Without it: carry on.", examples=[100]
    )
    multipart_threshold: Annotated[int, size_value(least=PART_BYTES_LEAST, most=PART_BYTES_MOST)] = Field(
        default=GIB, description="Objects of this size or more are copied in parts.", examples=["1GiB"]
    )
    part_size: Annotated[int, size_value(least=PART_BYTES_LEAST, most=PART_BYTES_MOST)] | None = Field(
        default=None, description="Size of one part; made larger where 10,000 parts would not do.", examples=["64MiB"]
    )
    memory: Annotated[int, size_value(least=MEMORY_BYTES_LEAST, most=1024 * GIB)] = Field(
        default=128 * 2**20, description="Most memory of each process for bytes on their way from and to files."
    )
    file_threads: Annotated[int, whole_number(1, 64)] = Field(
        default=4, description="How many files of a folder are read at a time."
    )
    verify: Annotated[Verify, word_of(Verify)] | None = Field(
        default=None,
        description="What is asked of a write whose reply does not prove its bytes: none, size, etag (what the store "
        "states), checksum (the bytes are read). Without it etag, and checksum where they pass through s3plan.",
    )
    durability: Annotated[Durability, word_of(Durability)] = Field(
        default=Durability.BATCH,
        description="batch: a downloaded file is on disk before it counts as done. none: faster, without that.",
    )


class JobFields(Section):
    """What one job is."""

    description: Annotated[str, text_value(many_lines=True, max_bytes=10_000)] | None = Field(
        default=None, description="What it is for, for people."
    )
    source: Annotated[Source, Shorthand("url", PLACE_SCHEMA)] | None = Field(
        description="Where from: a URL or a mapping."
    )
    destination: Annotated[Destination, Shorthand("url", PLACE_SCHEMA)] | None = Field(
        description="Where to: a URL or a mapping."
    )
    location: Annotated[DeletedFrom, Shorthand("url", PLACE_SCHEMA)] | None = Field(
        default=None, description="Where `mode: delete` deletes, instead of a source and a destination."
    )
    filters: Filters = Field(default=Filters(), description="Which objects. Without it: all.")
    mode: Annotated[Mode, word_of(Mode, later="two-way")] = Field(
        default=Mode.COPY,
        description="copy never deletes; mirror also deletes what the source lacks and needs `delete:`; move "
        "deletes each object of the source once its copy is proved; delete has a `location:` and deletes what the "
        "filters let through.",
    )
    overwrite: Annotated[Overwrite, word_of(Overwrite)] = Field(
        default=Overwrite.IF_DIFFERENT, description="What to do with objects that the destination already has."
    )
    compare: Annotated[tuple[Annotated[Compare, word_of(Compare)], ...], OneOrMany("checksum, etag, mtime or size")] = (
        Field(
            default=(),
            description="What `overwrite: if-different` looks at. Without it: size, then ETag, then time.",
            examples=[["size"]],
        )
    )
    preserve: (
        Annotated[tuple[Annotated[Preserve, word_of(Preserve)], ...], OneOrMany("words", may_be_empty=True)] | None
    ) = Field(
        default=None,
        description="What goes with an object: metadata, content (headers), tags, storage_class; without it all of "
        "these. With a file: mtime, kept as `x-amz-meta-mtime` as rclone does; without it nothing.",
        examples=[["metadata", "content"]],
    )
    allow_loss: Annotated[tuple[Annotated[Loss, word_of(Loss)], ...], OneOrMany("words", means_no_limit=False)] = Field(
        default=(),
        description="What objects may lose because the destination's store does not have it.",
        examples=[["tags"]],
    )
    transfer: Annotated[Transfer, word_of(Transfer)] = Field(
        default=Transfer.AUTO,
        description="Between buckets. server-side: the store copies by itself. relay: the bytes pass through s3plan. "
        "auto: server-side on one endpoint where the destination's credentials can read the source, else relay.",
    )
    archived: Annotated[Archived, word_of(Archived)] = Field(
        default=Archived.SKIP,
        description="What to do with source objects that must be restored before they can be read.",
    )
    delete: Deletion | None = Field(
        default=None, description="What may be deleted, and how; not with mode: copy, which deletes nothing."
    )
    guards: Guards = Field(default=Guards(), description="Limits that are checked before anything is changed.")

    @model_validator(mode="before")
    @classmethod
    def _one_location_is_enough(cls, data: object) -> object:
        """Ask for no source and no destination where there is one location, or should be."""
        if isinstance(data, dict) and ("location" in data or data.get("mode") == Mode.DELETE):
            return {"source": None, "destination": None} | data
        return data

    @property
    def changed_place(self) -> Location:
        """Where the job writes or deletes."""
        place = self.destination or self.location
        if place is None:
            raise AssertionError("a sound job has a destination or a location")
        return place

    @property
    def places(self) -> tuple[Source | Destination | DeletedFrom, ...]:
        """The job's places: a source and a destination, or the one location."""
        return tuple(place for place in (self.source, self.destination, self.location) if place is not None)

    def guards_in_force(self) -> Guards:
        """Return the guards with the defaults of the mode.

        A mirror has max_delete 25% and refuse_empty_source true. With mode: delete max_delete is written.
        """
        mirrors = self.mode is Mode.MIRROR
        written = self.guards
        return written.model_copy(
            update={
                "max_delete": MIRROR_MAX_DELETE if mirrors and written.max_delete is None else written.max_delete,
                "refuse_empty_source": mirrors if written.refuse_empty_source is None else written.refuse_empty_source,
            }
        )


class JobEntry(JobFields):
    """One entry of `jobs:`."""

    example: ClassVar[str] = "{source: s3://from/a/, destination: s3://into/a/}"

    depends_on: Annotated[tuple[JobName, ...], OneOrMany("names of jobs", means_no_limit=False)] = Field(
        default=(),
        description="Jobs that must have ended well before this one begins.",
        examples=[["assets"]],
    )
