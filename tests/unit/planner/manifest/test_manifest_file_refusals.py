"""One refusal a line: what stands in lines 5 and on of an otherwise sound manifest, and what is said about it."""

# ruff: noqa: E501 - the tables read best with one case a line

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from s3plan.planner.manifest.file import load_manifest, parse_manifest
from s3plan.schemas.errors import ExitCode, ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity
from s3plan.schemas.manifest.locations import Destination

SOUND = "version: 1\nname: job\nsource: s3://aaa/\ndestination: s3://bbb/\n"
JOB = Path("job.yaml")

Case = tuple[str, int, int, str, str, str | None]
LocationCase = tuple[str, str, int, int, str, str, str | None]

TOP_LEVEL = (
    "known here: version, name, description, source, destination, location, filters, mode, overwrite, compare,"
    " preserve, allow_loss, transfer, archived, delete, guards, run, connections"
)
NO_SECRETS = "name a profile, or an env_prefix whose environment variables hold the credentials"
STORAGE_CLASSES = (
    "needs one of STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, DEEP_ARCHIVE,"
    " EXPRESS_ONEZONE, REDUCED_REDUNDANCY, OUTPOSTS, SNOW"
)
SIZE = "a size is a number and a unit such as B, KiB, MiB, GiB, kB, MB or GB"

