"""What a manifest that is sound is read as."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fakes.both_ends import destination_in, source_in
from fakes.plan_parts import the_job
from pydantic import ValidationError
from s3plan.planner.manifest.file import LoadedManifest, load_manifest, parse_manifest
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.words import (
    AddressingStyle,
    Archived,
    Compare,
    DeleteWhen,
    EncryptionType,
    ExecutorName,
    Jitter,
    Mode,
    Overwrite,
    StorageClass,
    Unpinned,
)
from s3plan.schemas.quantities import Limit

SOUND = "version: 1\nname: job\nsource: s3://aaa/\ndestination: s3://bbb/\n"

EVERYTHING = """\
# yaml-language-server: $schema=./manifest-v1.schema.json
version: 1
name: images-to-dr
description: |
  Nightly copy.
  Ask the storage team.
x-owner: {team: storage, token-of-thanks: yes}
source:
  url: s3://prod-assets/images/
  connection: prod
  region: eu-west-1
  expected_bucket_owner: 012345678901
destination:
  url: s3://dr-assets/
  connection: dr
  region: eu-central-1
  expected_bucket_owner: "111122223333"
  create: true
  storage_class: STANDARD_IA
  encryption: { type: aws:kms, key_id: alias/backup, bucket_key: true }
filters:
  include: ["*.jpg", "*.png"]
  exclude: tmp/
  extensions: [.jpg, tar.gz]
  size: { min: 1KiB, max: 50GiB }
  modified: { after: 2024-01-01, before: 2024-06-01T02:00:00.5+02:00, older_than: 1d, newer_than: 52w }
  storage_class: STANDARD
mode: mirror
delete: { extraneous: true, when: no-failures, unpinned: allow }
overwrite: if-different
compare: [etag, size]
archived: copy
guards: { max_delete: 0.5%, max_overwrite: 1204, max_bytes: 2TiB, refuse_empty_source: false }
run:
  executor: serial
  workers: 8
  in_flight: 128
  bandwidth: 100MiB/s
  rate: 3000/s
  retries: 3
  max_failures: 0
  multipart_threshold: 5GiB
  part_size: 64MiB
