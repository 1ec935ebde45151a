"""What signs requests is found by its name and by its value, and nothing else is touched."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from s3plan.schemas.redaction import MASK, find_known, mask_known, redact, remember_bytes, remember_secrets

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaDPyVn+token/of==a=session"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
SCOPE = "AKIDEXAMPLE/20260101/eu-west-1/s3/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
CANONICAL = f"GET\n/\n\nhost:s3\nx-amz-security-token:{TOKEN}\n\nhost;x-amz-security-token\nUNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: {AUTHORIZATION}",
        f"authorization:{AUTHORIZATION}\r\n",
        f"{{'Authorization': b'{AUTHORIZATION}', 'Host': 'h'}}",
        f'{{"Authorization": "{AUTHORIZATION}"}}',
        f"Invalid header value b'{AUTHORIZATION}\\n'",
        f"Authorization: Bearer {TOKEN}",
        f"{{'X-Amz-Security-Token': b'{TOKEN}', 'X-Amz-Date': b'now'}}",
        f"x-amz-security-token:{TOKEN}",
        f"https://b/?X-Amz-Credential=A&X-Amz-Security-Token={quote(TOKEN, safe='')}&X-Amz-Signature={SIGNATURE}",
        f"<Code>ExpiredToken</Code><Token-0>{TOKEN}</Token-0>",
        f"GET /?X-Amz-Security-Token={quote(TOKEN)} HTTP/1.1",
        f"url=https%3A%2F%2Fb%2F%3FX-Amz-Signature%3D{SIGNATURE}%26a",
        f"CanonicalRequest:\n{CANONICAL}",
        f"Signature:\n{SIGNATURE}",
        f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>",
        f'"SecretAccessKey" : "{SECRET}",\n  "Token" : "{TOKEN}"',
        f'{{\\"secretAccessKey\\": \\"{SECRET}\\", \\"sessionToken\\": \\"{TOKEN}\\"}}',
        f"aws_secret_access_key = {SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET} AWS_SESSION_TOKEN={TOKEN}",
        f"ReadOnlyCredentials(access_key='A', secret_key='{SECRET}', token='{TOKEN}')",
        f"<SignatureProvided>{SIGNATURE}</SignatureProvided>",
        f"<CanonicalRequest>{CANONICAL}</CanonicalRequest>",
        f"<CanonicalRequestBytes>{CANONICAL.encode().hex(' ')}</CanonicalRequestBytes>",
        f"<StringToSignBytes>{CANONICAL.encode().hex(' ')}",
        f"b'<Error><CanonicalRequest>{CANONICAL.encode()!r}</CanonicalRequest></Error>'",
        f"x-amz-server-side-encryption-customer-key: {SECRET}",
        f"http://me:{SECRET.replace('/', '')}@proxy.example.com:3128/",
        f"clientSecret={SECRET}",
    ],
)
def test_what_is_named_is_hidden(text: str) -> None:
    said = redact(text)
    assert MASK in said
    for secret in (SECRET, SECRET.replace("/", ""), TOKEN, SIGNATURE):
        for form in (secret, quote(secret), quote(secret, safe=""), secret.encode().hex(" ")):
            assert form not in said
            assert form[-12:] not in said, "its end is left"


@pytest.mark.parametrize(
    "text",
    [
        "The provided token has expired.",
        "The security token included in the request is invalid.",
        "CopyObject: ExpiredToken (400): The provided token has expired.",
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'",
        "The request signature we calculated does not match the signature you provided. Check your key and method.",
        "the listing of s3://a/token/ cannot be used: its token has come before: the listing runs in a circle",
        "<Code>ExpiredToken</Code><Message>no</Message>",
        "user@example.com and s3://bucket/a@b",
        "host;x-amz-date;x-amz-security-token",
    ],
)
def test_words_about_secrets_are_kept(text: str) -> None:
    kept = redact(text)
    assert kept.replace(f"before: {MASK}", "before: the") == text


def test_a_known_secret_is_found_whatever_stands_beside_it() -> None:
    secret = "a-secret-of-test-redaction/+=1"
    assert mask_known(secret) == secret
    remember_secrets(None, "", f"{secret}\n")
    data = secret.encode()
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        data.hex(),
        data.hex().upper(),
        data.hex(" "),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
    ):
        assert mask_known(f"before {form} after") in {f"before {MASK} after", f"before {MASK}= after"}
        assert find_known(f"before {form} after") == len("before ")
    assert find_known("nothing here") is None
    assert redact(f"it was {secret!r}") == f"it was '{MASK}'"


def test_a_short_word_is_no_secret_that_would_be_looked_for() -> None:
    remember_secrets("minioadmin", "test")
    assert mask_known("a test of minioadmin") == "a test of minioadmin"


def test_the_last_secrets_of_a_long_life_are_kept() -> None:
    tokens = [f"token-number-{number:04}-of-a-session" for number in range(200)]
    for token in tokens:
        remember_secrets(token)
    assert mask_known(tokens[-1]) == MASK
    assert mask_known(tokens[-20]) == MASK


def test_no_number_of_session_tokens_makes_a_key_forgotten() -> None:
    key = bytes(range(101, 133))
    remember_bytes(key)
    for number in range(200):
        remember_secrets(f"token-number-{number:04}-that-came-after-a-key")
    assert mask_known(base64.b64encode(key).decode()).startswith(MASK)