ONE_FINDING: list[Case] = [
    ("mode: two-way", 5, 7, "mode", "two-way is not there yet; this needs one of copy, mirror, move, delete", None),
    ("mode: sync", 5, 7, "mode", "needs one of copy, mirror, move, delete", None),
    ("mode: mirror", 5, 7, "mode", "a mirror also deletes what the source lacks, and must say so", "add delete: {extraneous: true, when: all-done}"),
    ("mode: mirror\ndelete: {extraneous: false}", 6, 22, "delete.extraneous", "a mirror deletes what the source lacks, so this must be true", "without deletes it is mode: copy"),
    ("delete: {extraneous: true}", 5, 1, "delete", "mode: copy never deletes, so this would have no effect", "write mode: mirror, or remove delete:"),
    ("mode: mirror\ndelete: {when: all-done}", 6, 9, "delete.extraneous", "is missing", "a mirror deletes what the source lacks: write true"),
    ("mode: mirror\ndelete: {extraneous: true, when: allways}", 6, 34, "delete.when", "needs one of all-done, no-failures", None),
    ("mode: mirror\ndelete: {extraneous: true, unpinned: yes}", 6, 38, "delete.unpinned", "needs one of refuse, allow", None),
    ("mode: mirror\ndelete: true", 6, 9, "delete", "needs a mapping, not a single value", "write delete: {extraneous: true, when: all-done}"),
    ("overwrite: if_different", 5, 12, "overwrite", "needs one of never, if-different, if-newer, if-size-differs, always", "did you mean if-different?"),
    ("overwrite: [never]", 5, 12, "overwrite", "needs one of never, if-different, if-newer, if-size-differs, always, not a list", None),
    ("compare: []", 5, 10, "compare", "is an empty list", "leave the line out to set no limit"),
    ("compare: [etag, md5]", 5, 17, "compare[1]", "needs one of etag, mtime, size, checksum", None),
    ("compare: checksum", 5, 1, "compare", "checksum reads every file again, and both sides are buckets", "write etag: it says whether two objects have the same bytes where that can be told"),
    ("compare: {etag: true}", 5, 10, "compare", "needs a list of checksum, etag, mtime or size, not a mapping", None),
    ("archived: restore", 5, 11, "archived", "needs one of skip, copy", None),
    ("filters: {size: 10MB}", 5, 17, "filters.size", "needs a mapping, not a single value", "write size: {min: 1KiB, max: 50GiB}"),
    ("filters: {size: {}}", 5, 17, "filters.size", "names no size", "write min, max or both"),
    ("filters: {size: {min: 2KiB, max: 1KiB}}", 5, 23, "filters.size.min", "is more than max, so nothing passes", None),
    ("filters: {size: {max: 10}}", 5, 23, "filters.size.max", SIZE, "write 10B"),
    ("filters: {modified: {}}", 5, 21, "filters.modified", "names no time", "write after, before, older_than or newer_than"),
    ("filters: {modified: {after: 2024-02-30}}", 5, 29, "filters.modified.after", "there is no such date or time", None),
    ("filters: {modified: {after: 2024-01-02, before: 2024-01-01}}", 5, 29, "filters.modified.after", "is not before `before`, so nothing passes", None),
    ("filters: {modified: {older_than: 30}}", 5, 34, "filters.modified.older_than", "a duration is a whole number and one of s, m, h, d, w", "write 30s"),
    ("filters: {modified: {older_than: 2d, newer_than: 1d}}", 5, 34, "filters.modified.older_than", "is not less than newer_than, so nothing passes", None),
    ("filters: {modified: {newer_than: 0d}}", 5, 34, "filters.modified.newer_than", "needs a duration of more than nothing", None),
    ("filters: {modified: {after: yesterday}}", 5, 29, "filters.modified.after", "needs a date such as 2024-01-31 or a date-time such as 2024-01-31T08:00:00Z", None),
    ("filters: {modified: {after: 2024-01-01 08:00:00}}", 5, 29, "filters.modified.after", "this date-time names no zone", "write 2024-01-01 08:00:00Z for UTC"),
    ("filters: {include: []}", 5, 20, "filters.include", "is an empty list", "leave the line out to set no limit"),
    ("filters: {include: ['']}", 5, 21, "filters.include[0]", "matches nothing; this needs a gitignore pattern such as *.jpg or tmp/", None),
    ("filters: {include: ['# x']}", 5, 21, "filters.include[0]", "a gitignore pattern that starts with # is a comment", "write \\# in single quotes"),
    ("filters: {include: {a: b}}", 5, 20, "filters.include", "needs a list of patterns, not a mapping", None),
    ("filters: {include: [[a]]}", 5, 21, "filters.include[0]", "needs a gitignore pattern such as *.jpg or tmp/, not a list", None),
    ("filters: {exclude: ['!']}", 5, 21, "filters.exclude[0]", "matches nothing; this needs a gitignore pattern such as *.jpg or tmp/", None),
    ("filters: {extensions: ['*.jpg']}", 5, 24, "filters.extensions[0]", "needs an extension such as jpg or tar.gz", "patterns such as *.jpg belong in include"),
    ("filters: {extensions: ['']}", 5, 24, "filters.extensions[0]", "needs an extension such as jpg or tar.gz", "patterns such as *.jpg belong in include"),
    ("filters: {storage_class: standard}", 5, 26, "filters.storage_class", STORAGE_CLASSES, "did you mean STANDARD?"),
    ("filters: {includes: [a]}", 5, 11, "filters.includes", "unknown key", "did you mean include?"),
    ("filters: []", 5, 10, "filters", "needs a mapping, not a list", 'write filters: {include: ["*.jpg"]}'),
    ("filters: text", 5, 10, "filters", "needs a mapping, not a single value", 'write filters: {include: ["*.jpg"]}'),
    ("guards: {max_delete: all}", 5, 22, "guards.max_delete", "a limit is a share such as 25% or a number of objects such as 1204", None),
    ("guards: {max_delete: 101%}", 5, 22, "guards.max_delete", "a share is between 0% and 100%", None),
    ("guards: {max_bytes: 10}", 5, 21, "guards.max_bytes", SIZE, "write 10B"),
    ("guards: {refuse_empty_source: NO}", 5, 31, "guards.refuse_empty_source", "use true or false", None),
    ("guards: {max_deletes: 1}", 5, 10, "guards.max_deletes", "unknown key", "did you mean max_delete?"),
    ("run: {executor: ray}", 5, 17, "run.executor", "ray is not there yet; this needs one of serial, threads, processes, dask", None),
    ("run: {executor: thread}", 5, 17, "run.executor", "needs one of serial, threads, processes, dask", "did you mean threads?"),
    ("run: {workers: 0}", 5, 16, "run.workers", "needs a whole number from 1 to 64", None),
    ("run: {workers: 65}", 5, 16, "run.workers", "needs a whole number from 1 to 64", None),
    ("run: {workers: '8'}", 5, 16, "run.workers", "needs a whole number from 1 to 64", "write 8"),
    ("run: {workers: eight}", 5, 16, "run.workers", "needs a whole number from 1 to 64", None),
    ("run: {in_flight: 4097}", 5, 18, "run.in_flight", "needs a whole number from 1 to 4,096", None),
    ("run: {bandwidth: 100MiB}", 5, 18, "run.bandwidth", "a bandwidth is a size per second, such as 100MiB/s", "write 100MiB/s"),
    ("run: {rate: 3000}", 5, 13, "run.rate", "a rate is a whole number of requests per second, such as 3000/s", "write 3000/s"),
    ("run: {retries: 101}", 5, 16, "run.retries", "needs a whole number from 0 to 100", None),
    ("run: {retries: [3]}", 5, 16, "run.retries", "needs a whole number from 0 to 100, or a mapping, not a list", None),
    ("run: {retries: {attempts: 0}}", 5, 27, "run.retries.attempts", "needs a whole number from 1 to 101", None),
    ("run: {retries: {initial: 0ms}}", 5, 26, "run.retries.initial", "needs a duration of more than nothing", None),
    ("run: {retries: {max: 1h}}", 5, 22, "run.retries.max", "a delay is a whole number and one of ms, s, m", None),
    ("run: {retries: {multiplier: 11}}", 5, 29, "run.retries.multiplier", "needs a whole number from 1 to 10", None),
    ("run: {retries: {jitter: ful}}", 5, 25, "run.retries.jitter", "needs one of full, none", "did you mean full?"),
    ("run: {retries: {initial: 30s}}", 5, 26, "run.retries.initial", "is longer than run.retries.max, 20s", None),
    ("run: {max_failures: -1}", 5, 21, "run.max_failures", "needs a whole number from 0 to 1,000,000,000,000", None),
    ("run: {multipart_threshold: 1MiB}", 5, 28, "run.multipart_threshold", "is less than 5MiB, the least that is possible", None),
    ("run: {multipart_threshold: 6GiB}", 5, 28, "run.multipart_threshold", "is more than 5GiB, the most that is possible", None),
    ("run: {part_size: 6GiB}", 5, 18, "run.part_size", "is more than 5GiB, the most that is possible", None),
    ("run: {verify: true}", 5, 15, "run.verify", "needs one of none, size, etag, checksum", None),
    ("connections: {s: {endpoint: 'http://10.0.0.5:9000'}}", 5, 29, "connections.s.endpoint", "http:// is allowed on this machine only", "write https://, or allow_http: true if it must be"),
    ("connections: {s: {endpoint: 's3.example.com'}}", 5, 29, "connections.s.endpoint", "an endpoint starts with https:// (or http://)", None),
    ("connections: {s: {endpoint: 'http://169.254.169.254'}}", 5, 29, "connections.s.endpoint", "link-local and metadata addresses are never an endpoint", None),
    ("connections: {s: {secret_access_key: hunter2}}", 5, 19, "connections.s.secret_access_key", "a manifest holds no secrets", NO_SECRETS),
    ("connections: {s: {token: hunter2}}", 5, 19, "connections.s.token", "a manifest holds no secrets", NO_SECRETS),
    ("connections: {s: {anonymous: true, profile: x}}", 5, 30, "connections.s.anonymous", "an anonymous connection has no profile", None),
    ("connections: {s: {profile: x, env_prefix: X_}}", 5, 43, "connections.s.env_prefix", "credentials come from profile or from env_prefix, not from both", None),
    ("connections: {s: {external_id: abc}}", 5, 32, "connections.s.external_id", "only a role has an external id", "add role_arn, or remove external_id"),
    ("connections: {s: {source_profile: jump}}", 5, 35, "connections.s.source_profile", "assumes role_arn, and there is none", "add role_arn, or write profile: jump to use its credentials themselves"),
    ("connections: {s: {source_profile: j, profile: x, role_arn: 'arn:aws:iam::111122223333:role/r'}}", 5, 35, "connections.s.source_profile", "the role is assumed with the credentials of source_profile or of profile, not of both", "remove one of the two"),
    ("connections: {s: {source_profile: j, env_prefix: X_, role_arn: 'arn:aws:iam::111122223333:role/r'}}", 5, 35, "connections.s.source_profile", "the role is assumed with the credentials of source_profile or of env_prefix, not of both", "remove one of the two"),
    ("connections: {s: {anonymous: true, source_profile: x}}", 5, 30, "connections.s.anonymous", "an anonymous connection has no source_profile", None),
    ("connections: {s: {accelerate: true, endpoint: 'https://s3.example.com'}}", 5, 31, "connections.s.accelerate", "only AWS has such hosts", "remove accelerate, or endpoint"),
    ("connections: {s: {dualstack: true, endpoint: 'https://s3.example.com'}}", 5, 30, "connections.s.dualstack", "only AWS has such hosts", "remove dualstack, or endpoint"),
    ("connections: {s: {accelerate: true, addressing_style: path}}", 5, 31, "connections.s.accelerate", "Transfer Acceleration has the bucket in the host name", "remove addressing_style: path"),
    ("connections: {s: {ca_bundle: a, tls_verify: false}}", 5, 30, "connections.s.ca_bundle", "has no effect with tls_verify: false", "remove one of the two"),
    ("connections: {s: {env_prefix: backup_}}", 5, 31, "connections.s.env_prefix", "needs capital letters, digits and underscores, such as BACKUP_", None),
    ("connections: {s: {role_arn: admin}}", 5, 29, "connections.s.role_arn", "needs a role such as arn:aws:iam::111122223333:role/NAME", None),
    ("connections: {s: {addressing_style: vhost}}", 5, 37, "connections.s.addressing_style", "needs one of auto, path, virtual", None),
    ("connections: {s: {tls_verify: no}}", 5, 31, "connections.s.tls_verify", "use true or false", None),
    ("connections: {'a b': {}}", 5, 15, "connections.a b", "the name needs letters, digits, dots, underscores and hyphens", None),
    ("connections: {s: x}", 5, 18, "connections.s", "needs a mapping, not a single value", "write s: {endpoint: https://s3.example.com, profile: backup}"),
    ("connections: [a]", 5, 14, "connections", "needs a mapping, not a list", None),
    ("connections: {s: }", 5, 15, "connections.s", "has no value", "write one, or remove the line"),
    ("connections: {s: {region: EU}}", 5, 27, "connections.s.region", "needs a region such as eu-central-1", None),
    ("vars: {}", 5, 1, "vars", "is not there yet", None),
    ("depends_on: [a]", 5, 1, "depends_on", "unknown key", "depends_on belongs to one of several jobs, below jobs:"),
    ("include: [a.yaml]", 5, 1, "include", "is not there yet", None),
    ("location: s3://aaa/", 5, 1, "location", "goes with mode: delete, and this is mode: copy", "write mode: delete, or source: and destination: instead"),
    ("max_delete: 3", 5, 1, "max_delete", "unknown key", "max_delete belongs in guards:"),
    ("source_prefix: x", 5, 1, "source_prefix", "unknown key", TOP_LEVEL),
    ("description: ''", 5, 14, "description", "is empty; it needs text", None),
    ("description: [a]", 5, 14, "description", "needs text, not a list", None),
    ("description: true", 5, 14, "description", "needs text", 'if it is text, write "true"'),
    ("source: s3://ccc/", 5, 1, "source", "is written twice; the first is in line 3", None),
    ("<<: {a: b}", 5, 1, "<<", "YAML 1.2 has no merge keys", "write the keys out"),
    ("password: hunter2", 5, 1, "password", "a manifest holds no secrets", NO_SECRETS),
    ("xmode: copy", 5, 1, "xmode", "unknown key", "did you mean mode?"),
    ("includ: ['*.jpg']", 5, 1, "includ", "unknown key", "did you mean include?"),
    ("1: 2", 5, 1, "1", "unknown key", TOP_LEVEL),
    ("'': 2", 5, 1, "", "unknown key", TOP_LEVEL),
    ("description: ${x}", 5, 14, "description", "variables are not there yet, so no value may hold ${", None),
    ("filters: {include: ['a', '${x}']}", 5, 26, "filters.include[1]", "variables are not there yet, so no value may hold ${", None),
    ("filters: {include: [a, ~]}", 5, 24, "filters.include[1]", "has no value", "write one, or remove the line"),
    ("run:", 5, 1, "run", "has no value", "write one, or remove the line"),
    ("run: ~", 5, 1, "run", "has no value", "write one, or remove the line"),
]  # fmt: skip


