from __future__ import annotations

import pytest
from contract.lister_contract import listed
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.objects import PutObject
from s3plan.storage.listing.narrowed import askable_prefix, open_narrowed_listing
from s3plan.storage.memory.engine import MemoryEngine

DIRECTORY_BUCKET = "name--use1-az4--x-s3"


def location(prefix: str, *, bucket: str = "bucket") -> PlanLocation:
    return PlanLocation(1, LocationKind.S3, f"s3://{bucket}/{prefix}", "", None, None, bucket, prefix)


@pytest.mark.parametrize(
    ("bucket", "prefix", "shared", "askable"),
    [
        ("bucket", "p/", "photos/2024-", "photos/2024-"),
        ("bucket", "", "", ""),
        ("bucket", "p" * 1020, "abcdef", "abcd"),
        ("bucket", "p" * 1021, "a\u00e4\u00e4", "a\u00e4"),
        ("bucket", "p" * 1022, "a\u00e4\u00e4", "a"),
        ("bucket", "p" * 1100, "abc", ""),
        (DIRECTORY_BUCKET, "p/", "photos/2024-", "photos/"),
        (DIRECTORY_BUCKET, "p/", "photos/2024/", "photos/2024/"),
        (DIRECTORY_BUCKET, "p/", "photos", ""),
    ],
)
def test_a_store_is_asked_for_as_much_of_a_prefix_as_it_takes(
    bucket: str, prefix: str, shared: str, askable: str
) -> None:
    assert askable_prefix(bucket, prefix, shared.encode()) == askable.encode()


@pytest.mark.parametrize("unordered", [False, True])
def test_keys_stay_relative_to_the_location_and_the_note_says_which_were_listed(unordered: bool) -> None:
    engine = MemoryEngine()
    engine.store.create_bucket("bucket")
    for key in ("p/", "p/a", "p/b/", "p/b/1", "p/b/2", "p/c", "pb/1"):
        engine.call(PutObject("bucket", key, b""))
    lister = open_narrowed_listing(engine, location("p/"), shared=b"b/", unordered=unordered)
    assert listed(lister) == [b"b/", b"b/1", b"b/2"]
    notes = ["only keys that begin with b/ were listed"]
    notes += ["the store lists out of order: sorted on disk first"] if unordered else []
    assert lister.note == "; ".join(notes)
    whole = open_narrowed_listing(engine, location("p/"), shared=b"")
    assert listed(whole) == [b"", b"a", b"b/", b"b/1", b"b/2", b"c"]
    assert whole.note is None
