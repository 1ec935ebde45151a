"""What a plan asks a place in any case, so that all of it can be asked at once: the bucket, encryption, a first page.

One round trip instead of five. Whoever needs an answer asks as it always does, and finds it
(storage/s3/asking_ahead.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Source
from s3plan.schemas.requests.objects import GetBucketEncryption, HeadBucket, Request
from s3plan.storage.listing.narrowed import askable_prefix
from s3plan.storage.listing.requests import first_page_request


def first_questions(
    place: Source | Destination | DeletedFrom, *, shared: bytes | None, compares_etags: bool
) -> Iterator[Request]:
    """Yield them; the first tells where the bucket is.

    `shared` is what all keys begin with that are listed, relative to the location; None lists nothing.
    `compares_etags`: those of the job's buckets are compared if the buckets do not encrypt by KMS. The questions must
    be those of find_bucket, is_free_of_kms and the listings, to the letter.
    """
    owner = place.expected_bucket_owner
    yield HeadBucket(place.bucket, owner=owner)
    if shared is not None:
        below = askable_prefix(place.bucket, place.key_prefix, shared)
        yield first_page_request(place.bucket, place.key_prefix + below.decode(), owner=owner)
    tells_encryption = isinstance(place, Source) and place.customer_key is None
    if compares_etags and (tells_encryption or (isinstance(place, Destination) and place.encryption is None)):
        yield GetBucketEncryption(place.bucket, owner=owner)