def refusals(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text.encode(), path=JOB)
    assert caught.value.exit_code is ExitCode.MANIFEST
    return caught.value.diagnostics


@pytest.mark.parametrize("case", ONE_FINDING, ids=[case[0] for case in ONE_FINDING])
def test_one_fault_is_one_finding_at_its_place(case: Case) -> None:
    text, *expected = case
    (found,) = refusals(SOUND + text + "\n")
    assert [found.line, found.column, found.key, found.message, found.hint] == expected
    assert found.severity is Severity.ERROR
    assert found.path == JOB


LOCATIONS: list[LocationCase] = [
    ("s3://aaa/", "s3://aaa/", 4, 14, "destination", "source and destination are the same place", "name two places of which neither contains the other"),
    ("s3://aaa/", "s3://aaa/x/", 4, 14, "destination", "source and destination overlap: one lies within the other", "name two places of which neither contains the other"),
    ("s3://aaa/x/y/", "s3://aaa/x/", 4, 14, "destination", "source and destination overlap: one lies within the other", "name two places of which neither contains the other"),
    ("{url: s3://aaa, prefix: x}", "s3://aaa/xy/", 4, 14, "destination", "source and destination overlap: one lies within the other", "name two places of which neither contains the other"),
    ("./folder", "./other", 4, 14, "destination", "copying from folder to folder is not there: one side is a bucket", None),
    ("s3://aaa/", "{url: ./folder, create: true}", 4, 30, "destination.create", "goes with objects, and a folder has files", None),
    ("s3://aaa/", "{url: ./x, storage_class: STANDARD_IA}", 4, 25, "destination.storage_class", "goes with objects, and a folder has files", None),
    ("s3://aaa/", "{url: ./x, encryption: {type: AES256}}", 4, 25, "destination.encryption", "goes with objects, and a folder has files", None),
    ("{url: ./folder, region: eu-central-1}", "s3://bbb/", 3, 25, "source.region", "goes with a bucket, and this is a folder", None),
    ("{url: /x, prefix: y}", "s3://bbb/", 3, 19, "source.prefix", "goes with a bucket, and this is a folder", None),
    ("s3://a a/", "s3://bbb/", 3, 9, "source", "a bucket name has only letters, digits, hyphens, underscores and dots", None),
    ("{url: 's3://aaa/x?y'}", "s3://bbb/", 3, 15, "source.url", "an s3:// URL has no query (?) and no fragment (#)", "if they belong to the keys, write them in prefix:"),
    ("[s3://aaa/]", "s3://bbb/", 3, 9, "source", "needs a mapping, not a list", "write source: s3://bucket/prefix/"),
    ("{connection: s}", "s3://bbb/", 3, 9, "source.url", "is missing", "s3://bucket/prefix/, or a folder: ./x (from the manifest's own folder), ~/x, /x or file:///x."),
    ("{url: s3://aaa/, connection: s}", "s3://bbb/", 3, 38, "source.connection", "there is no connection s", "the connections are: none"),
    ("{url: s3://aaa/, region: Frankfurt}", "s3://bbb/", 3, 34, "source.region", "needs a region such as eu-central-1", None),
    ("{url: s3://aaa/, expected_bucket_owner: 1234}", "s3://bbb/", 3, 49, "source.expected_bucket_owner", "needs an account number of 12 digits", None),
    ("{url: s3://aaa/x/, prefix: y}", "s3://bbb/", 3, 36, "source.prefix", "a raw prefix needs a url without a path", "write url: s3://aaa and the whole prefix here"),
    ("{url: s3://aaa/, prefix: ''}", "s3://bbb/", 3, 34, "source.prefix", "is empty; it needs the start of the keys", None),
    ("{url: s3://aaa/, create: true}", "s3://bbb/", 3, 26, "source.create", "unknown key", "create belongs in destination:"),
    ("s3://aaa/", "{url: s3://bbb/, create: NO}", 4, 39, "destination.create", "use true or false", None),
    ("s3://aaa/", "{url: s3://bbb/, create: 'true'}", 4, 39, "destination.create", "use true or false", "write it without quotes"),
    ("s3://aaa/", "{url: s3://bbb/, storage_class: GLACIAL}", 4, 46, "destination.storage_class", STORAGE_CLASSES, "did you mean GLACIER?"),
    ("s3://aaa/", "{url: s3://bbb/, encryption: AES256}", 4, 43, "destination.encryption", "needs a mapping, not a single value", "write encryption: {type: AES256}"),
    ("s3://aaa/", "{url: s3://bbb/, encryption: {type: kms}}", 4, 50, "destination.encryption.type", "needs one of AES256, aws:kms, aws:kms:dsse, sse-c", None),
    ("s3://aaa/", "{url: s3://bbb/, encryption: {type: AES256, key_id: k}}", 4, 66, "destination.encryption.key_id", "AES256 takes no key", "write type: aws:kms"),
    ("s3://aaa/", "{url: s3://bbb/, encryption: {type: AES256, bucket_key: true}}", 4, 70, "destination.encryption.bucket_key", "only aws:kms has bucket keys", None),
    ("s3://aaa/", "{url: s3://bbb/, encryption: {type: aws:kms, key_id: 'a b'}}", 4, 67, "destination.encryption.key_id", "needs a KMS key id, ARN or alias", None),
    ("s3://aaa/", "{url: s3://bbb/, encryption: {}}", 4, 43, "destination.encryption.type", "is missing", "As x-amz-server-side-encryption names it; sse-c: by a key of yours, which `key` names."),
]  # fmt: skip


