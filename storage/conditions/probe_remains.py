"""Removes what a probe left behind whose process was killed."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import DeleteObject, ListObjects, ObjectsPage, Reply
from s3plan.schemas.requests.uploads import AbortMultipartUpload, ListMultipartUploads, UploadsPage
from s3plan.schemas.requests.versions import ListVersions, VersionsPage
from s3plan.storage.probe_keys import is_probe_key
from s3plan.storage.s3.patience import Patience


def remove_remains(
    engine: Engine, bucket: str, stem: str, *, owner: str | None = None, patience: Patience | None = None
) -> bool:
    """Delete the objects and abort the uploads whose keys begin with a probe's stem, as far as the store lets us.

    Returns False if some may be there still that a later try may remove. One page of each: a probe makes a dozen
    objects and four uploads. What a store lists besides is somebody else's: there are some that do not look at the
    prefix. Never raises.
    """
    patient = patience or Patience()
    uploads = patient.call(engine, ListMultipartUploads(bucket, stem, owner=owner))
    replies: list[Reply] = [uploads]
    if isinstance(uploads, UploadsPage):
        for key, upload_id in [(key, upload_id) for key, upload_id, _ in uploads.uploads if key.startswith(stem)]:
            replies.append(patient.call(engine, AbortMultipartUpload(bucket, key, upload_id, owner=owner)))
    objects = patient.call(engine, ListObjects(bucket, prefix=stem, owner=owner))
    replies.append(objects)
    if isinstance(objects, ObjectsPage):
        own = [row.key for row in objects.rows if row.key.startswith(stem.encode()) and is_probe_key(row.key)]
        keys = [key.decode() for key in own]
        replies.extend(patient.call(engine, DeleteObject(bucket, key, owner=owner)) for key in keys)
    remove_versions(engine, bucket, stem, owner=owner, patience=patient)
    return not any(isinstance(reply, Failure) and _may_pass(reply.kind) for reply in replies)


def _may_pass(kind: FailureKind) -> bool:
    return kind.is_retryable or kind.is_credentials or kind is FailureKind.BAD_REPLY


def remove_versions(engine: Engine, bucket: str, stem: str, *, owner: str | None, patience: Patience) -> None:
    """Delete for good the versions and delete markers of keys that begin so, as far as the store lets us.

    Where a bucket keeps versions, a plain delete only puts a marker above them. Never raises.
    """
    found = patience.call(engine, ListVersions(bucket, stem, owner=owner))
    if isinstance(found, VersionsPage):
        for key, version in found.versions:
            if key.startswith(stem):
                patience.call(engine, DeleteObject(bucket, key, version=version, owner=owner))
