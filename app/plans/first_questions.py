"""What a plan asks its stores in any case, asked at once: where the buckets are, their encryption, the first pages.

One round trip instead of five. Whoever needs an answer asks as it always does, and finds it
(storage/s3/asking_ahead.py). Answers of a store that turns out to be the wrong one (another region) are dropped: its
engine is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from s3plan.app.stores import Stores
from s3plan.schemas.manifest.locations import Destination, Source
from s3plan.schemas.manifest.models import JobEntry
from s3plan.schemas.requests import GetBucketEncryption, HeadBucket, Request
from s3plan.storage.listing.narrowed import askable_prefix
from s3plan.storage.listing.requests import first_page_request


def open_engines(stores: Stores, jobs: Iterable[JobEntry]) -> None:
    """Open the engines of both sides of each job; nothing is sent. Raises what Stores.open raises."""
    for job in jobs:
        for place in (job.source, job.destination):
            stores.open(place.connection or "", region=place.region)


def ask_first_questions(stores: Stores, job: JobEntry, *, shared: bytes | None) -> None:
    """Send those of a job; `shared` is what all keys begin with that are listed, relative to the locations.

    None lists nothing. The questions must be those of find_location, are_etags_comparable and the listings, to the
    letter.
    """
    for place in (job.source, job.destination):
        asks_encryption = isinstance(place, Source) or place.encryption is None
        connection = place.connection or ""
        questions = list(_questions(place, asks_encryption=asks_encryption, shared=shared))
        if stores.is_region_guessed(connection, place.region):
            del questions[1:]  # where the bucket is, has to be known first
        stores.ask_ahead(connection, region=place.region, questions=questions)


def _questions(place: Source | Destination, *, asks_encryption: bool, shared: bytes | None) -> Iterator[Request]:
    owner = place.expected_bucket_owner
    yield HeadBucket(place.bucket, owner=owner)
    if shared is not None:
        below = askable_prefix(place.bucket, place.key_prefix, shared)
        yield first_page_request(place.bucket, place.key_prefix + below.decode(), owner=owner)
    if asks_encryption:
        yield GetBucketEncryption(place.bucket, owner=owner)
