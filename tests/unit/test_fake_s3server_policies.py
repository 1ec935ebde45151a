"""The test server holds requests against policies: actions, resources and prefixes, as AWS's pages have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes.s3server import ServerProcess

SIGNER = "AKIDHELD"


@pytest.fixture
def held(server: ServerProcess) -> Iterator[ServerProcess]:
    server.seed("bucket", keys=["in/one", "in/two", "out/one"], size_bytes=3)
    yield server
    server.set_mode(policies={})


def allow(server: ServerProcess, actions: Sequence[str], resource: str, **condition: Any) -> Any:
    """A client that may do these, and nothing else."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": f"arn:aws:s3:::{resource}"}
    statements = [{**statement, "Condition": condition}] if condition else [statement]
    server.set_mode(policies={SIGNER: {"Statement": statements}})
    return server.client(access_key_id=SIGNER)


def status(ask: Any, **what: Any) -> int:
    try:
        return int(ask(Bucket="bucket", **what)["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def test_an_action_is_allowed_on_its_resources_only(held: ServerProcess) -> None:
    s3 = allow(held, ["s3:GetObject"], "bucket/in/*")
    assert [status(s3.get_object, Key=key) for key in ("in/one", "out/one")] == [200, 403]
    assert status(s3.put_object, Key="in/one", Body=b"") == 403


def test_an_escaped_star_is_no_wildcard(held: ServerProcess) -> None:
    s3 = allow(held, ["s3:GetObject"], "bucket/i${*}*")
    assert status(s3.get_object, Key="in/one") == 403


def test_a_condition_on_the_prefix_lets_list_below_it_only_and_hides_that_a_key_is_absent(held: ServerProcess) -> None:
    s3 = allow(held, ["s3:ListBucket"], "bucket", StringLike={"s3:prefix": ["in/*"]})
    assert [status(s3.list_objects_v2, Prefix=prefix) for prefix in ("in/", "in/o", "out/")] == [200, 200, 403]
    assert [status(s3.list_objects_v2), status(s3.head_bucket)] == [403, 403]
    s3 = allow(held, ["s3:GetObject"], "bucket/in/*")
    assert [status(s3.head_object, Key=key) for key in ("in/one", "in/none")] == [200, 403]


def test_each_key_of_a_batch_delete_is_judged_by_itself(held: ServerProcess) -> None:
    s3 = allow(held, ["s3:DeleteObject"], "bucket/in/*")
    keys = [{"Key": key} for key in ("in/one", "out/one")]
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": keys})
    assert [each["Key"] for each in answer["Deleted"]] == ["in/one"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("out/one", "AccessDenied")]
    assert list(held.snapshot("bucket")) == ["in/two", "out/one"]


def test_a_copy_needs_both_ends_and_the_tags_of_both(held: ServerProcess) -> None:
    held.seed("bucket", keys=["in/tagged"], size_bytes=3, tags={"a": "b"})
    for key, more, expected in (
        ("in/one", (), 200),
        ("in/tagged", (), 403),
        ("in/tagged", ("s3:GetObjectTagging", "s3:PutObjectTagging"), 200),
    ):
        s3 = allow(held, ["s3:GetObject", "s3:PutObject", *more], "bucket/*")
        assert status(s3.copy_object, Key="copy", CopySource={"Bucket": "bucket", "Key": key}) == expected


def test_a_bucket_that_does_not_exist_is_no_secret(held: ServerProcess) -> None:
    s3 = allow(held, ["s3:GetObject"], "bucket/*")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="nowhere")
