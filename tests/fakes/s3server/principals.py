"""Who asks, by a signature that is checked, and what a bucket lets them do: its owner everything, others by grants.

Only where the settings name principals; else every key is let in and no signature is looked at.
"""

from __future__ import annotations

from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Request, decode
from fakes.s3server.settings import Settings
from fakes.signatures import is_signed_with, key_id_of

ANYBODY = "*"
_LISTS = frozenset(
    {
        "GetBucketEncryption",
        "GetBucketLocation",
        "GetBucketVersioning",
        "HeadBucket",
        "ListMultipartUploads",
        "ListObjects",
        "ListObjectsV2",
    }
)
_READS = frozenset({"GetObject", "GetObjectTagging", "HeadObject"})


def check_principal(operation: str, request: Request, settings: Settings) -> None:
    """Raise S3Error unless whoever signed the request may do this; a copy reads its source, too."""
    if not settings.principals:
        return
    account = _account_of(request, settings)
    _check(account, request.bucket, _word_of(operation), settings)
    source = request.headers.get("x-amz-copy-source")
    if source is not None:
        bucket = decode(source, plus_is_space=True).removeprefix("/").partition("/")[0]
        _check(account, settings.aliases.get(bucket, bucket), "read", settings)


def _account_of(request: Request, settings: Settings) -> str:
    key_id = key_id_of(request.headers)
    if key_id is None:
        return ANYBODY
    principal = settings.principals.get(key_id)
    if principal is None:
        raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if request.headers.get("x-amz-security-token", "") != principal.get("token", ""):
        raise S3Error("InvalidToken", "The provided token is malformed or otherwise invalid.")
    path = f"/{request.bucket}/{request.key}" if request.key else f"/{request.bucket}"
    secret = principal["secret"]
    # A bucket is asked for with and without a slash.
    if not any(_is_signed(request, secret, path=each) for each in (path, f"{path}/")):
        raise S3Error("SignatureDoesNotMatch")
    return principal["account"]


def _is_signed(request: Request, secret: str, *, path: str) -> bool:
    return is_signed_with(
        secret, method=request.method, path=path, query=request.query, headers=request.headers, body=request.body
    )


def _word_of(operation: str) -> str:
    return "list" if operation in _LISTS else ("read" if operation in _READS else "write")


def _check(account: str, bucket: str, word: str, settings: Settings) -> None:
    granted = settings.grants.get(bucket, {})
    if account != settings.owner_of(bucket) and word not in {*granted.get(account, ()), *granted.get(ANYBODY, ())}:
        raise S3Error("AccessDenied")
