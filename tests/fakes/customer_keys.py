"""Keys of SSE-C that are at hand as variables and files, and objects under them, written and read by boto3."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest

from fakes.workplace import WorkplaceOn

ONE, TWO, THREE = (hashlib.sha256(name.encode()).digest() for name in ("key one", "key two", "key three"))
NAMES = {ONE: "ONE", TWO: "TWO", THREE: "THREE"}
BOTH = ["from one to another", "from one to none", "from none to one", "under the same"]


def set_keys(place: WorkplaceOn[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables ONE (base64), TWO (hex) and THREE, for the library and the command, and a file `one.key` of bytes."""
    values = {"ONE": b64encode(ONE).decode(), "TWO": TWO.hex(), "THREE": THREE.hex().upper()}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    variables = dict(place.command.variables) | values
    object.__setattr__(place.command, "variables", variables)
    path = place.folder / "one.key"
    path.write_bytes(ONE)
    path.chmod(0o600)


def sse_c(word: str, key: bytes | None) -> dict[str, Any]:
    """What a place of a manifest says of a key, under `encryption` or `decryption`."""
    return {} if key is None else {word: {"type": "sse-c", "key": {"env": NAMES[key]}}}


def _given(key: bytes | None) -> dict[str, Any]:
    return {} if key is None else {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def put(place: WorkplaceOn[Any], bucket: str, name: str, body: bytes, key: bytes | None) -> None:
    place.s3.put_object(Bucket=bucket, Key=name, Body=body, **_given(key))


def read(place: WorkplaceOn[Any], bucket: str, name: str, key: bytes | None) -> bytes:
    return bytes(place.s3.get_object(Bucket=bucket, Key=name, **_given(key))["Body"].read())


def read_all(place: WorkplaceOn[Any], bucket: str, key: bytes | None, *, prefix: str = "") -> dict[str, bytes]:
    """Every object of a bucket, all under that key, by its name after the prefix."""
    names = place.keys(bucket, prefix)
    return {name.removeprefix(prefix): read(place, bucket, name, key) for name in names}
