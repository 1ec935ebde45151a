"""botocore's exceptions as failures; wire/failures.py decides on everything that S3 itself answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.s3.wire.failures import failure_of, shown_words
from s3plan.storage.s3.wire.tls_alerts import lasting_refusal

# Names, not classes: older botocore lacks some of them, and subclasses are found through their bases.
_KIND_OF_EXCEPTION: Mapping[str, FailureKind] = {
    # no connection could be made, so nothing was sent
    "ConnectTimeoutError": FailureKind.UNREACHABLE,
    "EndpointConnectionError": FailureKind.UNREACHABLE,
    "ProxyConnectionError": FailureKind.UNREACHABLE,
    # the request may have arrived
    "SSLError": FailureKind.TRANSIENT,
    "ConnectionError": FailureKind.TRANSIENT,
    "ReadTimeoutError": FailureKind.TRANSIENT,
    "ConnectionClosedError": FailureKind.TRANSIENT,
    "ResponseStreamingError": FailureKind.TRANSIENT,
    "HTTPClientError": FailureKind.TRANSIENT,
    "IncompleteReadError": FailureKind.TRANSIENT,
    "ResponseParserError": FailureKind.TRANSIENT,
    "ChecksumError": FailureKind.VERIFICATION,
    "FlexibleChecksumError": FailureKind.VERIFICATION,
    # credentials
    "NoCredentialsError": FailureKind.CREDENTIALS_REFUSED,
    "PartialCredentialsError": FailureKind.CREDENTIALS_REFUSED,
    "CredentialRetrievalError": FailureKind.CREDENTIALS_REFUSED,
    "TokenRetrievalError": FailureKind.CREDENTIALS_REFUSED,
    "NoAuthTokenError": FailureKind.CREDENTIALS_REFUSED,
    "MetadataRetrievalError": FailureKind.CREDENTIALS_REFUSED,
    "RefreshWithMFAUnsupportedError": FailureKind.CREDENTIALS_REFUSED,
    "InvalidIMDSEndpointError": FailureKind.CREDENTIALS_REFUSED,
    "SSOError": FailureKind.CREDENTIALS_REFUSED,
    "LoginError": FailureKind.CREDENTIALS_REFUSED,
}
# A certificate that is not trusted, or a store that does not speak TLS, is the same a second later: INVALID, since
# UNREACHABLE would be retried.
_TLS_REASON = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")  # OpenSSL's name of what went wrong
_TLS_REFUSALS = ("CERTIFICATE_VERIFY_FAILED", "doesn't match", "WRONG_VERSION_NUMBER", "HTTP_REQUEST")


# What to do where another service refuses credentials, as a further clause.
_ADVICE: Mapping[str, str] = {
    "AssumeRole": "; check role_arn and external_id, and that the role's trust policy names whoever assumes it",
    "AssumeRoleWithWebIdentity": "; check the role (AWS_ROLE_ARN) and the token (AWS_WEB_IDENTITY_TOKEN_FILE)",
    "GetRoleCredentials": "; log in again (aws sso login)",
    "CreateToken": "; log in again (aws sso login)",
}


def failure_from(error: Exception, *, operation: str) -> Failure:
    """Class what botocore raised for one request: a ClientError, a BotoCoreError, or a value it could not encode."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _from_answer(error, operation)
    name = type(error).__name__
    message = shown_words(str(error))
    alert = _TLS_REASON.search(message) if name == "SSLError" else None
    lasting = None if alert is None else lasting_refusal(alert[1])
    if lasting is not None:
        return Failure(FailureKind.INVALID, operation, "TlsRefused", lasting)
    if name == "SSLError" and any(mark in message for mark in _TLS_REFUSALS):
        return Failure(
            FailureKind.INVALID, operation, "TLSRefused", f"{message}; check the endpoint, or name its ca_bundle"
        )
    bases = [base.__name__ for base in type(error).__mro__]
    kinds = map(_KIND_OF_EXCEPTION.get, bases)
    kind = next((kind for kind in kinds if kind is not None), FailureKind.INVALID)
    if "SSOError" in bases or "TokenRetrievalError" in bases:
        message = f"{message}{_ADVICE['GetRoleCredentials']}"
    return Failure(kind, operation, name, message)


def unsent(failure: Failure) -> Failure:
    """Return the failure of a request that was never sent: what is unclear otherwise is certain then."""
    return replace(failure, kind=FailureKind.UNREACHABLE) if failure.kind.is_unclear else failure


def _from_answer(error: Any, operation: str) -> Failure:
    said: Mapping[str, Any] = error.response.get("Error", {})
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    failure = failure_of(
        operation=operation,
        status=metadata.get("HTTPStatusCode"),
        code=str(said.get("Code") or ""),
        message=str(said.get("Message") or ""),
        headers=metadata.get("HTTPHeaders", {}),
        region=said.get("Region"),
    )
    if error.operation_name == operation:
        return failure
    # Another service refused on the way to the credentials (AssumeRole, GetRoleCredentials): ours was never sent.
    kind = FailureKind.UNREACHABLE if failure.kind.is_retryable else FailureKind.CREDENTIALS_REFUSED
    advice = _ADVICE.get(error.operation_name, "")
    return Failure(kind, operation, failure.code, f"{error.operation_name}: {failure.message}{advice}", failure.status)