@pytest.mark.parametrize("case", LOCATIONS)
def test_a_location_at_fault_is_one_finding_at_its_place(case: LocationCase) -> None:
    source, destination, *expected = case
    (found,) = refusals(f"version: 1\nname: job\nsource: {source}\ndestination: {destination}\n")
    assert [found.line, found.column, found.key, found.message, found.hint] == expected


@pytest.mark.parametrize(
    "word",
    sorted(Destination.later_words),
)
def test_what_a_destination_will_take_one_day_is_not_there_yet(word: str) -> None:
    (found,) = refusals(f"version: 1\nname: job\nsource: s3://aaa/\ndestination: {{url: s3://bbb/, {word}: x}}\n")
    assert (found.line, found.column, found.key, found.message) == (4, 31, f"destination.{word}", "is not there yet")


@pytest.mark.parametrize(
    "case",
    [
        ("version: 2\nname: job", 1, 10, "version", "this s3plan reads version 1 of the manifest only", "write 1"),
        ("version: '1'\nname: job", 1, 10, "version", "needs the number 1", "write it without quotes"),
        ("version: [1]\nname: job", 1, 10, "version", "needs the number 1, not a list", None),
        ("name: job", 1, 1, "version", "is missing", "Version of the manifest format."),
        ("version: 1", 1, 1, "name", "is missing", "Name of the job, and of its plan's file."),
        ("version: 1\nnam: job", 2, 1, "nam", "unknown key", "did you mean name?"),
        ("version: 1\nname: Job", 2, 7, "name", "needs lower-case letters, digits, dots, underscores and hyphens, 63 at most, a letter or digit first", None),
        ("version: 1\nname: ../job", 2, 7, "name", "needs lower-case letters, digits, dots, underscores and hyphens, 63 at most, a letter or digit first", None),
        ("version: 1\nname:", 2, 1, "name", "has no value", "write one, or remove the line"),
        ('version: 1\nname: "a\\nb"', 2, 7, "name", "needs lower-case letters, digits, dots, underscores and hyphens, 63 at most, a letter or digit first, without line breaks or NUL characters", None),
    ],
)  # fmt: skip
def test_a_head_at_fault_is_one_finding(case: Case) -> None:
    head, *expected = case
    (found,) = refusals(f"{head}\nsource: s3://aaa/\ndestination: s3://bbb/\n")
    assert [found.line, found.column, found.key, found.message, found.hint] == expected


