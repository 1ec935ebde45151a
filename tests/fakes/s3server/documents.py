"""XML in and out, as far as XML 1.0 and S3 go."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import quote_plus

from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Response, xml_response

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_SPECIAL = re.compile('[&<>"\r\n\t\x00-\x1f\ufffe\uffff]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text: str) -> str:
    """As S3 writes it: control characters become references, even those that XML 1.0 cannot carry."""
    return _SPECIAL.sub(lambda found: _NAMED.get(found[0]) or f"&#x{ord(found[0]):x};", text)


def url_encode(text: str) -> str:
    """The encoding of `encoding-type=url`: a space is `+`, a slash stays."""
    return quote_plus(text, safe="/*")


def iso_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def error_document(error: S3Error, *, request_id: str, resource: str) -> str:
    return (
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>{request_id}</RequestId><HostId>s3server</HostId></Error>"
    )


def error_response(error: S3Error, *, request_id: str, resource: str, status: int | None = None) -> Response:
    answer = xml_response(error_document(error, request_id=request_id, resource=resource))
    body = b"" if error.status == 304 else answer.body
    return Response(status or error.status, answer.headers, body, code=error.code)


def _parse(body: bytes, *, root: str) -> ET.Element:
    try:
        element = ET.fromstring(body)
    except ET.ParseError as e:
        raise S3Error("MalformedXML") from e
    for child in element.iter():
        child.tag = child.tag.rpartition("}")[2]
    if element.tag != root:
        raise S3Error("MalformedXML")
    return element


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    key: str
    etag: str | None


def parse_delete(body: bytes) -> tuple[bool, list[DeleteEntry]]:
    """Whether the reply is to be quiet, and the entries; MalformedXML above 1,000 of them or without any."""
    root = _parse(body, root="Delete")
    entries = []
    for item in root.findall("Object"):
        if item.find("VersionId") is not None or item.find("Size") is not None:
            raise S3Error("NotImplemented")
        if not (key := item.findtext("Key")):
            raise S3Error("MalformedXML")
        entries.append(DeleteEntry(key, item.findtext("ETag")))
    if not 1 <= len(entries) <= 1000:
        raise S3Error("MalformedXML")
    return root.findtext("Quiet", "").strip() == "true", entries


@dataclass(frozen=True, slots=True)
class PartEntry:
    number: int
    etag: str
    checksums: dict[str, str]


def parse_complete(body: bytes) -> list[PartEntry]:
    entries = []
    for item in _parse(body, root="CompleteMultipartUpload").findall("Part"):
        number = item.findtext("PartNumber", "").strip()
        if not number.isdigit():
            raise S3Error("MalformedXML")
        checksums = {
            f"x-amz-checksum-{child.tag.removeprefix('Checksum').lower()}": child.text or ""
            for child in item
            if child.tag.startswith("Checksum")
        }
        entries.append(PartEntry(int(number), item.findtext("ETag", "").strip().strip('"'), checksums))
    if not entries:
        raise S3Error("MalformedXML", "You must specify at least one part")
    return entries


def parse_tagging(body: bytes) -> tuple[tuple[str, str], ...]:
    items = _parse(body, root="Tagging").findall("TagSet/Tag")
    return tuple((item.findtext("Key", ""), item.findtext("Value", "")) for item in items)


def parse_location(body: bytes) -> str | None:
    if not body:
        return None
    return _parse(body, root="CreateBucketConfiguration").findtext("LocationConstraint")


def parse_encryption(body: bytes) -> dict[str, str]:
    default = _parse(body, root="ServerSideEncryptionConfiguration").find("Rule/ApplyServerSideEncryptionByDefault")
    algorithm = default.findtext("SSEAlgorithm") if default is not None else None
    if default is None or algorithm is None:
        raise S3Error("MalformedXML")
    headers = {"x-amz-server-side-encryption": algorithm}
    if key_id := default.findtext("KMSMasterKeyID"):
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = key_id
    return headers
