"""What botocore raises, and its class."""

from __future__ import annotations

import pytest
from botocore import exceptions as b
from botocore.parsers import ResponseParserError
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.botocore.failures import failure_from

K = FailureKind
URL = "https://store.example/bucket"
RAISED: list[tuple[Exception, FailureKind]] = [
    (b.EndpointConnectionError(endpoint_url=URL), K.UNREACHABLE),
    (b.ConnectTimeoutError(endpoint_url=URL), K.UNREACHABLE),
    (b.ProxyConnectionError(proxy_url=URL), K.UNREACHABLE),
    (b.ReadTimeoutError(endpoint_url=URL), K.TRANSIENT),
    (b.ConnectionClosedError(endpoint_url=URL), K.TRANSIENT),
    (b.IncompleteReadError(actual_bytes=1, expected_bytes=2), K.TRANSIENT),
    (b.ResponseStreamingError(error="x"), K.TRANSIENT),
    (b.HTTPClientError(error="x"), K.TRANSIENT),
    (ResponseParserError("no XML"), K.TRANSIENT),
    (b.SSLError(endpoint_url=URL, error="EOF occurred in violation of protocol"), K.TRANSIENT),
    (b.SSLError(endpoint_url=URL, error="[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), K.INVALID),
    (b.NoCredentialsError(), K.CREDENTIALS_REFUSED),
    (b.PartialCredentialsError(provider="env", cred_var="secret"), K.CREDENTIALS_REFUSED),
    (b.TokenRetrievalError(provider="sso", error_msg="x"), K.CREDENTIALS_REFUSED),
    (b.UnauthorizedSSOTokenError(), K.CREDENTIALS_REFUSED),
    (b.CredentialRetrievalError(provider="process", error_msg="x"), K.CREDENTIALS_REFUSED),
    (b.ParamValidationError(report="x"), K.INVALID),
    (b.InvalidRegionError(region_name="?"), K.INVALID),
    (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), K.INVALID),
]


@pytest.mark.parametrize(("error", "kind"), RAISED, ids=lambda value: type(value).__name__)
def test_an_exception_has_its_class(error: Exception, kind: FailureKind) -> None:
    failure = failure_from(error, operation="CopyObject")
    assert failure.kind is kind
    assert failure.operation == "CopyObject"


def refused_role(code: str, status: int) -> b.ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return b.ClientError(answer, "AssumeRole")


def test_a_role_that_may_not_be_assumed_is_a_matter_of_credentials() -> None:
    failure = failure_from(refused_role("AccessDenied", 403), operation="CopyObject")
    assert failure.kind is K.CREDENTIALS_REFUSED
    assert "AssumeRole" in failure.message


def test_a_role_that_cannot_be_assumed_just_now_means_that_nothing_was_sent() -> None:
    failure = failure_from(refused_role("ServiceUnavailable", 503), operation="CopyObject")
    assert failure.kind is K.UNREACHABLE
    assert not failure.kind.is_unclear