@pytest.mark.parametrize("role", ["source", "destination"])
def test_a_mirror_takes_no_raw_prefix(role: str) -> None:
    other = "destination" if role == "source" else "source"
    (found,) = refusals(
        f"version: 1\nname: job\n{role}: {{url: s3://aaa/, prefix: x}}\n{other}: s3://bbb/\n"
        "mode: mirror\ndelete: {extraneous: true}\n"
    )
    assert found.key == f"{role}.prefix"
    assert found.message == "a mirror has no raw prefix, because it could delete beyond a folder"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:9000", "http://localhost:9000"),
        ("https://s3.example.com", "https://S3.example.com.:443/"),
        ("https://s3.eu-west-1.amazonaws.com", "https://s3.amazonaws.com"),
    ],
)
def test_locations_overlap_whatever_way_the_endpoint_is_written(one: str, other: str) -> None:
    (found,) = refusals(
        "version: 1\nname: job\nsource: {url: s3://aaa/, connection: a}\ndestination: {url: s3://aaa/x/, connection: b}\n"
        f"connections:\n  a: {{endpoint: '{one}'}}\n  b: {{endpoint: '{other}'}}\n"
    )
    assert found.message == "source and destination overlap: one lies within the other"


def test_no_store_copies_by_itself_what_another_one_has() -> None:
    text = (
        "version: 1\nname: job\nsource: {url: s3://aaa/, connection: a}\ndestination: s3://aaa/\n"
        "connections: {a: {endpoint: 'https://s3.example.com'}}\n"
    )
    for word in ("auto", "relay"):
        parse_manifest(f"{text}transfer: {word}\n".encode(), path=JOB)
    (found,) = refusals(f"{text}transfer: server-side\n")
    assert (found.line, found.column, found.key) == (6, 11, "transfer")
    assert found.message == (
        "no store copies what another one has, and source and destination are on different endpoints"
    )


