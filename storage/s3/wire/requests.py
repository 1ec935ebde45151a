"""Our hot requests as HTTP: method, path, headers and body, as the S3 API reference has them.

Only what is sent in great numbers is here; everything rare goes through botocore (see crt_engine.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote
from xml.sax.saxutils import escape

from s3plan.schemas.bodies import Body
from s3plan.schemas.objects import MAX_KEY_BYTES
from s3plan.schemas.requests import objects as r
from s3plan.schemas.requests import uploads as u
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.customer_keys import ALGORITHM, CustomerKey
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.storage.s3.wire.body_requests import Headers, attribute_headers, body_headers, md5_header
from s3plan.storage.s3.wire.failures import RequestUnsendable

_SAFE = "/-_.~"
_PAYER = ("x-amz-request-payer", "requester")
_IS_SAFE = re.compile(r"[A-Za-z0-9/_.~-]*", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class HttpForm:
    """One request, all but its host and signature. `path` is relative to the bucket and begins with `/` or `?`."""

    operation: str
    method: str
    path: str
    headers: Headers
    body: bytes | Body | None = None
    payload_sha256: str | None = None  # hex; of a Body, which is not read for it


def quote_key(key: str) -> str:
    """Return a key as it stands in a URL's path; slashes are kept, nothing is normalised.

    Raises RequestUnsendable for what is no key: without one, a PUT would make a bucket.
    """
    if not key or len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        raise RequestUnsendable(f"a key has 1 to {MAX_KEY_BYTES:,} bytes")
    if _IS_SAFE(key):
        return key
    try:
        return quote(key, safe=_SAFE)
    except UnicodeEncodeError as error:
        raise RequestUnsendable("a key is UTF-8 text") from error


def form_of(request: r.Request, *, requester_pays: bool) -> HttpForm | None:
    """Return how a request is sent, or None if it is one of the rare ones, or to a directory bucket.

    Those want a session of their own to sign with (CreateSession in the S3 API reference), which botocore keeps.
    """
    translate = _FORMS.get(type(request))
    if translate is None or is_directory_bucket(request.bucket):
        return None
    form = translate(request)
    if request.owner is not None:  # type: ignore[union-attr]  # CreateBucket has no form
        form.headers.append(("x-amz-expected-bucket-owner", request.owner))  # type: ignore[union-attr]
    if requester_pays and _PAYER not in form.headers:
        form.headers.append(_PAYER)
    return form


def _copy_object(request: r.CopyObject) -> HttpForm:
    headers = [*_copy_source(request), ("content-length", "0")]
    if request.leaves_annotations:  # they are copied by default, and each is billed as a PUT
        headers.append(("x-amz-object-annotation-directive", "EXCLUDE"))
    if request.attributes is not None:
        headers += [("x-amz-metadata-directive", "REPLACE"), *attribute_headers(replace(request.attributes, tags={}))]
    if request.tags is not None:
        headers += [("x-amz-tagging-directive", "REPLACE"), *attribute_headers(ObjectAttributes(tags=request.tags))]
    _add_conditions(headers, if_absent=request.if_absent, if_match=request.if_match)
    if request.storage_class is not None:
        headers.append(("x-amz-storage-class", request.storage_class))
    if request.encryption is not None:
        headers += _encryption(request.encryption)
    if request.checksum is not None:
        headers.append(("x-amz-checksum-algorithm", request.checksum))
    _add_acl(headers, request.acl)
    _add_key(headers, request.customer_key)
    return HttpForm("CopyObject", "PUT", f"/{quote_key(request.key)}", headers)


def _upload_part_copy(request: u.UploadPartCopy) -> HttpForm:
    headers = [*_copy_source(request), ("content-length", "0")]
    if request.first_byte is not None:
        headers.append(("x-amz-copy-source-range", f"bytes={request.first_byte}-{request.last_byte}"))
    _add_key(headers, request.customer_key)
    query = f"partNumber={request.number}&uploadId={quote(request.upload_id, safe='')}"
    return HttpForm("UploadPartCopy", "PUT", f"/{quote_key(request.key)}?{query}", headers)


def _copy_source(request: r.CopyObject | u.UploadPartCopy) -> Headers:
    source = f"{request.source_bucket}/{quote_key(request.source_key)}"
    if request.source_version is not None:
        source += f"?versionId={quote(request.source_version, safe='')}"
    headers = [("x-amz-copy-source", source)]
    if request.source_if_match is not None:
        headers.append(("x-amz-copy-source-if-match", f'"{request.source_if_match}"'))
    if request.source_owner is not None:
        headers.append(("x-amz-source-expected-bucket-owner", request.source_owner))
    if request.requester_pays:
        headers.append(_PAYER)
    _add_key(headers, request.source_customer_key, name="x-amz-copy-source-server-side-encryption-customer")
    return headers


def _add_key(headers: Headers, key: CustomerKey | None, *, name: str = "x-amz-server-side-encryption-customer") -> None:
    if key is not None:
        headers.append((f"{name}-algorithm", ALGORITHM))
        headers.append((f"{name}-key", key.in_base64))
        headers.append((f"{name}-key-md5", key.md5_in_base64))


def _add_conditions(headers: Headers, *, if_absent: bool, if_match: str | None) -> None:
    if if_absent:
        headers.append(("if-none-match", "*"))
    if if_match is not None:
        headers.append(("if-match", f'"{if_match}"'))


def _add_acl(headers: Headers, acl: str | None) -> None:
    if acl is not None:
        headers.append(("x-amz-acl", acl))


def _encryption(encryption: Encryption) -> Headers:
    headers = [("x-amz-server-side-encryption", encryption.type)]
    if encryption.key_id is not None:
        headers.append(("x-amz-server-side-encryption-aws-kms-key-id", encryption.key_id))
    if encryption.bucket_key is not None:
        enabled = "true" if encryption.bucket_key else "false"
        headers.append(("x-amz-server-side-encryption-bucket-key-enabled", enabled))
    return headers


def _list_objects(request: r.ListObjects) -> HttpForm:
    query = {"list-type": "2", "encoding-type": "url", "max-keys": str(request.max_keys)}
    optional = {
        "prefix": request.prefix or None,
        "start-after": request.start_after,
        "continuation-token": request.token,
        "delimiter": request.delimiter,
    }
    query.update((name, value) for name, value in optional.items() if value is not None)
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
    return HttpForm("ListObjectsV2", "GET", f"?{text}", [])


def _head_object(request: r.HeadObject) -> HttpForm:
    asked = [] if request.part is None else [f"partNumber={request.part}"]
    asked += [] if request.version is None else [f"versionId={quote(request.version, safe='')}"]
    query = f"?{'&'.join(asked)}" if asked else ""
    headers = [("x-amz-checksum-mode", "ENABLED")] if request.with_checksums else []
    _add_key(headers, request.customer_key)
    if request.requester_pays:
        headers.append(_PAYER)
    return HttpForm("HeadObject", "HEAD", f"/{quote_key(request.key)}{query}", headers)


def _get_object(request: r.GetObject) -> HttpForm:
    headers: Headers = []
    _add_conditions(headers, if_absent=False, if_match=request.if_match)
    if request.first_byte is not None:
        headers.append(("range", f"bytes={request.first_byte}-{request.last_byte}"))
    if request.with_checksums:
        headers.append(("x-amz-checksum-mode", "ENABLED"))
    _add_key(headers, request.customer_key)
    query = "" if request.version is None else f"?versionId={quote(request.version, safe='')}"
    return HttpForm("GetObject", "GET", f"/{quote_key(request.key)}{query}", headers)


def _get_object_tags(request: r.GetObjectTags) -> HttpForm:
    query = "tagging=" if request.version is None else f"tagging=&versionId={quote(request.version, safe='')}"
    return HttpForm("GetObjectTagging", "GET", f"/{quote_key(request.key)}?{query}", [])


def _put_object(request: r.PutObject) -> HttpForm:
    headers = [*body_headers(request.body, request.digests), *attribute_headers(request.attributes)]
    _add_conditions(headers, if_absent=request.if_absent, if_match=request.if_match)
    if request.storage_class is not None:
        headers.append(("x-amz-storage-class", request.storage_class))
    if request.encryption is not None:
        headers += _encryption(request.encryption)
    _add_acl(headers, request.acl)
    _add_key(headers, request.customer_key)
    path = f"/{quote_key(request.key)}"
    return HttpForm("PutObject", "PUT", path, headers, request.body, request.digests.sha256)


def _upload_part(request: u.UploadPart) -> HttpForm:
    query = f"partNumber={request.number}&uploadId={quote(request.upload_id, safe='')}"
    path = f"/{quote_key(request.key)}?{query}"
    headers = body_headers(request.body, request.digests)
    _add_key(headers, request.customer_key)
    return HttpForm("UploadPart", "PUT", path, headers, request.body, request.digests.sha256)


def _delete_object(request: r.DeleteObject) -> HttpForm:
    headers: Headers = []
    _add_conditions(headers, if_absent=False, if_match=request.if_match)
    query = "" if request.version is None else f"?versionId={quote(request.version, safe='')}"
    return HttpForm("DeleteObject", "DELETE", f"/{quote_key(request.key)}{query}", headers)


def _delete_objects(request: r.DeleteObjects) -> HttpForm:
    body = delete_document(request).encode()
    headers = [
        ("content-length", str(len(body))),
        ("content-md5", md5_header(body)),  # S3 demands a checksum here; every store knows this one
        ("content-type", "application/xml"),
    ]
    return HttpForm("DeleteObjects", "POST", "?delete=", headers, body)


def delete_document(request: r.DeleteObjects) -> str:
    """Return the XML of a batch delete; white space is written out, or a parser would fold it."""
    objects = "".join(
        f"<Object><Key>{_escaped(key)}</Key>{'' if etag is None else _condition(etag)}</Object>"
        for key, etag in request.keys
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{objects}<Quiet>false</Quiet></Delete>"
    )


def _condition(etag: str) -> str:
    return f"<ETag>&quot;{_escaped(etag)}&quot;</ETag>"


def _escaped(text: str) -> str:
    return escape(text, _WRITTEN_OUT)


_WRITTEN_OUT = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


_FORMS: Mapping[type, Callable[..., HttpForm]] = {
    r.CopyObject: _copy_object,
    u.UploadPart: _upload_part,
    u.UploadPartCopy: _upload_part_copy,
    r.ListObjects: _list_objects,
    r.HeadObject: _head_object,
    r.GetObject: _get_object,
    r.GetObjectTags: _get_object_tags,
    r.PutObject: _put_object,
    r.DeleteObject: _delete_object,
    r.DeleteObjects: _delete_objects,
}
