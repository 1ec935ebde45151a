"""Examples between accounts and stores do what their READMEs say: planned, applied and planned again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes.examples import MIB, Example, contents, totals
from fakes.s3server import ServerProcess
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.sts import Issued, sts


@pytest.mark.parametrize("may_read", [True, False])
def test_copy_to_another_account_goes_by_the_partners_role(
    server: ServerProcess, tmp_path: Path, *, may_read: bool
) -> None:
    ours, theirs = "111122223333", "444455556666"
    server.seed("example-reports", region="eu-central-1", key_format="published/{}.pdf", count=9, synthetic=False)
    server.seed("example-partner-inbox", region="eu-central-1", keys=[])
    principals: dict[str, Mapping[str, str]] = {ACCESS_KEY_ID: {"secret": SECRET_ACCESS_KEY, "account": ours}}
    grants = {"example-reports": {theirs: ["read"]}} if may_read else {}
    server.set_mode(
        principals=principals, grants=grants, owners={"example-reports": ours, "example-partner-inbox": theirs}
    )

    def note(issued: Issued) -> None:
        principals[issued.key_id] = {"secret": issued.secret, "token": issued.token, "account": issued.account}
        server.set_mode(principals=principals)

    users = {ACCESS_KEY_ID: SECRET_ACCESS_KEY}
    with sts(users, external_id="reports-of-example", accounts={ACCESS_KEY_ID: ours}) as tokens:
        tokens.on_issue = note
        variables = {"AWS_ENDPOINT_URL_STS": tokens.endpoint}
        example = Example("copy-to-another-account", folder=tmp_path, server=server, **variables)
        made = example.plan_and_apply()

    header = made["header"]
    assert header["jobs"][0]["transfer"]["way"] == ("server-side" if may_read else "relay")
    assert {each["connection"]: each["account"] for each in header["accounts"]} == {"ours": ours, "theirs": theirs}
    written = {asked.key_id for asked in server.log() if asked.bucket == "example-partner-inbox"}
    assert written <= {issued.key_id for issued in tokens.issued}
    server.set_mode(principals={}, owners={})
    copied = contents(server.client(), "example-partner-inbox")
    source = contents(server.client(), "example-reports")
    assert {key.replace("published/", "reports/"): found for key, found in source.items()} == copied


def test_s3_to_r2_relays_what_r2_can_hold_and_is_blocked_where_a_loss_is_not_allowed(
    server: ServerProcess, origin_server: ServerProcess, tmp_path: Path
) -> None:
    server.seed(
        "example-media",
        key_format="site/{:04d}.jpg",
        count=30,
        size_bytes=100,
        synthetic=False,
        metadata={"artist": "somebody"},
        headers={"content-type": "image/jpeg"},
    )
    server.seed("example-media", keys=["site/film.mp4"], size_bytes=20 * MIB, synthetic=False)
    server.seed("example-media", keys=["drafts/0001.jpg"])
    origin_server.reset()
    origin_server.seed("example-media-r2", keys=[])
    token = {"R2_ACCESS_KEY_ID": "AKIATHERE", "R2_SECRET_ACCESS_KEY": "secret-there"}
    example = Example("s3-to-r2", folder=tmp_path, server=server, **token)
    example.lead_to(origin_server.endpoint, instead_of="https://ACCOUNT.r2.cloudflarestorage.com")

    made = example.plan_and_apply()

    (job,) = made["header"]["jobs"]
    assert totals(made) == {"copy": 31}
    assert job["transfer"] == {"way": "relay", "why": "another endpoint"}
    here, there = server.client(), origin_server.client()
    sizes = {key: size for key, (_, size) in contents(there, "example-media-r2").items()}
    assert sizes == {key: size for key, (_, size) in contents(here, "example-media", below="site/").items()}
    for key in ("site/0001.jpg", "site/film.mp4"):
        came, was = (
            client.get_object(Bucket=bucket, Key=key)["Body"].read()
            for client, bucket in ((there, "example-media-r2"), (here, "example-media"))
        )
        assert came == was
    head = there.head_object(Bucket="example-media-r2", Key="site/0001.jpg")
    assert (head["Metadata"], head["ContentType"]) == ({"artist": "somebody"}, "image/jpeg")
    parts = there.head_object(Bucket="example-media-r2", Key="site/film.mp4", PartNumber=1)
    assert (parts["PartsCount"], parts["ContentLength"]) == (2, 16 * MIB)

    example.without("allow_loss:")
    server.seed("example-media", keys=["site/new.jpg"])
    blocked = example.plan(exit_code=5)
    assert totals(blocked) == {"copy": 1, "unchanged": 31}