def test_a_misspelt_connection_is_told_its_name() -> None:
    (found,) = refusals(
        "version: 1\nname: job\nsource: {url: s3://aaa/, connection: backpu}\n"
        "destination: {url: s3://bbb/, connection: backup}\nconnections: {backup: {}}\n"
    )
    assert (found.key, found.message, found.hint) == (
        "source.connection",
        "there is no connection backpu",
        "did you mean backup?",
    )


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path, reason in (
        (
            tmp_path / "job.yaml",
            "no such file or directory\n    hint: name a manifest, the YAML file that says what to copy",
        ),
        (tmp_path, "is a directory\n    hint: name the manifest in it, such as s3plan.yaml"),
    ):
        with pytest.raises(ManifestInvalid) as caught:
            load_manifest(path)
        assert str(caught.value) == f"{path}: error: {reason}"


def test_a_plan_that_is_taken_for_a_manifest_is_called_one(tmp_path: Path) -> None:
    plan = tmp_path / "job.s3plan"
    with closing(sqlite3.connect(plan)) as database:
        database.execute("CREATE TABLE a (b)")
    with pytest.raises(
        ManifestInvalid, match=r"job.s3plan: error: this is a plan or a journal, not a manifest\n"
    ) as caught:
        load_manifest(plan)
    assert "`s3plan show` and `s3plan apply` take a plan" in str(caught.value)
