"""Where a connection's buckets are and how requests to them are signed: botocore's answer, asked once for each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from s3plan.schemas.redaction import redact
from s3plan.storage.s3.wire.failures import RequestUnsendable

_PORTS = {"https": 443, "http": 80}
_ORDINARY = "an-ordinary-bucket"
_SIGNED_AS = {"v4", "s3v4", "none"}


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """`host` is the Host header, with the port where it is not the usual one; `path` stands before the key's.

    `region` is the one that requests are signed for.
    """

    host: str
    name: str
    port: int
    path: str
    is_https: bool
    region: str

    def target(self, path: str) -> str:
        """Return the request target for a path within the bucket, which begins with `/` or `?`."""
        return f"{self.path}{path}" if self.path or path.startswith("/") else f"/{path}"


class BucketAddresses:
    """See the module. Safe to use from several threads."""

    def __init__(self, client: Any) -> None:
        """`client` is a botocore client of the connection."""
        self._client = client
        self._known: dict[str, BucketAddress] = {}
        self._lock = threading.Lock()
        self._asker: int | None = None
        self._found: tuple[str, Mapping[str, Any]] = ("", {})
        # A handler of this event that answers keeps the request from being signed and sent, as botocore's Stubber does.
        client.meta.events.register_first("before-call.s3.HeadBucket", self._answer)

    def of(self, bucket: str) -> BucketAddress:
        """Return the address of a bucket; RequestUnsendable if it has none, or one that wants another signature."""
        known = self._known.get(bucket)
        if known is None:
            known = self._known[bucket] = self._ask(bucket)
        return known

    @property
    def ordinary(self) -> BucketAddress:
        """The address that a bucket with nothing special to its name would have; RequestUnsendable as for `of`."""
        return self.of(_ORDINARY)

    def _ask(self, bucket: str) -> BucketAddress:
        from botocore.exceptions import BotoCoreError

        if bucket.startswith("arn:"):  # perhaps of another region, which no engine of this one signs for
            raise RequestUnsendable("access points named by ARN are not there yet; use the access point's alias")
        with self._lock:
            self._asker = threading.get_ident()
            try:
                self._client.head_bucket(Bucket=bucket)
            except (BotoCoreError, ValueError) as error:
                raise RequestUnsendable(f"it has no address: {redact(str(error))}") from None
            finally:
                self._asker = None
            url, context = self._found
        return _address_of(bucket, url, context)

    def _answer(
        self, params: Mapping[str, Any], context: Mapping[str, Any], **_: Any
    ) -> tuple[object, Mapping[str, Any]] | None:
        """Take note of where the request would go, in the place of sending it; others' requests are left alone."""
        if self._asker != threading.get_ident():
            return None
        self._found = (params["url"], context)
        return SimpleNamespace(status_code=200), {}


def _address_of(bucket: str, written: str, context: Mapping[str, Any]) -> BucketAddress:
    signing = context.get("signing", {})
    if context.get("auth_type") not in _SIGNED_AS or signing.get("signing_name", "s3") != "s3":
        raise RequestUnsendable("it wants another signature than S3's usual one (AWS4-HMAC-SHA256, service s3)")
    url = urlsplit(written)
    usual = _PORTS[url.scheme]
    port = url.port or usual
    name = url.hostname or ""
    path = url.path.rstrip("/")
    if not (name.startswith(f"{bucket.lower()}.") or path.endswith(f"/{bucket}")):
        raise RequestUnsendable(f"its name cannot stand in the host {name}; say addressing_style: path")
    host = f"[{name}]" if ":" in name else name
    return BucketAddress(
        host=host if port == usual else f"{host}:{port}",
        name=name,
        port=port,
        path=path,
        is_https=url.scheme == "https",
        region=str(signing.get("region") or context["client_region"]),
    )
