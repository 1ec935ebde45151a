"""What awscrt raises as our failures, with the classes that boto3's have."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.s3.crt.client import lower_names
from s3plan.storage.s3.wire.replies import failure_of_answer

# After its own retry a 5xx comes back without its body.
_BY_NAME = {
    "AWS_ERROR_S3_SLOW_DOWN": (FailureKind.THROTTLED, "SlowDown", 503),
    "AWS_ERROR_S3_INTERNAL_ERROR": (FailureKind.TRANSIENT, "InternalError", 500),
    "AWS_ERROR_S3_REQUEST_TIME_TOO_SKEWED": (FailureKind.CLOCK_SKEWED, "RequestTimeTooSkewed", 403),
    "AWS_ERROR_S3_REQUEST_TIMEOUT": (FailureKind.TRANSIENT, "RequestTimeout", 400),
    "AWS_IO_DNS_INVALID_NAME": (FailureKind.UNREACHABLE, "DnsFailed", None),
    "AWS_IO_DNS_QUERY_FAILED": (FailureKind.UNREACHABLE, "DnsFailed", None),
    "AWS_IO_SOCKET_CONNECTION_REFUSED": (FailureKind.UNREACHABLE, "ConnectionRefused", None),
    "AWS_IO_SOCKET_CONNECT_ABORTED": (FailureKind.UNREACHABLE, "ConnectAborted", None),
    "AWS_IO_SOCKET_NO_ROUTE_TO_HOST": (FailureKind.UNREACHABLE, "NoRouteToHost", None),
    "AWS_IO_SOCKET_NETWORK_DOWN": (FailureKind.UNREACHABLE, "NetworkDown", None),
    "AWS_ERROR_MAX_FDS_EXCEEDED": (FailureKind.UNREACHABLE, "TooManyOpenFiles", None),
    "AWS_IO_SOCKET_TIMEOUT": (FailureKind.UNREACHABLE, "ConnectTimeout", None),
}
_TLS = "AWS_IO_TLS_"
_CREDENTIALS = "AWS_AUTH_"


def failure_from(error: BaseException, *, operation: str, status: int | None) -> Failure:
    """Class one failed request; what may have reached the store is transient: unclear until looked at."""
    body = getattr(error, "body", None)
    headers = getattr(error, "headers", None)
    if headers is not None and status is not None:
        return failure_of_answer(operation, status=status, headers=lower_names(headers), body=body or b"")
    name = str(getattr(error, "name", type(error).__name__))
    message = str(getattr(error, "message", error))
    if name in _BY_NAME:
        kind, code, known_status = _BY_NAME[name]
        return Failure(kind, operation, code, message, known_status if status is None else status)
    if name.startswith(_TLS):
        return Failure(FailureKind.INVALID, operation, "TlsFailed", f"{name}: {message}", status)
    if name.startswith(_CREDENTIALS):
        return Failure(FailureKind.CREDENTIALS_REFUSED, operation, "NoCredentials", f"{name}: {message}", status)
    return Failure(FailureKind.TRANSIENT, operation, name, message, status)
