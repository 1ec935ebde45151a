"""What needs come to by the table of permissions: which actions, on what, for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from s3plan.planner.permissions.arns import KeyRule, bucket_arn, kms_key_rule, objects_arn, partition_of
from s3plan.planner.permissions.needs import Keys, Need
from s3plan.schemas.manifest.connections import Connection
from s3plan.schemas.manifest.locations import Destination
from s3plan.schemas.permissions.table import PERMISSIONS, Permission, Target, When
from s3plan.schemas.s3_urls import is_directory_bucket
from s3plan.schemas.stores.names import StoreName

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam.html: a session covers the rest.
_OF_DIRECTORY_BUCKETS = {
    "s3:CreateBucket": "s3express:CreateBucket",
    "s3:GetEncryptionConfiguration": "s3express:GetEncryptionConfiguration",
}
_SESSION = "s3express:CreateSession"


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one thing: a bucket, the keys of a bucket that begin like `prefix`, or a KMS key.

    `arn` is the resource; `listed` the start of the keys that may be listed, None where that is no condition.
    """

    action: str
    arn: str
    bucket: str = ""
    prefix: str | None = None  # of the objects that `arn` names
    listed: str | None = None
    key: KeyRule | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever signs with a connection; an empty name is the default connection."""

    name: str
    connection: Connection
    endpoint: str | None  # where it leads in this environment; None: AWS
    store: StoreName
    region: str | None

    @property
    def partition(self) -> str:
        """The part of AWS that it belongs to."""
        return partition_of(region=self.region, endpoint=self.endpoint, role_arn=self.connection.role_arn)


def grants_of(needs: Iterable[Need], principals: Mapping[str, Principal]) -> dict[str, list[Grant]]:
    """Return what each connection's principal needs to be granted, by the connection's name; nothing twice.

    What a wider grant covers is left out.
    """
    found: dict[str, dict[Grant, None]] = {}
    for need in needs:
        name = need.signer.connection or ""
        grants = found.setdefault(name, {})
        grants.update(dict.fromkeys(_grants(need, principals[name])))
    return {name: _widest(list(grants)) for name, grants in found.items()}


def _grants(need: Need, principal: Principal) -> Iterator[Grant]:
    for permission in PERMISSIONS[need.operation]:
        if permission.when is When.ALWAYS or permission.when in need.cases:
            keys = need.copied if permission.target in (Target.COPIED, Target.COPIED_KEY) else need.keys
            if keys is not None:
                yield from _grant(permission, keys, principal)


def _grant(permission: Permission, keys: Keys, principal: Principal) -> Iterator[Grant]:
    partition, bucket = principal.partition, keys.bucket
    region = keys.place.region or principal.region
    if permission.target in (Target.KEY, Target.COPIED_KEY):
        encryption = keys.place.encryption if isinstance(keys.place, Destination) else None
        if encryption is not None and encryption.key_id is not None:
            rule = kms_key_rule(partition, encryption.key_id, region=region)
            yield Grant(permission.action, rule.arn, key=rule)
    elif is_directory_bucket(bucket):
        action = _OF_DIRECTORY_BUCKETS.get(permission.action, _SESSION)
        yield Grant(action, bucket_arn(partition, bucket, region=region), bucket)
    elif permission.target is Target.BUCKET:
        yield Grant(permission.action, bucket_arn(partition, bucket, region=region), bucket)
    elif permission.target is Target.LISTED:
        arn = bucket_arn(partition, bucket, region=region)
        yield Grant(permission.action, arn, bucket, listed=keys.prefix or None)
    else:
        yield Grant(permission.action, objects_arn(partition, bucket, keys.prefix), bucket, prefix=keys.prefix)


def _widest(grants: list[Grant]) -> list[Grant]:
    return [grant for grant in grants if not any(_covers(other, grant) for other in grants if other is not grant)]


def _covers(wide: Grant, grant: Grant) -> bool:
    if (wide.action, wide.bucket) != (grant.action, grant.bucket) or wide.key is not None:
        return False
    if wide.prefix is not None and grant.prefix is not None:
        return grant.prefix.startswith(wide.prefix)
    if wide.prefix is not None or grant.prefix is not None or wide.arn != grant.arn:
        return False
    return wide.listed is None or (grant.listed is not None and grant.listed.startswith(wide.listed))
