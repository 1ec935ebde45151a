"""Where a connection's buckets are: host and leading path, as botocore works them out, asked once for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_HTTPS_PORT = 443
_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """`host` is the Host header, with the port where it is not the usual one; `path` stands before the key's."""

    host: str
    name: str
    port: int
    path: str

    def target(self, path: str) -> str:
        """Return the request target for a path within the bucket, which begins with `/` or `?`."""
        return f"{self.path}{path}" if self.path or path.startswith("/") else f"/{path}"


class BucketAddresses:
    """See the module. Safe to use from several threads."""

    def __init__(self, client: Any) -> None:
        """`client` is a botocore client of the connection."""
        self._client = client
        self._known: dict[str, BucketAddress] = {}

    def of(self, bucket: str) -> BucketAddress:
        """Return the address of a bucket."""
        known = self._known.get(bucket)
        if known is None:
            url = urlsplit(self._client.generate_presigned_url("head_bucket", Params={"Bucket": bucket}))
            port = url.port or (_HTTPS_PORT if url.scheme == "https" else _HTTP_PORT)
            known = BucketAddress(url.netloc, url.hostname or "", port, url.path.rstrip("/"))
            self._known[bucket] = known
        return known

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return str(self._client.meta.region_name)

    @property
    def is_https(self) -> bool:
        """Whether the connection's endpoint is reached by TLS."""
        return str(self._client.meta.endpoint_url).startswith("https:")
