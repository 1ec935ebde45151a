"""A key of SSE-C can be sent, compared and named, and shows itself nowhere else."""

from __future__ import annotations

import pickle
from base64 import b64encode
from hashlib import md5, sha256
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.redaction import redact
from s3plan.schemas.requests.customer_keys import CustomerKey, is_free_of_digests, is_written_key, parse_key
from s3plan.schemas.requests.objects import GetObject

RAW = sha256(b"a canary of SSE-C").digest()


def test_it_is_known_by_its_fingerprint_and_sent_as_s3_has_it() -> None:
    key = CustomerKey(RAW)
    assert key.fingerprint == sha256(RAW).hexdigest()[:16]
    assert key.in_base64 == b64encode(RAW).decode()
    assert key.md5_in_base64 == b64encode(md5(RAW).digest()).decode()
    assert key == CustomerKey(RAW)
    assert key != CustomerKey(bytes(32))


def test_no_representation_shows_it() -> None:
    shown = repr(GetObject("bucket", "key", customer_key=CustomerKey(RAW)))
    assert "CustomerKey(not shown)" in shown
    for form in (RAW.hex(), b64encode(RAW).decode(), repr(RAW)[2:-1]):
        assert form not in shown


def test_it_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(CustomerKey(RAW))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_of_another_length_there_is_none_and_the_error_does_not_quote_it(size: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {size}") as refusal:
        CustomerKey(RAW[:size] + b"x" * (size - len(RAW[:size])))
    assert repr(RAW[:8])[2:-1] not in str(refusal.value)


@pytest.mark.parametrize(
    "form",
    [
        RAW.hex(),
        RAW.hex().upper(),
        RAW.hex(" "),
        b64encode(RAW).decode(),
        repr(RAW),
        RAW.decode("latin-1"),
        b64encode(RAW.hex().encode()).decode(),
        b64encode(b64encode(RAW)).decode(),
        b64encode(md5(RAW).digest()).decode(),
        md5(RAW).hexdigest(),
        RAW.hex(":"),
        quote(b64encode(RAW).decode(), safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
        b64encode(RAW).decode().replace("/", "\\/"),
        b64encode(RAW).decode().replace("+", "&#43;"),
    ],
)
def test_once_there_is_one_no_text_has_it(form: str) -> None:
    CustomerKey(RAW)
    assert form.strip("b'=") not in redact(f"at {form}: broken")


@pytest.mark.parametrize(
    ("encryption", "hides"),
    [(None, False), ("AES256", False), ("aws:kms", True), ("aws:kms:dsse", True), ("sse-c", True)],
)
def test_etags_say_nothing_of_the_bytes_under_keys_of_kms_and_of_customers(
    encryption: str | None, *, hides: bool
) -> None:
    assert is_free_of_digests(encryption) is hides


@given(st.binary(min_size=32, max_size=32), st.sampled_from([b"", b"\n", b"\r\n"]))
def test_a_key_is_read_in_each_notation_that_it_is_written_in(raw: bytes, end: bytes) -> None:
    for text in (b64encode(raw), raw.hex().encode(), raw.hex().upper().encode()):
        assert parse_key(text + end) == CustomerKey(raw)
        assert is_written_key(text.decode())
    assert parse_key(raw) == CustomerKey(raw)


@pytest.mark.parametrize("content", [b"", b"\n", b"k" * 31, b"k" * 33, b"g" * 64, b64encode(b"k" * 31), b"\xff" * 44])
def test_what_is_no_key_is_none(content: bytes) -> None:
    assert parse_key(content) is None


@pytest.mark.parametrize("name", ["PHOTO_KEY", "./photo.key", "A" * 32, "/run/secrets/" + "a" * 40])
def test_a_name_is_no_key(name: str) -> None:
    assert not is_written_key(name)
