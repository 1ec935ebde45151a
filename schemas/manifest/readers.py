"""Markers of the manifest's fields that have a notation of their own: quantities, moments, patterns, URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.files.urls import FOLDER_PATTERN, FolderUrl, is_local, parse_folder_url
from s3plan.schemas.manifest.values import UNQUOTED_TEXT, Plain, Scalar, refusal, refuse_boolean
from s3plan.schemas.quantities import (
    BANDWIDTH_PATTERN,
    DELAY_PATTERN,
    DURATION_PATTERN,
    LIMIT_PATTERN,
    RATE_PATTERN,
    SIZE_PATTERN,
    QuantityInvalid,
    format_size,
    parse_bandwidth,
    parse_delay,
    parse_duration,
    parse_limit,
    parse_rate,
    parse_size,
)
from s3plan.schemas.s3_urls import S3Url, S3UrlInvalid, parse_s3_url

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_FRACTION = r"\.[0-9]{1,6}"
_ZONE = "Z|z|[+-][0-9]{2}:[0-9]{2}"
_DATE_TIME = re.compile(f"({_DATE})[Tt ]({_TIME})({_FRACTION})?({_ZONE})?", re.ASCII)
_MOMENT_WANTS = "a date such as 2024-01-31 or a date-time such as 2024-01-31T08:00:00Z"

PLACE_SCHEMA = {
    "type": "string",
    "pattern": rf"^(s3://[A-Za-z0-9._-]{{3,255}}(/[^?#]*)?|{FOLDER_PATTERN})$",
    "examples": ["s3://bucket/prefix/", "./photos"],
}


def size_value(*, least: int = 0, most: int | None = None) -> Scalar:
    """Mark a size in bytes, bounds included."""
    schema = {"type": "string", "pattern": SIZE_PATTERN}
    return Scalar("a size such as 50GiB", partial(_read_size, least=least, most=most), schema)


def _read_size(text: str, *, least: int, most: int | None) -> object:
    size_bytes = _read_quantity(text, parse=parse_size)
    if isinstance(size_bytes, int) and size_bytes < least:
        raise refusal(f"is less than {format_size(least)}, the least that is possible")
    if isinstance(size_bytes, int) and most is not None and size_bytes > most:
        raise refusal(f"is more than {format_size(most)}, the most that is possible")
    return size_bytes


def duration_value() -> Scalar:
    """Mark a length of time, more than nothing."""
    read = partial(_read_duration, parse=parse_duration)
    return Scalar("a duration such as 30d or 12h", read, {"type": "string", "pattern": DURATION_PATTERN})


def _read_duration(text: str, *, parse: Callable[[str], object]) -> object:
    duration = _read_quantity(text, parse=parse)
    if duration == timedelta():
        raise refusal("needs a duration of more than nothing")
    return duration


def delay_value() -> Scalar:
    """Mark a short length of time, more than nothing."""
    wants = "a delay such as 200ms or 20s"
    return Scalar(wants, partial(_read_duration, parse=parse_delay), {"type": "string", "pattern": DELAY_PATTERN})


def bandwidth_value() -> Scalar:
    """Mark bytes per second."""
    schema = {"type": "string", "pattern": BANDWIDTH_PATTERN}
    return Scalar("a bandwidth such as 100MiB/s", partial(_read_quantity, parse=parse_bandwidth), schema)


def rate_value() -> Scalar:
    """Mark requests per second."""
    schema = {"type": "string", "pattern": RATE_PATTERN}
    return Scalar("a rate such as 3000/s", partial(_read_quantity, parse=parse_rate), schema)


def limit_value() -> Scalar:
    """Mark a share such as `25%` or a number of objects."""
    schema = {"type": ["string", "integer"], "pattern": LIMIT_PATTERN, "minimum": 0}
    wants = "a share such as 25% or a number of objects such as 1204"
    return Scalar(wants, partial(_read_quantity, parse=parse_limit), schema)


def _read_quantity(text: str, *, parse: Callable[[str], object]) -> object:
    try:
        return parse(text)
    except QuantityInvalid as error:
        raise refusal(error.message, hint=error.hint) from error


def moment() -> Scalar:
    """Mark a date (midnight UTC) or an RFC 3339 date-time with its zone; read as an aware UTC datetime."""
    pattern = f"^{_DATE}([Tt ]{_TIME}({_FRACTION})?({_ZONE}))?$"
    return Scalar(_MOMENT_WANTS, _read_moment, {"type": "string", "pattern": pattern})


def _read_moment(text: str) -> datetime:
    match = _DATE_TIME.fullmatch(text)
    if match is None and not re.fullmatch(_DATE, text, re.ASCII):
        raise refusal(f"needs {_MOMENT_WANTS}")
    date, time, fraction, zone = (text, "00:00:00", "", "Z") if match is None else match.groups(default="")
    if not zone:
        raise refusal("this date-time names no zone", hint=f"write {text}Z for UTC")
    micros = f"{fraction:0<7}" if fraction else ""
    offset = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{date}T{time}{micros}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refusal("there is no such date or time") from error


def format_version() -> Scalar:
    """Mark the version of the manifest format."""
    return Scalar("the number 1", _read_version, {"const": 1})


def _read_version(text: str) -> Literal[1]:
    if text != "1":
        raise refusal("this s3plan reads version 1 of the manifest only", hint="write 1")
    if not isinstance(text, Plain):
        raise refusal("needs the number 1", hint="write it without quotes")
    return 1


def key_pattern() -> Scalar:
    """Mark a gitignore pattern that can match something."""
    wants = "a gitignore pattern such as *.jpg or tmp/"
    return Scalar(wants, partial(_read_pattern, wants=wants), {"type": UNQUOTED_TEXT, "pattern": "^[^#]"})


def _read_pattern(text: str, *, wants: str) -> str:
    refuse_boolean(text, wants=wants)
    if not text.strip("!/ \t"):
        raise refusal(f"matches nothing; this needs {wants}")
    if re.search(r"[\0\r\n]", text):
        raise refusal("a pattern has no line breaks and no NUL characters")
    if text.startswith("#"):
        raise refusal("a gitignore pattern that starts with # is a comment", hint="write \\# in single quotes")
    return str(text)


def extension() -> Scalar:
    """Mark the end of a name; `.jpg` and `jpg` are both read as `jpg`."""
    wants = "an extension such as jpg or tar.gz"
    schema = {"type": UNQUOTED_TEXT, "pattern": r"^\.?[^*?\[\]/\\.][^*?\[\]/\\]*$"}
    return Scalar(wants, partial(_read_extension, wants=wants), schema)


def _read_extension(text: str, *, wants: str) -> str:
    refuse_boolean(text, wants=wants)
    bare = text.removeprefix(".")
    if not bare or bare.startswith(".") or re.search(r"[*?\[\]/\\\0\r\n]", bare):
        raise refusal(f"needs {wants}", hint="patterns such as *.jpg belong in include")
    return bare


def place_url() -> Scalar:
    """Mark an `s3://` URL, or a folder of this machine."""
    return Scalar("a URL such as s3://bucket/prefix/ or a folder such as ./photos", _read_place_url, PLACE_SCHEMA)


def _read_place_url(text: str) -> S3Url | FolderUrl:
    try:
        return parse_folder_url(text) if is_local(text) else parse_s3_url(text)
    except S3UrlInvalid as error:
        raise refusal(error.message, hint=error.hint) from error


def folder_path() -> Scalar:
    """Mark a folder of this machine."""
    schema = {"type": "string", "pattern": f"^({FOLDER_PATTERN})$"}
    return Scalar("a folder such as ../trash", _read_folder, schema)


def _read_folder(text: str) -> FolderUrl:
    if not is_local(text):
        raise refusal("needs a folder such as ../trash, ~/trash or /trash")
    try:
        return parse_folder_url(text)
    except S3UrlInvalid as error:
        raise refusal(error.message, hint=error.hint) from error


def key_list_file() -> Scalar:
    """Mark a file of this machine with a key a line."""
    wants = "a file such as keys.txt"
    return Scalar(wants, partial(_read_key_list, wants=wants), {"type": UNQUOTED_TEXT, "minLength": 1})


def _read_key_list(text: str, *, wants: str) -> str:
    refuse_boolean(text, wants=wants)
    if not text or "\0" in text or "\n" in text:
        raise refusal(f"needs {wants}")
    if "://" in text:
        raise refusal(f"needs {wants} on this machine", hint="fetch the list first; the keys in it may be s3:// URLs")
    return str(text)


def endpoint_url() -> Scalar:
    """Mark an endpoint that requests may be sent to; kept as written."""
    schema = {"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^@?#\s\\]+$"}
    return Scalar("a URL such as https://s3.example.com:9000", _read_endpoint, schema)


def _read_endpoint(text: str) -> str:
    try:
        parse_endpoint(text)
    except EndpointInvalid as error:
        raise refusal(str(error)) from error
    return str(text)
