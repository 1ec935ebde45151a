"""Plan, apply, plan again: nothing to do. Bucket to bucket, `mode: copy`, on real input."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakes.odd_keys import ODD_KEYS
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted
from s3plan.schemas.plan.actions import VerdictKind

pytestmark = BY_BOTH_ENGINES

DAY_S = 86_400


def test_every_odd_key_arrives_with_its_bytes(place: Workplace) -> None:
    place.seed("source", *ODD_KEYS, size_bytes=40, synthetic=False)
    place.buckets("destination")
    report = place.carry_out()
    assert counted(report) == {"done": len(ODD_KEYS)}
    place.assert_same_content()
    assert set(place.writes().values()) == {1}


def test_odd_keys_below_a_prefix_arrive_below_the_other_prefix(place: Workplace) -> None:
    keys = [key for key in ODD_KEYS if len(key.encode()) < 900]
    place.seed("source", *(f"from here/{key}" for key in keys), "from elsewhere", body="bytes")
    place.seed("destination", "to there", body="mine")
    place.carry_out(source="s3://source/from here/", destination="s3://destination/to+there/")
    assert place.keys("destination") == {"to there", *(f"to+there/{key}" for key in keys)}


def test_what_goes_with_an_object_is_kept(place: Workplace) -> None:
    kept = {
        "metadata": {"colour": "blue", "Shade": "dark"},
        "headers": {"content-type": "text/x-test", "cache-control": "no-cache", "content-encoding": "identity"},
        "tags": {"team": "a b+c", "cost/centre": "12=3"},
    }
    place.seed("source", "object", body="bytes", storage_class="STANDARD_IA", **kept)
    place.buckets("destination")
    place.carry_out()
    head = place.s3.head_object(Bucket="destination", Key="object")
    assert head["Metadata"] == {"colour": "blue", "shade": "dark"}
    assert (head["ContentType"], head["CacheControl"]) == ("text/x-test", "no-cache")
    assert head["StorageClass"] == "STANDARD_IA"
    tags = place.s3.get_object_tagging(Bucket="destination", Key="object")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == kept["tags"]


def test_storage_classes_are_kept_and_archived_objects_are_skipped(place: Workplace) -> None:
    for storage_class in ("STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"):
        place.seed("source", storage_class, body="bytes", storage_class=storage_class)
    place.buckets("destination")
    place.manifest()
    made = place.plan()
    assert made.header.objects_of(VerdictKind.SKIPPED) == 2
    place.carry_out()
    found = {key: row.storage_class for key, row in place.listed("destination").items()}
    assert found == {name: name for name in ("STANDARD", "STANDARD_IA", "GLACIER_IR")}


def test_an_archived_object_that_is_asked_for_is_skipped_when_the_store_refuses_it(place: Workplace) -> None:
    place.seed("source", "cold", body="bytes", storage_class="GLACIER")
    place.seed("source", "warm", body="bytes")
    place.buckets("destination")
    place.manifest(archived="copy")
    place.plan()
    report = place.apply()
    assert counted(report) == {"done": 1, "skipped": 1}
    assert report.exit_code == 3
    assert place.keys("destination") == {"warm"}


def test_storage_class_and_encryption_are_what_the_manifest_says(place: Workplace) -> None:
    place.seed("source", "small", body="bytes")
    place.buckets("destination")
    settings = {"storage_class": "GLACIER_IR", "encryption": {"type": "aws:kms", "key_id": "alias/backup"}}
    place.carry_out(destination=settings)
    head = place.s3.head_object(Bucket="destination", Key="small")
    assert (head["StorageClass"], head["ServerSideEncryption"]) == ("GLACIER_IR", "aws:kms")
    assert head["SSEKMSKeyId"].endswith("alias/backup")


def test_a_missing_destination_is_created_in_its_region(place: Workplace) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.carry_out(destination={"create": True, "region": "eu-central-1"})
    assert place.s3.get_bucket_location(Bucket="destination")["LocationConstraint"] == "eu-central-1"
    assert place.keys("destination") == place.keys("source")


def test_planning_for_a_missing_destination_creates_nothing(place: Workplace) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.manifest(destination={"create": True})
    assert place.plan().header.actions == 3
    assert [bucket["Name"] for bucket in place.s3.list_buckets()["Buckets"]] == ["source"]


def test_multipart_objects_are_not_copied_again_for_their_etags(place: Workplace) -> None:
    place.seed("source", "in-parts", size_bytes=30, parts=3, synthetic=False)
    place.seed("source", "in-one", size_bytes=30, synthetic=False)
    place.buckets("destination")
    place.carry_out()
    assert place.listed("destination")["in-parts"].etag != place.listed("source")["in-parts"].etag
    place.assert_same_content()


def test_nothing_is_written_while_planning(place: Workplace) -> None:
    place.seed("source", count=20, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    assert set(place.server.stats().requests) <= {"ListObjectsV2", "HeadBucket", "GetBucketEncryption"}


# The source is a day old where nothing else is said; each destination object differs from it in one way.
DESTINATIONS = {
    "same": {"size_bytes": 10, "age_s": 0},
    "same-but-older": {"size_bytes": 10, "age_s": 2 * DAY_S},
    "other-size": {"size_bytes": 11, "age_s": 0},
    "other-size-older": {"size_bytes": 11, "age_s": 2 * DAY_S},
    "other-etag": {"size_bytes": 10, "seed": 1, "age_s": 0},
    "other-etag-older": {"size_bytes": 10, "seed": 1, "age_s": 2 * DAY_S},
    "not-comparable": {"size_bytes": 10, "parts": 2, "age_s": 0},
    "not-comparable-older": {"size_bytes": 10, "parts": 2, "age_s": 2 * DAY_S},
}
OTHER_SIZE = ["other-size", "other-size-older"]
OLDER = ["same-but-older", "other-size-older", "other-etag-older", "not-comparable-older"]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("policy", "overwritten"),
    [
        ({"overwrite": "never"}, []),
        ({}, [*OTHER_SIZE, "other-etag", "other-etag-older", "not-comparable-older"]),
        ({"overwrite": "if-newer"}, OLDER),
        ({"overwrite": "if-size-differs"}, OTHER_SIZE),
        ({"overwrite": "always"}, list(DESTINATIONS)),
        ({"compare": ["size"]}, OTHER_SIZE),
        ({"compare": ["size", "mtime"]}, ["other-size", *OLDER]),
        ({"compare": ["etag"]}, [*OTHER_SIZE, "other-etag", "other-etag-older", "not-comparable-older"]),
    ],
    ids=lambda value: "-".join(map(str, value.values())) or "default" if isinstance(value, dict) else "",
)
def test_each_overwrite_policy_overwrites_what_it_says(
    place: Workplace, policy: dict[str, object], overwritten: Sequence[str]
) -> None:
    now_s = place.s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]["date"]
    now_s = _seconds(now_s)
    place.seed("source", "absent", *DESTINATIONS, size_bytes=10, modified_s=now_s - DAY_S)
    for number, (key, said) in enumerate(DESTINATIONS.items(), start=1):
        what = dict(said)
        age_s = what.pop("age_s")
        # the index makes the ETag: the same index, size and seed is the same content
        place.seed("destination", key, start=number, modified_s=now_s - age_s, **what)
    place.manifest(**policy)
    place.plan()
    report = place.apply()
    assert place.writes().keys() == {"absent", *overwritten}
    assert counted(report) == {"done": 1 + len(overwritten)}
    if policy != {"overwrite": "always"}:
        place.assert_nothing_left()


def _seconds(http_date: str) -> int:
    from email.utils import parsedate_to_datetime

    return int(parsedate_to_datetime(http_date).timestamp())


def test_only_what_passes_the_key_filters_is_copied(place: Workplace) -> None:
    keys = ["a.jpg", "b.png", "sub/c.jpg", "tmp/d.jpg", "sub/_temporary/e.jpg", "f.txt", "tmp", "notes/tmp/g.png"]
    place.seed("source", *keys, body="bytes")
    place.buckets("destination")
    filters = {"include": ["*.jpg", "*.png"], "exclude": ["/tmp/", "**/_temporary/"]}
    place.carry_out(filters=filters)
    assert place.keys("destination") == {"a.jpg", "b.png", "sub/c.jpg", "notes/tmp/g.png"}


def test_a_raw_prefix_takes_every_key_that_begins_so(place: Workplace) -> None:
    place.seed("source", "raw/prefix-1", "raw/pre", "raw/preface/x", "raw/other", body="bytes")
    place.buckets("destination")
    place.carry_out(source={"prefix": "raw/pre"}, destination="s3://destination/cooked/")
    assert place.keys("destination") == {"cooked/fix-1", "cooked/face/x"}


def test_the_locations_own_marker_is_left_out(place: Workplace) -> None:
    place.seed("source", "folder/", "folder/x", body="bytes")
    place.buckets("destination")
    place.carry_out(source="s3://source/folder/", destination="s3://destination/other/")
    assert place.keys("destination") == {"other/x"}


def test_a_key_that_becomes_too_long_is_a_conflict_and_the_others_are_copied(place: Workplace) -> None:
    place.seed("source", "k" * 1020, "short", body="bytes")
    place.buckets("destination")
    place.manifest(destination="s3://destination/prefix/")
    made = place.plan()
    assert made.header.objects_of_conflicts == 1
    report = place.apply()
    assert report.exit_code == 3
    assert place.keys("destination") == {"prefix/short"}


def test_within_one_bucket_a_prefix_is_copied_beside_itself(place: Workplace) -> None:
    place.seed("source", "a/1", "a/2", "ab", body="bytes")
    place.carry_out(source="s3://source/a/", destination="s3://source/b/")
    assert place.keys("source") == {"a/1", "a/2", "ab", "b/1", "b/2"}


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_many_batches_end_the_same_on_each_executor(place: Workplace, executor: str) -> None:
    place.seed("source", count=1200, size_bytes=10)
    place.seed("destination", count=1200, size_bytes=10, skip_every=3, changed_every=50)
    report = place.carry_out(run={"executor": executor})
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.etag for key, row in source.items()} == {key: row.etag for key, row in destination.items()}
    assert counted(report).keys() == {"done"}
    assert set(place.writes().values()) == {1}


@pytest.mark.parametrize("conditions", ["none", "put-only", "not-atomic"])
def test_the_journey_ends_the_same_where_the_store_enforces_less(place: Workplace, conditions: str) -> None:
    place.server.set_mode(conditions=conditions)
    place.seed("source", *ODD_KEYS[:12], count=0, body="bytes")
    place.seed("destination", *ODD_KEYS[:6], body="other bytes", modified_s=0)
    place.carry_out()
    place.assert_same_content()
