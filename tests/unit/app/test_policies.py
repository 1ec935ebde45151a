"""From jobs to policies: whose, for which keys, and in which words of AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import s3plan
from s3plan.app.policies import Policies
from s3plan.planner.permissions.arns import KeyRule, kms_key_rule, literal, partition_of
from s3plan.schemas.errors import ManifestInvalid, UsageInvalid

ROLE = "arn:aws:iam::111122223333:role/copy"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def policies(tmp_path: Path, *, given: dict[str, Any] | None = None, **sections: Any) -> Policies:
    usual = {"version": 1, "name": "job", "source": "s3://from/a/", "destination": "s3://into/b/"}
    path = tmp_path / "job.yaml"
    path.write_text(
        json.dumps(
            {**({} if {"location", "jobs"} & sections.keys() else usual), "version": 1, "name": "job", **sections}
        )
    )
    return s3plan.policy(path, **(given or {}))


def resources(found: Policies, action: str) -> list[str]:
    return sorted(
        resource
        for each in found.documents
        for statement in each.document["Statement"]
        if action in statement["Action"]
        for resource in statement["Resource"]
    )


def test_a_plan_only_lists_and_looks_at_nothing_else(tmp_path: Path) -> None:
    (only,) = policies(tmp_path, given={"command": "plan"}).documents
    assert json.loads(json.dumps(only.document)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read1",
                "Effect": "Allow",
                "Action": ["s3:GetEncryptionConfiguration"],
                "Resource": ["arn:aws:s3:::from", "arn:aws:s3:::into"],
            },
            {
                "Sid": "List2",
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": ["arn:aws:s3:::from"],
                "Condition": {"StringLike": {"s3:prefix": ["a/*"]}},
            },
            {
                "Sid": "List3",
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": ["arn:aws:s3:::into"],
                "Condition": {"StringLike": {"s3:prefix": ["b/*"]}},
            },
        ],
    }


def test_characters_that_policies_read_otherwise_stand_for_themselves(tmp_path: Path) -> None:
    found = policies(tmp_path, source={"url": "s3://from/", "prefix": "a*b?c$d/"})
    assert "arn:aws:s3:::from/a${*}b${?}c${$}d/*" in resources(found, "s3:GetObject")
    assert literal("${*}") == "${$}{${*}}"


def test_a_whole_bucket_is_listed_without_a_condition(tmp_path: Path) -> None:
    (only,) = policies(tmp_path, source="s3://from/", given={"command": "plan", "side": "source"}).documents
    listing = next(each for each in only.document["Statement"] if "s3:ListBucket" in each["Action"])
    assert "Condition" not in listing


def test_on_aws_nothing_is_deleted_by_a_copy_and_nothing_read_back_in_parts_where_none_can_be(tmp_path: Path) -> None:
    assert resources(policies(tmp_path), "s3:DeleteObject") == []
    assert resources(policies(tmp_path), "s3:ListMultipartUploadParts") == ["arn:aws:s3:::into/b/*"]
    small = policies(tmp_path, filters={"size": {"max": "1MiB"}})
    assert resources(small, "s3:ListMultipartUploadParts") == resources(small, "s3:ListBucketMultipartUploads") == []


def test_what_a_mode_deletes_may_be_deleted_and_nothing_else(tmp_path: Path) -> None:
    mirror = policies(tmp_path, mode="mirror", delete={"extraneous": True})
    assert resources(mirror, "s3:DeleteObject") == ["arn:aws:s3:::into/b/*"]
    move = policies(tmp_path, mode="move", guards={"max_delete": "1%"})
    assert resources(move, "s3:DeleteObject") == ["arn:aws:s3:::from/a/*"]
    assert "arn:aws:s3:::from/a/*" not in resources(move, "s3:PutObject")


def test_probes_of_other_stores_are_allowed_for_their_own_keys_only(tmp_path: Path) -> None:
    connections = {"store": {"endpoint": "https://store.example.com"}}
    ends = {
        "source": {"url": "s3://from/a/", "connection": "store"},
        "destination": {"url": "s3://into/b/", "connection": "store"},
    }
    found = policies(tmp_path, connections=connections, **ends)
    assert resources(found, "s3:DeleteObject") == ["arn:aws:s3:::into/b/.s3plan-probe-*"]
    assert any("not AWS" in remark for remark in found.remarks)


def test_each_connection_has_a_policy_and_a_bucket_that_another_account_reads_has_statements(tmp_path: Path) -> None:
    connections = {"theirs": {}, "ours": {"role_arn": ROLE}}
    found = policies(
        tmp_path,
        connections=connections,
        source={"url": "s3://from/a/", "connection": "theirs", "expected_bucket_owner": "444455556666"},
        destination={"url": "s3://into/b/", "connection": "ours", "expected_bucket_owner": "111122223333"},
    )
    assert [(each.kind, each.connection, each.bucket) for each in found.documents] == [
        ("identity", "theirs", None),
        ("identity", "ours", None),
        ("bucket", "ours", "from"),
    ]
    (statement,) = found.documents[2].document["Statement"]
    assert statement["Principal"] == {"AWS": ROLE}
    assert (statement["Action"], statement["Resource"]) == (
        ["s3:GetObject", "s3:GetObjectTagging"],
        ["arn:aws:s3:::from/a/*"],
    )
    owned = policies(
        tmp_path,
        connections={"ours": {"role_arn": ROLE}},
        source={"url": "s3://from/a/", "connection": "ours", "expected_bucket_owner": "111122223333"},
        destination={"url": "s3://into/b/", "connection": "ours"},
    )
    assert [each.kind for each in owned.documents] == ["identity"]


@pytest.mark.parametrize(
    ("key_id", "rule"),
    [
        ("arn:aws:kms:eu-west-1:111122223333:key/1-2", KeyRule("arn:aws:kms:eu-west-1:111122223333:key/1-2")),
        ("1-2", KeyRule("arn:aws:kms:eu-west-1:*:key/1-2")),
        ("alias/x", KeyRule("arn:aws:kms:eu-west-1:*:key/*", "alias/x")),
        ("arn:aws:kms:us-east-1:111122223333:alias/x", KeyRule("arn:aws:kms:us-east-1:111122223333:key/*", "alias/x")),
    ],
)
def test_a_kms_key_is_named_as_policies_name_it(key_id: str, rule: KeyRule) -> None:
    assert kms_key_rule("aws", key_id, region="eu-west-1") == rule


def test_a_key_is_for_s3_alone(tmp_path: Path) -> None:
    encryption = {"type": "aws:kms", "key_id": "alias/backup"}
    (only,) = policies(tmp_path, destination={"url": "s3://into/b/", "encryption": encryption}).documents
    (statement,) = [each for each in only.document["Statement"] if "kms:Decrypt" in each["Action"]]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Condition"] == {
        "StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/backup"},
    }


def test_a_directory_bucket_is_granted_by_sessions(tmp_path: Path) -> None:
    found = policies(tmp_path, source={"url": "s3://logs--use1-az4--x-s3/a/", "region": "us-east-1"})
    assert resources(found, "s3express:CreateSession") == ["arn:aws:s3express:us-east-1:*:bucket/logs--use1-az4--x-s3"]


def test_a_directory_bucket_that_is_named_with_its_region_and_without_is_granted_all_the_same(tmp_path: Path) -> None:
    bucket = "one--use1-az4--x-s3"
    source = {"url": f"s3://{bucket}/a/", "region": "us-east-1"}
    found = policies(tmp_path, source=source, destination=f"s3://{bucket}/b/")
    arns = {f"arn:aws:s3express:{region}:*:bucket/{bucket}" for region in ("us-east-1", "*")}
    assert set(resources(found, "s3express:CreateSession")) == arns


@pytest.mark.parametrize(
    ("region", "endpoint", "role_arn", "partition"),
    [
        (None, None, None, "aws"),
        ("eu-central-1", None, None, "aws"),
        ("cn-north-1", None, None, "aws-cn"),
        ("us-gov-west-1", None, None, "aws-us-gov"),
        (None, "https://s3.cn-north-1.amazonaws.com.cn", None, "aws-cn"),
        (None, None, "arn:aws-us-gov:iam::111122223333:role/x", "aws-us-gov"),
    ],
)
def test_the_partition_follows_from_what_is_known(
    region: str | None, endpoint: str | None, role_arn: str | None, partition: str
) -> None:
    assert partition_of(region=region, endpoint=endpoint, role_arn=role_arn) == partition


def test_one_of_several_jobs_can_be_asked_for(tmp_path: Path) -> None:
    jobs = {
        "one": {"source": "s3://from/1/", "destination": "s3://into/1/"},
        "two": {"source": "s3://from/2/", "destination": "s3://into/2/"},
    }
    assert resources(policies(tmp_path, jobs=jobs, given={"job": "two"}), "s3:PutObject") == ["arn:aws:s3:::into/2/*"]
    assert resources(policies(tmp_path, jobs=jobs), "s3:PutObject") == [
        "arn:aws:s3:::into/1/*",
        "arn:aws:s3:::into/2/*",
    ]
    with pytest.raises(UsageInvalid, match=r"has no job twoo.*two"):
        policies(tmp_path, jobs=jobs, given={"job": "twoo"})


def test_a_side_without_a_bucket_and_a_broken_manifest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageInvalid, match="need no policy"):
        policies(tmp_path, source="./files", given={"side": "source"})
    with pytest.raises(ManifestInvalid):
        policies(tmp_path, mode="copied")


def test_what_is_said_of_one_side_leaves_the_other_one_out(tmp_path: Path) -> None:
    sections = {
        "connections": {"away": {"endpoint": "https://store.example"}},
        "destination": {"url": "s3://into-s3alias/b/", "connection": "away"},
    }
    whole, source, destination = (
        policies(tmp_path, given={"side": side}, **sections).remarks for side in (None, "source", "destination")
    )
    about_destination = {remark for remark in whole if "away" in remark or "into-s3alias" in remark}
    assert len(about_destination) == 3
    assert set(source) == set(whole) - about_destination
    assert set(destination) == set(whole)
