"""`s3://bucket/prefix/`: what a location's URL may say."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.objects import MAX_KEY_BYTES

_MAX_NAME, _MAX_NAME_IN_HOST = 255, 63
_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII).fullmatch
_NAME_IN_HOST = re.compile(r"(?!.*\.\.)[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII).fullmatch

# Reserved for these: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. Access points of
# other kinds (-s3alias, --ol-s3) are asked like buckets.
_OTHER_KINDS = {
    "--op-s3": "buckets on Outposts",
    ".mrap": "access points of many regions",
    "--table-s3": "table buckets",
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")


class S3UrlInvalid(UsageInvalid):
    """Not a location; the message never holds the URL, which may carry a secret."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class S3Url:
    """A bucket and a folder in it; `path` is empty or ends in `/`; nothing in it is percent-decoded."""

    bucket: str
    path: str
    slash_added: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.path}"


def parse_s3_url(text: str) -> S3Url:
    """Return the bucket and folder of `s3://bucket[/folder[/]]`; raise S3UrlInvalid.

    A missing final `/` is added and told by `slash_added`. Leading and doubled slashes stay as they are.
    """
    if not text.startswith("s3://"):
        raise S3UrlInvalid(
            "a location is a URL such as s3://bucket/prefix/, or a folder such as ./photos", hint=_scheme_hint(text)
        )
    bucket, slash, path = text.removeprefix("s3://").partition("/")
    if bucket.startswith("arn:"):
        raise S3UrlInvalid("access points named by ARN are not there yet", hint="use the access point's alias")
    if "@" in bucket or ":" in bucket:
        raise S3UrlInvalid(
            "an s3:// URL has no user name, password or port in it", hint="name a profile or env_prefix in connections:"
        )
    if re.search(r"[?#]", bucket + slash + path):
        raise S3UrlInvalid(
            "an s3:// URL has no query (?) and no fragment (#)",
            hint="if they belong to the keys, write them in prefix:",
        )
    check_bucket_name(bucket)
    slash_added = bool(path) and not path.endswith("/")
    folder = path + "/" if slash_added else path
    if len(folder.encode()) > MAX_KEY_BYTES:
        raise S3UrlInvalid(f"no key is longer than {MAX_KEY_BYTES:,} bytes, and this folder is")
    if "\0" in folder:
        raise S3UrlInvalid("a key has no NUL character")
    return S3Url(bucket, folder, slash_added)


def check_bucket_name(bucket: str) -> None:
    """Raise S3UrlInvalid unless the name follows S3's rules for general purpose buckets, those of old ones included.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; reserved prefixes and
    suffixes are left to the service, since access point aliases and directory buckets carry them. Until 2018 names in
    us-east-1 could have capitals, underscores and 255 characters; other stores make such buckets to this day.
    """
    if not bucket:
        raise S3UrlInvalid("this URL names no bucket", hint="write s3://bucket/prefix/")
    if not 3 <= len(bucket) <= _MAX_NAME:
        raise S3UrlInvalid(f"a bucket name has 3 to {_MAX_NAME} characters; this one has {len(bucket)}")
    if not _NAME(bucket):
        if "*" in bucket:
            raise S3UrlInvalid(
                "a location is one bucket, so its name has no *", hint="which keys of it: filters.include says that"
            )
        raise S3UrlInvalid("a bucket name has only letters, digits, hyphens, underscores and dots")
    if not bucket.strip("."):
        raise S3UrlInvalid("a bucket name is not of dots alone")
    for ending, what in _OTHER_KINDS.items():
        if bucket.endswith(ending):
            raise S3UrlInvalid(f"{what} are not there yet")
    if _is_ipv4(bucket):
        raise S3UrlInvalid("a bucket name is not an IP address")


def why_not_in_host(bucket: str) -> str | None:
    """Return what keeps a bucket's name out of a host name, so that it must stand in the path; None for most names."""
    if len(bucket) > _MAX_NAME_IN_HOST:
        return f"it has {len(bucket)} characters, more than {_MAX_NAME_IN_HOST}"
    if not _NAME_IN_HOST(bucket):
        return "it has capitals, underscores, two dots in a row, or another end than a letter or digit"
    return None


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _scheme_hint(text: str) -> str | None:
    match = _SCHEME.match(text)
    if match is None:
        is_like_a_bucket = re.fullmatch(r"[a-z0-9.-]{3,63}(/[^\s@:?#]*)?", text, re.ASCII)
        return f"write s3://{text}, or ./{text} if it is a folder" if is_like_a_bucket else None
    if match[1].lower() in {"s3", "s3a", "s3n", "http", "https"}:
        return "write s3://bucket/prefix/; another store than AWS is named by a connection"
    return "only s3:// and folders are there yet"


def is_directory_bucket(bucket: str) -> bool:
    """Whether a bucket lists out of order and gives random ETags, by its name."""
    return bucket.endswith("--x-s3")
