"""The one place where S3's errors become our classes; s3-semantics section 2.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, the S3 service model, and what other
stores were seen to answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from s3plan.schemas import redaction
from s3plan.schemas.failures import Failure, FailureKind


class RequestUnsendable(ValueError):
    """A request that cannot be put into HTTP as it is."""


_CODES: Mapping[FailureKind, frozenset[str]] = {
    FailureKind.PRECONDITION: frozenset({"PreconditionFailed", "NotModified"}),
    FailureKind.CONFLICT: frozenset({"ConditionalRequestConflict", "OperationAborted"}),
    FailureKind.NOT_FOUND: frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchObject"}),
    FailureKind.NO_SUCH_BUCKET: frozenset({"NoSuchBucket"}),
    FailureKind.NO_SUCH_UPLOAD: frozenset({"NoSuchUpload"}),
    FailureKind.INVALID_PART: frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}),
    FailureKind.THROTTLED: frozenset(
        {
            "SlowDown",
            "ServiceUnavailable",
            "Busy",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "KMS.ThrottlingException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "TooManyRequests",
            "TooManyRequestsException",
        }
    ),
    FailureKind.TRANSIENT: frozenset(
        {
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "RequestTimeout",
            "RequestTimeoutException",
            "PriorRequestNotComplete",
            "IncompleteBody",
            "BadGateway",
            "GatewayTimeout",
        }
    ),
    FailureKind.VERIFICATION: frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}),
    FailureKind.DENIED: frozenset(
        {"AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidPayer", "NotSignedUp", "Forbidden"}
    ),
    FailureKind.CREDENTIALS_EXPIRED: frozenset(
        {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"}
    ),
    FailureKind.CREDENTIALS_REFUSED: frozenset(
        {
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "MissingSecurityHeader",
            "CredentialsNotSupported",
        }
    ),
    FailureKind.CLOCK_SKEWED: frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"}),
    FailureKind.ARCHIVED: frozenset({"InvalidObjectState"}),
    FailureKind.WRONG_REGION: frozenset(
        {
            "PermanentRedirect",
            "TemporaryRedirect",
            "Redirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "IncorrectEndpoint",
        }
    ),
    FailureKind.UNSUPPORTED: frozenset({"NotImplemented"}),
    FailureKind.MALFORMED_XML: frozenset({"MalformedXML"}),
    # A retry cannot change these, though their statuses are those of a conflict.
    FailureKind.INVALID: frozenset(
        {"BucketAlreadyExists", "BucketAlreadyOwnedByYou", "BucketNotEmpty", "InvalidBucketState", "NoSuchTagSet"}
    ),
}
_KIND_OF_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}
_KIND_OF_STATUS = {
    301: FailureKind.WRONG_REGION,
    302: FailureKind.WRONG_REGION,
    304: FailureKind.PRECONDITION,
    307: FailureKind.WRONG_REGION,
    308: FailureKind.WRONG_REGION,
    403: FailureKind.DENIED,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TRANSIENT,
    409: FailureKind.CONFLICT,
    412: FailureKind.PRECONDITION,
    429: FailureKind.THROTTLED,
    501: FailureKind.UNSUPPORTED,
}
_ON_BUCKETS = frozenset({"HeadBucket", "ListObjectsV2", "ListMultipartUploads", "ListObjectVersions", "DeleteObjects"})
_SENDS_OBJECTS = frozenset({"PutObject", "UploadPart", "CompleteMultipartUpload"})
_READS = ("Head", "List", "Get")
_REGION_HEADER = "x-amz-bucket-region"
_MAX_MESSAGE = 500
_MAX_CODE = 100
_IS_REGION = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_MAX_RETRY_AFTER_S = 300.0
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch
_EXPECTED_REGION = re.compile(
    r"expecting '([a-z0-9-]{1,64})'|expected:? [`'\"]?[0-9]{8}/([a-z0-9-]{1,64})/s3/", re.IGNORECASE
)


def failure_of(
    *,
    operation: str,
    status: int | None,
    code: str,
    message: str = "",
    headers: Mapping[str, str] | None = None,
    region: str | None = None,
) -> Failure:
    """Class one error answer.

    `code` is S3's, or empty where the answer had no body; `status` is None for one key's verdict of a batch delete, and
    500 where an error came inside a 200 (as botocore has it). `headers` have lower-case names. `region` is the error
    body's. The message is cut to 500 characters; a store may repeat a secret in any of its words, so all are freed of
    them.
    """
    found = {} if headers is None else headers
    where = region_of(found.get(_REGION_HEADER) or region) or _region_said(code, message)
    named = bool(code) and not code.isdigit()
    kind = _kind_of(operation, status, code if named else "", is_redirected=where is not None)
    return Failure(
        kind=kind,
        operation=operation,
        code=redaction.mask_known(code)[:_MAX_CODE] if named else _word_for(status),
        message=shown_words(message or _explain(operation, status, named=named))
        + (way_out(operation) if status in _NOT_OFFERED else _WAYS_OUT.get(code, "")),
        status=status,
        request_id=None if (request_id := found.get("x-amz-request-id")) is None else shown_words(request_id),
        retry_after_s=retry_after_s(found),
        region=where,
    )


_WAYS_OUT: Mapping[str, str] = {
    "AccessControlListNotSupported": "; remove acl from the destination: the bucket's owner owns every object in it "
    "(bucket owner enforced), and no other ACL is needed",
}


def region_of(said: str | None) -> str | None:
    """Return what a store says is a region, unless it cannot be the name of one."""
    return said if said is not None and _IS_REGION(said) and redaction.find_known(said) is None else None


def _region_said(code: str, message: str) -> str | None:
    """Return the region that stores name in words only: "expecting 'eu-west-1'", "expected: 20261126/garage/s3/..."."""
    said = _EXPECTED_REGION.search(message) if code in _CODES[FailureKind.WRONG_REGION] else None
    return None if said is None else said[1] or said[2]


_IN_PARTS = frozenset({"CreateMultipartUpload", "UploadPartCopy"})
_NOT_OFFERED = frozenset({405, 501})


def way_out(operation: str) -> str:
    """Return what to do where a store does not offer copies in parts, as a further clause; nothing for the rest."""
    if operation not in _IN_PARTS:
        return ""
    return f"; the store may not support {operation}: with a higher multipart_threshold, objects up to 5 GiB do without"


def _kind_of(operation: str, status: int | None, code: str, *, is_redirected: bool) -> FailureKind:
    if code.endswith("ThrottlingException"):
        return FailureKind.THROTTLED
    kind = _KIND_OF_CODE.get(code)
    if kind is FailureKind.THROTTLED and status in {200, 500}:
        return FailureKind.TRANSIENT  # inside a 200: the work had begun
    if kind is FailureKind.VERIFICATION and operation not in _SENDS_OBJECTS:
        return FailureKind.TRANSIENT  # of a document of ours
    if kind is not None:
        return kind
    return _kind_of_status(operation, status, is_redirected=is_redirected)


def _kind_of_status(operation: str, status: int | None, *, is_redirected: bool) -> FailureKind:
    """Decide without a known code: an answer to HEAD has none, a proxy's has another."""
    if status == 404 and operation in _ON_BUCKETS:
        return FailureKind.NO_SUCH_BUCKET
    if status == 400 and is_redirected and operation.startswith("Head"):
        return FailureKind.WRONG_REGION  # AuthorizationHeaderMalformed, whose body HEAD does not show
    if status == 503 and operation.startswith(_READS):
        return FailureKind.THROTTLED
    if status is None:
        return FailureKind.INVALID
    if status == 200 or (status >= 500 and status != 501):
        return FailureKind.TRANSIENT
    return _KIND_OF_STATUS.get(status, FailureKind.INVALID)


