"""Holds requests against policies as AWS does: who may do what, to which keys, under which conditions.

It decides by the HTTP request and by what the server holds, from the pages of the S3 API reference, and knows nothing
of what s3plan thinks that it needs. Only identities have policies here; whoever has none may do everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from fakes.s3server.errors import S3Error
from fakes.s3server.messages import Request
from fakes.s3server.properties import ENCRYPTION
from fakes.s3server.store import Bucket

_KEY_ID = f"{ENCRYPTION}-aws-kms-key-id"
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_TOKEN = re.compile(r"\$\{([*?$])\}|([*?])|([^*?$]+|\$)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One action on one resource, with the condition keys that AWS knows of the request."""

    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """The statements of one identity."""

    statements: Sequence[Mapping[str, Any]]

    def allows(self, wanted: Wanted) -> bool:
        applying = [each["Effect"] for each in self.statements if _applies(each, wanted)]
        return "Allow" in applying and "Deny" not in applying


def _applies(statement: Mapping[str, Any], wanted: Wanted) -> bool:
    return (
        any(_is_like(wanted.action.lower(), pattern.lower()) for pattern in _many(statement["Action"]))
        and any(_is_like(wanted.resource, pattern) for pattern in _many(statement["Resource"]))
        and all(
            _CONDITIONS[operator](wanted.context.get(key), list(_many(values)))
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
    )


def _many(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else value


def _is_like(text: str, pattern: str) -> bool:
    expression = "".join(
        re.escape(special or plain) if wild == "" else {"*": ".*", "?": "."}[wild]
        for special, wild, plain in _TOKEN.findall(pattern)
    )
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _string_like(found: Sequence[str] | None, patterns: Sequence[str]) -> bool:
    return found is not None and all(any(_is_like(each, pattern) for pattern in patterns) for each in found)


def _any_equals(found: Sequence[str] | None, values: Sequence[str]) -> bool:
    return any(each in values for each in found or ())


_CONDITIONS: Mapping[str, Callable[[Sequence[str] | None, Sequence[str]], bool]] = {
    "StringLike": _string_like,
    "StringEquals": lambda found, values: found is not None and all(each in values for each in found),
    "ForAnyValue:StringEquals": _any_equals,
}


def check_policy(operation: str, request: Request, policy: Policy | None, buckets: Mapping[str, Bucket]) -> None:
    """Raise AccessDenied for what the policy does not allow; each key of DeleteObjects is judged by `denied_deletes`.

    A bucket that does not exist has no owner whose policies could hide that: to ask for it is 404 for everybody.
    """
    if policy is None:
        return
    bucket = buckets.get(request.bucket)
    if bucket is None and operation != "CreateBucket":
        return
    for wanted in _wanted(operation, request, bucket, buckets):
        if not policy.allows(wanted):
            raise S3Error("AccessDenied", f"not authorized to perform: {wanted.action} on resource: {wanted.resource}")


def denied_deletes(request: Request, keys: Iterable[str], policy: Policy | None) -> frozenset[str]:
    if policy is None:
        return frozenset()
    return frozenset(
        key for key in keys if not policy.allows(Wanted("s3:DeleteObject", f"arn:aws:s3:::{request.bucket}/{key}"))
    )


def _wanted(operation: str, request: Request, bucket: Bucket | None, buckets: Mapping[str, Bucket]) -> Iterator[Wanted]:
    of_bucket, of_object = f"arn:aws:s3:::{request.bucket}", f"arn:aws:s3:::{request.bucket}/{request.key}"
    versioned = "Version" if "versionId" in request.query else ""
    match operation:
        case "HeadBucket":
            yield Wanted("s3:ListBucket", of_bucket)
        case "ListObjects" | "ListObjectsV2":
            yield Wanted("s3:ListBucket", of_bucket, _prefix(request))
        case "ListMultipartUploads":
            yield Wanted("s3:ListBucketMultipartUploads", of_bucket, _prefix(request))
        case "CreateBucket":
            yield Wanted("s3:CreateBucket", of_bucket)
        case "GetBucketEncryption":
            yield Wanted("s3:GetEncryptionConfiguration", of_bucket)
        case "GetObject" | "HeadObject":
            yield from _read(f"s3:GetObject{versioned}", of_bucket, request, bucket)
        case "GetObjectTagging":
            yield Wanted(f"s3:GetObject{versioned}Tagging", of_object)
        case "PutObject" | "CreateMultipartUpload":
            yield from _written(of_object, request)
            if operation == "CreateMultipartUpload":
                yield from _decrypted(_asked_key(request))
        case "CopyObject" | "UploadPartCopy":
            yield from _copied(operation, request, buckets)
        case "UploadPart" | "CompleteMultipartUpload":
            yield Wanted("s3:PutObject", of_object)
            yield from _decrypted(_upload_key(request, bucket))
        case "ListParts":
            yield Wanted("s3:ListMultipartUploadParts", of_object)
            yield from _decrypted(_upload_key(request, bucket))
        case "AbortMultipartUpload":
            yield Wanted("s3:AbortMultipartUpload", of_object)
        case "DeleteObject":
            yield Wanted(f"s3:DeleteObject{versioned}", of_object)
        case "DeleteObjects":
            return
        case _:
            raise S3Error("AccessDenied", f"no policy is known to allow {operation}")


def _prefix(request: Request) -> Mapping[str, Sequence[str]]:
    return {"s3:prefix": [request.query["prefix"]]} if "prefix" in request.query else {}


def _read(action: str, of_bucket: str, request: Request, bucket: Bucket | None) -> Iterator[Wanted]:
    yield Wanted(action, f"{of_bucket}/{request.key}")
    stored = None if bucket is None else bucket.objects.get(request.key)
    if stored is None:
        yield Wanted("s3:ListBucket", of_bucket)  # only who may list is told that there is nothing
    elif request.method == "GET" or request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        yield from _decrypted(stored.properties.encryption)


def _written(of_object: str, request: Request) -> Iterator[Wanted]:
    yield Wanted("s3:PutObject", of_object)
    if "x-amz-tagging" in request.headers:
        yield Wanted("s3:PutObjectTagging", of_object)
    if any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in request.headers):
        yield Wanted("s3:PutObjectAcl", of_object)
    yield from _with_key("kms:GenerateDataKey", _asked_key(request))


def _copied(operation: str, request: Request, buckets: Mapping[str, Bucket]) -> Iterator[Wanted]:
    of_object = f"arn:aws:s3:::{request.bucket}/{request.key}"
    path, _, version = request.headers["x-amz-copy-source"].partition("?versionId=")
    name, _, key = unquote(path).removeprefix("/").partition("/")
    of_source = f"arn:aws:s3:::{name}/{key}"
    yield Wanted("s3:GetObjectVersion" if version else "s3:GetObject", of_source)
    source = buckets[name].objects.get(key) if name in buckets else None
    if source is None:
        yield Wanted("s3:ListBucket", f"arn:aws:s3:::{name}")
    else:
        yield from _decrypted(source.properties.encryption)
    if operation == "CopyObject":
        yield from _written(of_object, request)
        if source is not None and source.properties.tags and not _replaces_tags(request):
            yield from (Wanted("s3:GetObjectTagging", of_source), Wanted("s3:PutObjectTagging", of_object))
    else:
        yield Wanted("s3:PutObject", of_object)
        yield from _decrypted(_upload_key(request, buckets.get(request.bucket)))


def _replaces_tags(request: Request) -> bool:
    return request.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"


def _asked_key(request: Request) -> Mapping[str, str]:
    return {name: value for name, value in request.headers.items() if name in (ENCRYPTION, _KEY_ID)}


def _upload_key(request: Request, bucket: Bucket | None) -> Mapping[str, str]:
    upload = None if bucket is None else bucket.uploads.get(request.query.get("uploadId", ""))
    return {} if upload is None else upload.properties.encryption


def _decrypted(encryption: Mapping[str, str]) -> Iterator[Wanted]:
    yield from _with_key("kms:Decrypt", encryption)


def _with_key(action: str, encryption: Mapping[str, str]) -> Iterator[Wanted]:
    """What KMS is asked by S3; AWS's own key, which no key id names, is there for everybody in its account."""
    key_id = encryption.get(_KEY_ID)
    if key_id is None or not encryption.get(ENCRYPTION, "").startswith("aws:kms"):
        return
    context = {"kms:ViaService": [f"s3.{_REGION}.amazonaws.com"]}
    if key_id.startswith("alias/"):
        context["kms:ResourceAliases"] = [key_id]
    arn = key_id if key_id.startswith("arn:") else f"arn:aws:kms:{_REGION}:{_ACCOUNT}:key/{key_id.replace('/', '-')}"
    yield Wanted(action, arn, context)
