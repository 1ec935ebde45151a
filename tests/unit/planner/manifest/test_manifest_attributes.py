"""What a manifest says of what objects keep and are given: what it comes to, and what is refused at its place."""

# ruff: noqa: E501 - the table reads best with one case a line

from __future__ import annotations

from pathlib import Path

import pytest
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic
from s3plan.schemas.plan.objects import ChangesRecord, ObjectsRecord
from s3plan.schemas.requests.attributes import ALL_KEPT, GivenAttributes

JOB = Path("job.yaml")
HEAD = "version: 1\nname: job\nsource: {source}\n"


def written(destination: str, *more: str, source: str = "s3://aaa/") -> str:
    return "\n".join([HEAD.format(source=source).strip(), f"destination: {destination}", *more, ""])


def objects_of(text: str) -> ObjectsRecord:
    (job,) = resolve_jobs(parse_manifest(text.encode(), path=JOB).manifest)
    return job.settings.objects


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return parse_manifest(text.encode(), path=JOB).warnings
    except ManifestInvalid as error:
        return error.diagnostics


def test_without_a_word_copies_keep_all_that_objects_carry() -> None:
    assert objects_of(written("s3://bbb/")) == ObjectsRecord()
    assert ObjectsRecord().preserve == ("metadata", "content", "tags", "storage_class")
    assert ObjectsRecord().given() == ALL_KEPT


def test_an_empty_list_keeps_nothing_and_words_keep_what_they_name() -> None:
    assert objects_of(written("s3://bbb/", "preserve: []")).preserve == ()
    assert objects_of(written("s3://bbb/", "preserve: [tags, metadata]")).preserve == ("metadata", "tags")
    assert objects_of(written("s3://bbb/", "preserve: content")).preserve == ("content",)


def test_everything_that_may_be_given_is_read_as_it_is_written() -> None:
    made = objects_of(
        written(
            "\n  url: s3://bbb/",
            "  content_type: text/html; charset=utf-8",
            "  cache_control: max-age=3600",
            '  content_disposition: attachment; filename="a b"',
            "  content_encoding: gzip",
            "  content_language: de",
            "  expires: 2030-01-02T03:04:05+01:00",
            "  metadata: {team: media, x-of: 012}",
            "  tags: {class: photo, 'a b': ''}",
        )
    )
    assert made == ObjectsRecord(
        headers={
            "content_type": "text/html; charset=utf-8",
            "cache_control": "max-age=3600",
            "content_disposition": 'attachment; filename="a b"',
            "content_encoding": "gzip",
            "content_language": "de",
            "expires": "Wed, 02 Jan 2030 02:04:05 GMT",
        },
        metadata=ChangesRecord(set={"team": "media", "x-of": "012"}),
        tags=ChangesRecord(set={"class": "photo", "a b": ""}),
    )
    assert made.given().headers["Expires"] == "Wed, 02 Jan 2030 02:04:05 GMT"


def test_what_is_kept_may_be_dropped_by_name_and_a_type_guessed() -> None:
    made = objects_of(
        written("{url: s3://bbb/, content_type: guess, metadata: {set: {set: a}, drop: [old]}, tags: {drop: [b]}}")
    )
    assert made.given() == GivenAttributes(
        guesses_type=True,
        metadata={"set": "a"},
        dropped_metadata=frozenset({"old"}),
        dropped_tags=frozenset({"b"}),
    )


def test_defaults_are_joined_by_what_a_job_adds() -> None:
    text = (
        "version: 1\nname: two\ndefaults:\n  preserve: [metadata]\n  destination: {metadata: {team: media}}\njobs:\n"
        "  a: {source: s3://aaa/, destination: {url: s3://bbb/, metadata: {x-of: a}}}\n"
        "  b: {source: s3://ccc/, destination: s3://ddd/, preserve: []}\n"
    )
    jobs = resolve_jobs(parse_manifest(text.encode(), path=JOB).manifest)
    assert [(job.settings.objects.preserve, dict(job.settings.objects.metadata.set)) for job in jobs] == [
        (("metadata",), {"team": "media", "x-of": "a"}),
        ((), {"team": "media"}),
    ]