def _word_for(status: int | None) -> str:
    return "Unspoken" if status is None else f"HTTP{status}"


def _explain(operation: str, status: int | None, *, named: bool) -> str:
    if named or not operation.startswith("Head"):
        return ""
    if status == 400:
        return "the store gave no reason; perhaps expired credentials, another region, or a customer's key"
    return {403: "access denied", 404: "not found", 412: "a condition did not hold"}.get(status or 0, "")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the store asks to wait, in seconds, at most five minutes; None if it says nothing that counts.

    What is no number or date (RFC 9110, 10.2.3), negative or past does not.
    """
    milliseconds = headers.get("x-amz-retry-after", "")
    if _NUMBER(milliseconds):
        return min(float(milliseconds) / 1000, _MAX_RETRY_AFTER_S)
    said = headers.get("retry-after", "").strip()
    if _NUMBER(said):
        return min(float(said), _MAX_RETRY_AFTER_S)
    try:
        wait_s = parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return min(wait_s, _MAX_RETRY_AFTER_S) if wait_s > 0 else None


def broke_by(error: BaseException) -> str:
    """Return the words of a fault of ours, which may quote the request that met it."""
    return redaction.described(error)[:_MAX_MESSAGE]


def shown_words(message: str) -> str:
    """Return the store's words without what signs a request, cut to 500 characters."""
    return redaction.redact(message)[:_MAX_MESSAGE]
