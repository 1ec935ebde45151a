"""Operations on a bucket: create, look, list, batch delete."""

from __future__ import annotations

from fakes.s3server import checksums
from fakes.s3server.batch_faults import batch_fault
from fakes.s3server.conditions import same_etag
from fakes.s3server.context import Context
from fakes.s3server.documents import (
    NAMESPACE,
    DeleteEntry,
    escape,
    iso_time,
    parse_delete,
    parse_encryption,
    parse_location,
)
from fakes.s3server.errors import S3Error
from fakes.s3server.listing import list_objects as page_of
from fakes.s3server.messages import Later, Reply, Request, Response, xml_response
from fakes.s3server.policies import denied_deletes
from fakes.s3server.settings import Condition, ConditionMode
from fakes.s3server.store import Bucket

DEFAULT_REGION = "us-east-1"


def list_buckets(context: Context, request: Request) -> Reply:
    owner = context.settings.owner
    rows = "".join(
        f"<Bucket><Name>{bucket.name}</Name><CreationDate>{iso_time(bucket.created_s)}</CreationDate>"
        f"<BucketRegion>{bucket.region}</BucketRegion></Bucket>"
        for _, bucket in sorted(context.store.buckets.items())
    )
    return xml_response(
        f"<ListAllMyBucketsResult {NAMESPACE}><Owner><ID>{owner}</ID></Owner><Buckets>{rows}</Buckets>"
        "</ListAllMyBucketsResult>"
    )


def create_bucket(context: Context, request: Request) -> Reply:
    region = parse_location(request.body) or DEFAULT_REGION
    if request.bucket in context.settings.foreign:
        raise S3Error("BucketAlreadyExists", "The requested bucket name is not available.")
    existing = context.store.buckets.get(request.bucket)
    if existing is not None and not existing.region == region == DEFAULT_REGION:
        raise S3Error("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded.")
    if existing is None:  # us-east-1 answers 200 to the owner's second request
        context.store.create_bucket(request.bucket, region=region, now_s=context.now_s())
    return Response(200, {"location": f"/{request.bucket}"})


def head_bucket(context: Context, request: Request) -> Reply:
    return Response(200, {"x-amz-bucket-region": context.store.bucket(request.bucket).region})


def delete_bucket(context: Context, request: Request) -> Reply:
    if context.store.bucket(request.bucket).objects:
        raise S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty")
    del context.store.buckets[request.bucket]
    return Response(204)


def get_bucket_location(context: Context, request: Request) -> Reply:
    region = context.store.bucket(request.bucket).region
    constraint = "" if region == DEFAULT_REGION else region
    return xml_response(f"<LocationConstraint {NAMESPACE}>{constraint}</LocationConstraint>")


def get_bucket_versioning(context: Context, request: Request) -> Reply:
    context.store.bucket(request.bucket)
    return xml_response(f"<VersioningConfiguration {NAMESPACE}/>")


def get_bucket_encryption(context: Context, request: Request) -> Reply:
    headers = context.store.bucket(request.bucket).encryption
    key_id = headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    key_xml = f"<KMSMasterKeyID>{escape(key_id)}</KMSMasterKeyID>" if key_id else ""
    return xml_response(
        f"<ServerSideEncryptionConfiguration {NAMESPACE}><Rule><ApplyServerSideEncryptionByDefault>"
        f"<SSEAlgorithm>{escape(headers['x-amz-server-side-encryption'])}</SSEAlgorithm>{key_xml}"
        "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    )


def put_bucket_encryption(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    checksums.check_body(request.headers, request.body)
    bucket.encryption = parse_encryption(request.body)
    bucket.blocks_customer_keys = b"<EncryptionType>SSE-C<" in request.body
    return Response(200)


def list_objects(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    fault = None if context.fault is None else context.fault.kind
    return xml_response(page_of(bucket, request, settings=context.settings, fault=fault))


def delete_objects(context: Context, request: Request) -> Reply:
    bucket = context.store.bucket(request.bucket)
    if not checksums.is_guarded(request.headers):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")
    checksums.check_body(request.headers, request.body)
    quiet, entries = parse_delete(request.body)
    refused = [_refuses(context, bucket, entry) for entry in entries]
    spoilt = batch_fault(context.fault, [entry.key for entry in entries])
    denied = denied_deletes(request, (entry.key for entry in entries), context.policy)

    def write() -> Response:
        rows = []
        for entry, moved in zip(entries, refused, strict=True):
            suffers = entry.key in spoilt.keys
            if entry.key in denied:
                rows.append(_delete_refused(entry.key, S3Error("AccessDenied")))
                continue
            if moved:
                rows.append(_delete_refused(entry.key, S3Error("PreconditionFailed")))
                continue
            if spoilt.deletes or not suffers:
                bucket.remove(entry.key)
            if suffers and spoilt.error is not None:
                rows.append(_delete_refused(entry.key, spoilt.error))
            elif not (quiet or suffers):
                rows.append(f"<Deleted><Key>{escape(entry.key)}</Key></Deleted>")
        return xml_response(f"<DeleteResult {NAMESPACE}>{''.join(rows)}</DeleteResult>")

    if context.settings.conditions is ConditionMode.NOT_ATOMIC and any(entry.etag for entry in entries):
        return Later(context.settings.not_atomic_pause_s, write)
    return write()


def _delete_refused(key: str, error: S3Error) -> str:
    return f"<Error><Key>{escape(key)}</Key><Code>{error.code}</Code><Message>{error.message}</Message></Error>"


def _refuses(context: Context, bucket: Bucket, entry: DeleteEntry) -> bool:
    current = bucket.objects.get(entry.key)
    if current is None or entry.etag is None or not context.settings.enforces(Condition.BATCH_DELETE):
        return False
    return not same_etag(entry.etag, current.etag)
