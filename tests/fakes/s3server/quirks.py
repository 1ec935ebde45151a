"""What some stores refuse, as the settings have it."""

from __future__ import annotations

from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Request
from fakes.s3server.settings import Settings

_PAYER = "x-amz-request-payer"
_SOURCE = "x-amz-copy-source"


def check_quirks(operation: str, request: Request, settings: Settings) -> None:
    """Raise S3Error for a header that this store does not know, a bucket that is not ours, and for who does not pay."""
    unknown = [name for name in settings.refused_headers if name in request.headers]
    if unknown:
        raise S3Error("InvalidArgument", f"unknown header {unknown[0]}")
    if request.bucket in settings.foreign and operation != "CreateBucket":
        raise S3Error("AccessDenied")
    asked = {request.bucket, request.headers.get(_SOURCE, "").removeprefix("/").partition("/")[0]}
    if operation != "HeadBucket" and not asked.isdisjoint(settings.requester_pays) and _PAYER not in request.headers:
        raise S3Error("AccessDenied", "Bucket is a requester pays bucket.")
