"""A request as it came in and the ways to answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from fakes.s3server.body import Body
from fakes.s3server.delivery import Delivery
from fakes.s3server.errors import S3Error


@dataclass(frozen=True, slots=True)
class Request:
    """One S3 or admin request. Header names are lower case; `key` is decoded, empty where the bucket is addressed."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """`delivery` says how its bytes suffer on the way; None: not at all, as it should be."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body = b""
    code: str = ""
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """No answer: the connection is closed, by a reset where `reset` is set."""

    reset: bool


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer, and the connection stays open until the client has had enough."""


@dataclass(frozen=True, slots=True)
class Later:
    """The answer follows after a pause, in which other requests are served."""

    pause_s: float
    proceed: Callable[[], Reply]


Final: TypeAlias = Response | Dropped | Silent
Reply: TypeAlias = Final | Later


def follow(reply: Reply, then: Callable[[Final], Reply]) -> Reply:
    """Apply `then` to what the reply ends as, however often it is put off."""
    if isinstance(reply, Later):
        return Later(reply.pause_s, lambda: follow(reply.proceed(), then))
    return then(reply)


def xml_response(document: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n' + document).encode()
    return Response(status, {"content-type": "application/xml", **(headers or {})}, body)


def decode(text: str, *, plus_is_space: bool) -> str:
    """Percent-decode; InvalidURI where the bytes are not UTF-8."""
    if plus_is_space:
        text = text.replace("+", " ")
    try:
        return (unquote_to_bytes(text) if "%" in text else text.encode("latin-1")).decode()
    except UnicodeError as e:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI.") from e


def parse_target(target: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, key and query of a path-style request target."""
    path, _, raw_query = target.partition("?")
    bucket, _, key = path.removeprefix("/").partition("/")
    query: dict[str, str] = {}
    for item in raw_query.split("&") if raw_query else ():
        name, _, value = item.partition("=")
        query[decode(name, plus_is_space=True)] = decode(value, plus_is_space=True)
    return decode(bucket, plus_is_space=False), decode(key, plus_is_space=False), query


def parse_int(text: str | None, *, name: str, default: int, low: int = 0, high: int = 2**31 - 1) -> int:
    """A whole number of a query or header; InvalidArgument where it is none or out of range."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise S3Error("InvalidArgument", f"{name} must be a whole number between {low} and {high}")
    return int(text)
