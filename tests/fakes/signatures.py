"""Whether a request was signed with a secret key: botocore signs it again, and both signatures are compared."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key_id>[^/]+)/(?P<day>[0-9]{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request, ?SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def key_id_of(headers: Mapping[str, str]) -> str | None:
    """Return whose signature a request carries, None for an unsigned one."""
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    return found["key_id"] if found else None


def is_signed_with(
    secret: str, *, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> bool:
    """Return whether that secret made the signature. Header names are lower-case, `path` and `query` decoded."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        return False
    signed = {name: headers[name] for name in found["signed"].split(";") if name in headers}
    url = f"http://{headers['host']}{quote(path, safe='/-_.~')}"
    request = AWSRequest(method=method, url=url, params=dict(query), headers=signed, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = (S3SigV4Auth if found["service"] == "s3" else SigV4Auth)(
        Credentials(found["key_id"], secret), found["service"], found["region"]
    )
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    return hmac.compare_digest(expected, found["signature"])