REFUSED = [
    ("metadata: media", "destination.metadata", "needs a mapping of names and values, not a single value"),
    ("metadata: {}", "destination.metadata", "says nothing"),
    ("metadata: {Team: a}", "destination.metadata.Team", "the name needs lower-case letters, digits and -, such as team"),
    ("metadata: {'a b': c}", "destination.metadata.a b", "the name needs lower-case letters, digits and -, such as team"),
    ("metadata: {x-amz-meta-team: a}", "destination.metadata.x-amz-meta-team", "the name begins like a header of S3"),
    ("metadata: {team: é}", "destination.metadata.team", "has characters that are not ASCII, which stores change or lose"),
    ("metadata: {team: true}", "destination.metadata.team", "needs a text"),
    ("metadata: {team: ' a'}", "destination.metadata.team", "needs a text, without line breaks and without spaces around it"),
    ("metadata: {team: [a]}", "destination.metadata.team", "needs a text, not a list"),
    ("metadata: {set: a}", "destination.metadata.set", "needs a mapping, not a single value"),
    ("metadata: {set: {a: b}, c: d}", "destination.metadata.c", "unknown key"),
    ("metadata: {set: {a: b}, drop: [a]}", "destination.metadata", "sets a and drops it"),
    (f"metadata: {{team: {'a' * 2045}}}", "destination.metadata", "has 2,049 bytes, and an object has 2 KiB of metadata"),
    ("tags: {a: 'b*'}", "destination.tags.a", "a tag has letters, digits, spaces and + - = . _ : / @ only"),
    ("tags: {'aws:a': b}", "destination.tags.aws:a", "the name begins with aws:, which is the store's own"),
    (f"tags: {{a: {'b' * 257}}}", "destination.tags.a", "needs a tag's value, 256 characters at most"),
    (f"tags: {{{'b' * 129}: a}}", f"destination.tags.{'b' * 129}", "the name needs a tag's name, 128 characters at most"),
    ("tags: {" + ", ".join(f"t{at}: v" for at in range(11)) + "}", "destination.tags", "has 11 tags, and an object has 10 at most"),
    ("content_type: html", "destination.content_type", "needs guess, or a type such as text/html; charset=utf-8"),
    ("cache_control: é", "destination.cache_control", "has characters that are not ASCII, which stores change or lose"),
    ("expires: tomorrow", "destination.expires", "needs a date such as 2024-01-31 or a date-time such as 2024-01-31T08:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "key", "message"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_what_no_object_can_carry_is_one_finding_at_its_place(word: str, key: str, message: str) -> None:
    (found,) = findings(written(f"\n  url: s3://bbb/\n  {word}"))
    assert (found.key, found.message, found.line) == (key, message, 6)


@pytest.mark.parametrize(
    ("source", "destination", "more", "key", "message"),
    [
        ("s3://aaa/", "s3://bbb/", "preserve: [mtime]", "preserve", "mtime goes with a folder, and both sides are buckets"),
        ("./a", "s3://bbb/", "preserve: [mtime, tags]", "preserve", "tags goes with objects that become objects, and one side is a folder"),
        ("s3://aaa/", "./b", "preserve: [content]", "preserve", "content goes with objects that become objects, and one side is a folder"),
        ("s3://aaa/", "{url: ./b, tags: {a: b}}", "", "destination.tags", "goes with objects, and a folder has files"),
        ("./a", "{url: s3://bbb/, metadata: {mtime: '1'}}", "preserve: [mtime]", "destination.metadata", "preserve: [mtime] keeps the time of each file under this name"),
        ("./a", "{url: s3://bbb/, tags: {drop: [a]}}", "", "destination.tags.drop", "has no effect: nothing of it is kept"),
        ("s3://aaa/", "{url: s3://bbb/, metadata: {drop: [a]}}", "preserve: [tags]", "destination.metadata.drop", "has no effect: nothing of it is kept"),
        ("s3://aaa/", "s3://bbb/", "allow_loss: [acl]", "allow_loss[0]", "needs one of tags, storage_class, encryption, checksum"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(source: str, destination: str, more: str, key: str, message: str) -> None:
    (found,) = findings(written(destination, more, source=source))
    assert (found.key, found.message) == (key, message)