connections:
  prod:
    endpoint: https://s3.example.com
    region: eu-west-1
    env_prefix: PROD_
    role_arn: arn:aws:iam::111122223333:role/copy
    external_id: 0042
    addressing_style: path
    requester_pays: true
    ca_bundle: /etc/ssl/store.pem
  dr: { endpoint: https://s3.example.com:443/, anonymous: true, tls_verify: false }
  lab: { endpoint: "http://10.0.0.5:9000", allow_http: true, profile: lab, x-note: hi }
  moto: { endpoint: "http://127.0.0.1:5000" }
"""


def load(text: str) -> LoadedManifest:
    return parse_manifest(text.encode(), path=Path("job.yaml"))


def test_every_field_is_read_as_a_typed_value() -> None:
    loaded = load(EVERYTHING)
    manifest = loaded.manifest
    assert [warning.key for warning in loaded.warnings] == ["connections.lab", "connections.moto"]
    assert manifest.name == "images-to-dr"
    assert the_job(manifest).description == "Nightly copy.\nAsk the storage team.\n"
    source, destination = source_in(the_job(manifest)), destination_in(the_job(manifest))
    assert (source.bucket, source.key_prefix, source.connection) == ("prod-assets", "images/", "prod")
    assert (source.region, source.expected_bucket_owner) == ("eu-west-1", "012345678901")
    assert (destination.bucket, destination.key_prefix, destination.create) == ("dr-assets", "", True)
    assert destination.storage_class is StorageClass.STANDARD_IA
    assert destination.encryption is not None
    assert destination.encryption.type is EncryptionType.KMS
    assert (destination.encryption.key_id, destination.encryption.bucket_key) == ("alias/backup", True)
    filters = the_job(manifest).filters
    assert (filters.include, filters.exclude) == (("*.jpg", "*.png"), ("tmp/",))
    assert filters.extensions == ("jpg", "tar.gz")
    assert filters.size is not None
    assert (filters.size.min, filters.size.max) == (1024, 50 * 2**30)
    assert filters.modified is not None
    assert filters.modified.after == datetime(2024, 1, 1, tzinfo=UTC)
    assert filters.modified.before == datetime(2024, 6, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert (filters.modified.older_than, filters.modified.newer_than) == (timedelta(days=1), timedelta(weeks=52))
    assert filters.storage_class == (StorageClass.STANDARD,)
    assert (the_job(manifest).mode, the_job(manifest).overwrite, the_job(manifest).archived) == (
        Mode.MIRROR,
        Overwrite.IF_DIFFERENT,
        Archived.COPY,
    )
    assert the_job(manifest).compare == (Compare.ETAG, Compare.SIZE)
    deletion = the_job(manifest).delete
    assert deletion is not None
    assert (deletion.extraneous, deletion.when, deletion.unpinned) == (True, DeleteWhen.NO_FAILURES, Unpinned.ALLOW)
    assert the_job(manifest).guards == the_job(manifest).guards_in_force()
    assert the_job(manifest).guards.max_delete == Limit(percent=Decimal("0.5"))
    assert the_job(manifest).guards.max_overwrite == Limit(count=1204)
    assert (the_job(manifest).guards.max_bytes, the_job(manifest).guards.refuse_empty_source) == (2 * 2**40, False)


def test_settings_of_the_run_and_connections_are_read_as_typed_values() -> None:
    manifest = load(EVERYTHING).manifest
    run = manifest.run
    assert (run.executor, run.workers, run.in_flight) == (ExecutorName.SERIAL, 8, 128)
    assert (run.bandwidth, run.rate) == (100 * 2**20, 3000)
    assert run.max_failures == 0
    assert (run.retries.attempts, run.retries.max) == (4, timedelta(seconds=20))
    assert (run.multipart_threshold, run.part_size) == (5 * 2**30, 64 * 2**20)
    assert list(manifest.connections) == ["prod", "dr", "lab", "moto"]
    prod, dr = manifest.connections["prod"], manifest.connections["dr"]
    assert (prod.endpoint, prod.region, prod.profile) == ("https://s3.example.com", "eu-west-1", None)
    assert (prod.env_prefix, prod.external_id) == ("PROD_", "0042")
    assert prod.role_arn == "arn:aws:iam::111122223333:role/copy"
    assert prod.addressing_style is AddressingStyle.PATH
    assert (prod.requester_pays, prod.ca_bundle) == (True, "/etc/ssl/store.pem")
    assert (prod.tls_verify, prod.anonymous, prod.allow_http) == (True, False, False)
    assert (dr.tls_verify, dr.anonymous) == (False, True)
    assert manifest.connections["lab"].allow_http


def test_what_is_left_out_has_its_default() -> None:
    manifest = load(SOUND).manifest
    assert (the_job(manifest).mode, the_job(manifest).overwrite, the_job(manifest).archived) == (
        Mode.COPY,
        Overwrite.IF_DIFFERENT,
        Archived.SKIP,
    )
    assert (the_job(manifest).compare, the_job(manifest).delete, manifest.connections) == ((), None, {})
    assert (the_job(manifest).filters.include, the_job(manifest).filters.size) == ((), None)
    assert the_job(manifest).guards == the_job(manifest).guards_in_force().model_copy(
        update={"refuse_empty_source": None}
    )
    assert manifest.run.executor is ExecutorName.THREADS
    assert (manifest.run.workers, manifest.run.bandwidth, manifest.run.multipart_threshold) == (None, None, 2**30)
    assert (destination_in(the_job(manifest)).create, destination_in(the_job(manifest)).encryption) == (False, None)


def test_a_mirror_is_guarded_unless_it_says_otherwise() -> None:
    mirror = SOUND + "mode: mirror\ndelete: {extraneous: true}\n"
    strict, loose, copy = (
        the_job(load(text).manifest).guards_in_force()
        for text in (mirror, mirror + "guards: {max_delete: 100%, refuse_empty_source: false}\n", SOUND)
    )
    assert (strict.max_delete, strict.refuse_empty_source) == (Limit(percent=Decimal(25)), True)
    assert (loose.max_delete, loose.refuse_empty_source) == (Limit(percent=Decimal(100)), False)
    assert (copy.max_delete, copy.refuse_empty_source) == (None, False)


def test_text_is_kept_as_it_was_written() -> None:
    text = SOUND.replace("s3://aaa/", "s3://aaa/ä b/%41/日本/") + "filters: {include: [no, 1e3, '0x1F', 2024]}\n"
    manifest = load(text).manifest
    assert source_in(the_job(manifest)).key_prefix == "ä b/%41/日本/"
    assert the_job(manifest).filters.include == ("no", "1e3", "0x1F", "2024")


def test_the_file_s_bytes_and_digest_come_with_it(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_bytes(SOUND.encode())
    loaded = load_manifest(path)
    assert (loaded.path, loaded.text) == (path, SOUND.encode())
    assert loaded.sha256 == hashlib.sha256(SOUND.encode()).hexdigest()


def test_a_folder_without_its_slash_is_completed_with_a_warning() -> None:
    loaded = load(SOUND.replace("s3://aaa/", "s3://aaa/x").replace("s3://bbb/", "{url: s3://bbb/y}"))
    assert (source_in(the_job(loaded.manifest)).key_prefix, destination_in(the_job(loaded.manifest)).key_prefix) == (
        "x/",
        "y/",
    )
    first, second = loaded.warnings
    assert (first.line, first.column, first.key, first.severity) == (3, 9, "source", Severity.WARNING)
    assert first.message == "read as the folder s3://aaa/x/"
    assert first.hint == "write the final /, or use prefix: for a raw prefix"
    assert (second.line, second.column, second.key) == (4, 20, "destination.url")


def test_a_bucket_without_a_slash_is_no_reason_to_warn() -> None:
    assert load(SOUND.replace("s3://aaa/", "s3://aaa")).warnings == ()


def test_a_raw_prefix_is_the_start_of_keys() -> None:
    loaded = load(SOUND.replace("s3://aaa/", "{url: s3://aaa, prefix: raw/pre}"))
    assert (source_in(the_job(loaded.manifest)).key_prefix, loaded.warnings) == ("raw/pre", ())


def test_a_connection_that_nothing_uses_is_a_warning_at_its_place() -> None:
    (warning,) = load(SOUND + "connections:\n  spare: {profile: x}\n").warnings
    assert (warning.line, warning.column, warning.key) == (6, 3, "connections.spare")
    assert warning.message == "neither source nor destination uses this connection"


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("s3://aaa/logs/*.gz", 'url: s3://aaa/logs/ and include: ["*.gz"]'),
        ("s3://aaa/logs/2024-*/x/", 'url: s3://aaa/logs/ and include: ["2024-*/x/"]'),
        ("s3://aaa/*", 'url: s3://aaa/ and include: ["*"]'),
    ],
)
def test_a_star_in_a_url_is_a_warning_that_says_where_patterns_belong(url: str, instead: str) -> None:
    (warning,) = load(SOUND.replace("s3://aaa/", f'"{url}"')).warnings
    assert (warning.line, warning.key) == (3, "source")
    assert warning.message == "the * is taken as it stands, as a part of keys"
    assert warning.hint == f"a pattern belongs to filters.include: {instead}"


def test_a_star_in_a_bucket_name_is_refused_with_the_word_for_patterns() -> None:
    with pytest.raises(ManifestInvalid, match=r"one bucket, so its name has no \*[\s\S]*filters\.include"):
        load(SOUND.replace("s3://aaa/", '"s3://logs-*/"'))


def test_compare_without_effect_is_a_warning() -> None:
    (warning,) = load(SOUND + "overwrite: always\ncompare: size\n").warnings
    assert (warning.line, warning.column, warning.key) == (6, 1, "compare")
    assert warning.message == "has no effect with overwrite: always"


def test_requester_pays_is_a_warning_where_nobody_can_be_billed() -> None:
    connections = "connections:\n  s: {requester_pays: true, anonymous: true}\n  d: {}\n"
    places = (
        "version: 1\nname: job\nsource: {url: s3://aaa, connection: s}\ndestination: {url: s3://bbb, connection: d}\n"
    )
    (warning,) = load(places + connections).warnings
    assert warning.key == "connections.s.requester_pays"
    assert "unsigned" in warning.message
    swapped = connections.replace("requester_pays: true, anonymous: true", "requester_pays: true").replace(
        "d: {}", "d: {anonymous: true}"
    )
    (warning,) = load(places + swapped + "transfer: server-side\n").warnings
    assert warning.key == "destination.connection"
    assert load(places + swapped).warnings == ()  # each connection pays for its own side of a relay
    assert load(places + connections.replace(", anonymous: true", "")).warnings == ()


def test_neighbours_in_one_bucket_do_not_overlap() -> None:
    for source, destination in (("s3://aaa/x/", "s3://aaa/xy/"), ("s3://aaa/x/1/", "s3://aaa/x/2/")):
        assert load(f"version: 1\nname: job\nsource: {source}\ndestination: {destination}\n").warnings == ()


def test_keys_that_start_with_x_are_ignored_anywhere() -> None:
    text = SOUND + "x-a: ${no matter}\nfilters: {x-b: , include: a, x-b: 1}\nconnections: {x-c: 5, d: {x-e: []}}\n"
    manifest = load(text).manifest
    assert the_job(manifest).filters.include == ("a",)
    assert list(manifest.connections) == ["d"]


def test_a_manifest_cannot_be_changed() -> None:
    manifest: Manifest = load(SOUND).manifest
    with pytest.raises(FrozenInstanceError):
        setattr(manifest, "name", "other")  # noqa: B010 - the type checker forbids it as well
    with pytest.raises(ValidationError):
        setattr(the_job(manifest), "mode", Mode.MIRROR)  # noqa: B010


def test_retries_are_a_number_of_further_tries_or_a_mapping() -> None:
    written = "run: {retries: {attempts: 3, initial: 1s, max: 1m, multiplier: 3, jitter: none}}\n"
    run = load(SOUND + written).manifest.run
    retries = run.retries
    assert (retries.attempts, retries.initial, retries.max) == (3, timedelta(seconds=1), timedelta(minutes=1))
    assert (retries.multiplier, retries.jitter) == (3, Jitter.NONE)
    assert load(SOUND + "run: {retries: 0}\n").manifest.run.retries.attempts == 1
    assert load(SOUND).manifest.run.retries.attempts == 9
