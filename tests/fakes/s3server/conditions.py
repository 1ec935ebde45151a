"""If-Match and its relatives, as the S3 API reference defines them for reads, copy sources and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from fakes.s3server.errors import S3Error
from fakes.s3server.store import StoredObject

_SOURCE = "x-amz-copy-source-"


def same_etag(given: str, etag: str) -> bool:
    """Whether one of the ETags given (quoted or not, or `*`) is this one."""
    wanted = (item.strip().removeprefix("W/").strip('"') for item in given.split(","))
    return any(item in {"*", etag} for item in wanted)


def check_read(headers: Mapping[str, str], stored: StoredObject) -> None:
    """Conditions of GET and HEAD: PreconditionFailed or NotModified."""
    _check(headers, stored, prefix="", unchanged="NotModified")


def check_source(headers: Mapping[str, str], stored: StoredObject) -> None:
    """Conditions on the source of a copy: PreconditionFailed."""
    _check(headers, stored, prefix=_SOURCE, unchanged="PreconditionFailed")


def _check(headers: Mapping[str, str], stored: StoredObject, *, prefix: str, unchanged: str) -> None:
    if_match = headers.get(prefix + "if-match")
    if if_match is not None:
        if not same_etag(if_match, stored.etag):
            raise S3Error("PreconditionFailed")
    elif (since := _seconds(headers.get(prefix + "if-unmodified-since"))) is not None and stored.modified_s > since:
        raise S3Error("PreconditionFailed")
    if_none_match = headers.get(prefix + "if-none-match")
    if if_none_match is not None:
        if same_etag(if_none_match, stored.etag):
            raise S3Error(unchanged)
    elif (since := _seconds(headers.get(prefix + "if-modified-since"))) is not None and stored.modified_s <= since:
        raise S3Error(unchanged)


def _seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None  # a date that cannot be read is no condition (RFC 9110, 13.1.3)


@dataclass(frozen=True, slots=True)
class WriteConditions:
    """What a write expects of the destination."""

    if_match: str | None
    if_none_match: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> WriteConditions:
        return cls(headers.get("if-match"), headers.get("if-none-match"))

    @property
    def given(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    def check(self, current: StoredObject | None) -> None:
        """For put, copy and complete: If-Match on a missing key is NoSuchKey, If-None-Match knows only `*`."""
        if self.if_none_match is not None:
            if self.if_none_match.strip() != "*":
                raise S3Error("NotImplemented")
            if current is not None:
                raise S3Error("PreconditionFailed")
        if self.if_match is not None:
            if current is None:
                raise S3Error("NoSuchKey")
            if not same_etag(self.if_match, current.etag):
                raise S3Error("PreconditionFailed")
