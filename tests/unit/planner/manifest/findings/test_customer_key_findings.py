"""What is said of keys of SSE-C in a manifest; never the key itself, should one have been written down."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from s3plan.planner.manifest.file import load_manifest
from s3plan.schemas.errors import ManifestInvalid

RAW = sha256(b"written into a manifest").digest()
WRITTEN = (RAW.hex(), RAW.hex().upper(), b64encode(RAW).decode(), b64encode(RAW).decode().rstrip("="))
NAMED = "{type: sse-c, key: {env: PHOTO_KEY}}"


def said_of(folder: Path, *, source: str = "", destination: str = "", endpoint: str = "https://s3.example.com") -> str:
    path = folder / "job.yaml"
    path.write_text(
        f"version: 1\nname: job\nconnections:\n  store: {{endpoint: '{endpoint}', allow_http: true}}\n"
        f"source:\n  url: s3://aaa/\n  connection: store\n{source}destination:\n  url: s3://bbb/\n  connection: store\n"
        f"{destination}"
    )
    try:
        load_manifest(path)
    except ManifestInvalid as refusal:
        return str(refusal)
    return ""


def test_keys_are_named_on_both_sides_and_files_from_the_manifests_folder(tmp_path: Path) -> None:
    given = {"source": f"  decryption: {NAMED}\n", "destination": "  encryption: {type: sse-c, key: {file: ./x.key}}\n"}
    assert said_of(tmp_path, **given) == ""
    loaded = load_manifest(tmp_path / "job.yaml")
    source, destination = loaded.manifest.jobs["job"].places
    assert source.customer_key is not None
    assert destination.customer_key is not None
    assert (source.customer_key.text, destination.customer_key.text) == ("env:PHOTO_KEY", f"file:{tmp_path}/x.key")
    assert f"{tmp_path}/x.key" in loaded.resolved


@pytest.mark.parametrize(
    ("encryption", "said"),
    [
        ("{type: sse-c}", "destination.encryption: sse-c needs a key"),
        ("{type: sse-c, key: {}}", "destination.encryption.key: needs exactly one of env and file"),
        ("{type: sse-c, key: {env: A, file: b}}", "destination.encryption.key: needs exactly one of env and file"),
        ("{type: sse-c, key: {env: 'A B'}}", "destination.encryption.key.env: needs the name of an environment"),
        ("{type: sse-c, key: {env: A}, key_id: k}", "destination.encryption.key_id: goes with KMS"),
        ("{type: sse-c, key: {env: A}, bucket_key: true}", "only aws:kms has bucket keys"),
        ("{type: aws:kms, key: {env: A}}", "destination.encryption.key: aws:kms takes no key of yours"),
        ("{type: AES256, key: {env: A}}", "destination.encryption.key: AES256 takes no key of yours"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(tmp_path: Path, encryption: str, said: str) -> None:
    assert said in said_of(tmp_path, destination=f"  encryption: {encryption}\n")


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(
    "setting",
    [
        "  encryption: {{type: sse-c, key: '{}'}}\n",
        "  encryption: {{type: sse-c, key: {{env: '{}'}}}}\n",
        "  encryption: {{type: sse-c, key: {{file: '{}'}}}}\n",
        "  encryption: {{type: sse-c, key: {{value: '{}'}}}}\n",
        "  encryption:\n    type: sse-c\n    key:\n      - {}\n",
        "  encryption:\n    type: sse-c\n    key: {}\n   broken\n",
    ],
)
def test_a_key_that_was_written_down_is_refused_and_not_printed(tmp_path: Path, written: str, setting: str) -> None:
    said = said_of(tmp_path, destination=setting.format(written))
    assert "error:" in said
    assert written[:12] not in said
    assert written[-12:] not in said


def test_the_hint_names_the_way_that_there_is(tmp_path: Path) -> None:
    said = said_of(tmp_path, destination=f"  encryption: {{type: sse-c, key: '{RAW.hex()}'}}\n")
    assert "needs a mapping, not a single value" in said
    assert "write key: {env: PHOTO_KEY}" in said


@pytest.mark.parametrize(("endpoint", "is_refused"), [("http://s3.example.com", True), ("http://127.0.0.1:9", False)])
def test_a_key_is_not_sent_where_anybody_could_read_it(tmp_path: Path, endpoint: str, *, is_refused: bool) -> None:
    said = said_of(tmp_path, source=f"  decryption: {NAMED}\n", endpoint=endpoint)
    assert ("source.decryption: a key of SSE-C goes over https:// only" in said) is is_refused


def test_of_a_folder_nothing_is_decrypted(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(f"version: 1\nname: job\nsource: {{url: ./x, decryption: {NAMED}}}\ndestination: s3://bbb/\n")
    with pytest.raises(ManifestInvalid, match="goes with objects, and a folder has files"):
        load_manifest(path)
