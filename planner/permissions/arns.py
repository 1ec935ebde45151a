"""How the policies of AWS name buckets, keys and KMS keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s3plan.schemas.s3_urls import is_directory_bucket

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html, and the parts of AWS that regions begin so in.
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
_CHINA = ".amazonaws.com.cn"
_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):")
_KMS_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):([0-9]{12}):(key|alias)/(.+)")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html: "special characters"
_SPECIAL = re.compile(r"[*?$]")


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Which KMS keys a statement is about: their ARN, and the alias that they must have, if that is how it is named."""

    arn: str
    alias: str | None = None


def partition_of(*, region: str | None, endpoint: str | None, role_arn: str | None) -> str:
    """Return which part of AWS a connection leads to: `aws` unless something names another one."""
    found = _ROLE.match(role_arn or "")
    if found is not None:
        return found[1]
    if (endpoint or "").rstrip("/").endswith(_CHINA):
        return "aws-cn"
    return next((name for start, name in _PARTITIONS.items() if (region or "").startswith(start)), "aws")


def account_of(role_arn: str | None) -> str | None:
    """Return the account of a role."""
    found = _ROLE.match(role_arn or "")
    return None if found is None else found[2]


def literal(text: str) -> str:
    """Return a text as a policy has it that means these very characters."""
    return _SPECIAL.sub(lambda found: f"${{{found[0]}}}", text)


def bucket_arn(partition: str, bucket: str, *, region: str | None) -> str:
    """Return a bucket's ARN; that of a directory bucket leaves the account open."""
    if is_directory_bucket(bucket):
        return f"arn:{partition}:s3express:{region or '*'}:*:bucket/{bucket}"
    return f"arn:{partition}:s3:::{bucket}"


def objects_arn(partition: str, bucket: str, prefix: str) -> str:
    """Return what names all objects whose keys begin so."""
    return f"arn:{partition}:s3:::{bucket}/{literal(prefix)}*"


def kms_key_rule(partition: str, key_id: str, *, region: str | None) -> KeyRule:
    """Return the rule for a key as `encryption.key_id` names it: by its ARN, its id, or an alias."""
    found = _KMS_ARN.fullmatch(key_id)
    if found is not None:
        part, at, account, kind, name = found.groups()
        if kind == "key":
            return KeyRule(key_id)
        return KeyRule(f"arn:{part}:kms:{at}:{account}:key/*", f"alias/{name}")
    anywhere = f"arn:{partition}:kms:{region or '*'}:*:key/"
    if key_id.startswith("alias/"):
        return KeyRule(f"{anywhere}*", key_id)
    return KeyRule(f"{anywhere}{literal(key_id)}")
