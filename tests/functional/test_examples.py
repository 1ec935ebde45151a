"""Every example does what its README says: planned, applied and planned again by the command, on the fake server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.command import Command
from fakes.examples import EXAMPLES, Example, totals
from fakes.s3server import ServerProcess
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.sts import Issued, sts
from fakes.two_stores import away_server
from s3plan.schemas.manifest.schema import GENERATED_FILE

__all__ = ["away_server"]

MIB = 2**20


def rows(client: Any, bucket: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])


def contents(client: Any, bucket: str, *, below: str = "") -> dict[str, tuple[str, int]]:
    """ETag and size of every object by key, as boto3 lists them."""
    return {row["Key"]: (row["ETag"], row["Size"]) for row in rows(client, bucket) if row["Key"].startswith(below)}


def at(year: int, month: int = 6) -> float:
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def numbered(form: str, numbers: Sequence[int]) -> list[str]:
    return [form.format(number) for number in numbers]


def test_every_example_has_a_manifest_a_readme_and_a_test_here() -> None:
    folders = {path.name: path for path in EXAMPLES.iterdir() if path.is_dir()}
    files = {name: sorted(path.name for path in folder.iterdir() if path.is_file()) for name, folder in folders.items()}

    assert sorted(files) == [
        "assets-then-pages",
        "back-up-a-folder",
        "copy-across-regions",
        "copy-to-another-account",
        "expire-old-logs",
        "filters",
        "mirror-with-guards",
        "move-finished-exports",
        "publish-a-site",
        "restore-a-folder",
        "s3-to-r2",
        "set-cache-headers",
    ]
    assert set(map(tuple, files.values())) == {("README.md", "job.yaml")}


def test_copy_across_regions_makes_the_bucket_there_and_every_object_in_it(
    server: ServerProcess, tmp_path: Path
) -> None:
    server.seed(
        "example-images",
        region="eu-central-1",
        key_format="originals/{:04d}.jpg",
        count=40,
        size_bytes=100,
        synthetic=False,
        metadata={"artist": "somebody"},
        headers={"content-type": "image/jpeg"},
        tags={"album": "one"},
    )
    server.seed("example-images", region="eu-central-1", keys=["elsewhere/0001.jpg"])
    example = Example("copy-across-regions", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    client = server.client()
    assert totals(made) == {"copy": 40}
    assert made["header"]["jobs"][0]["destination"]["bucket_exists"] is False
    region = client.head_bucket(Bucket="example-images-dr")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]
    assert region == "us-west-2"
    copied = contents(client, "example-images-dr")
    assert copied == contents(client, "example-images", below="originals/")
    assert {row["StorageClass"] for row in rows(client, "example-images-dr")} == {"STANDARD_IA"}
    head = client.head_object(Bucket="example-images-dr", Key="originals/0001.jpg")
    assert (head["Metadata"], head["ContentType"]) == ({"artist": "somebody"}, "image/jpeg")
    tags = client.get_object_tagging(Bucket="example-images-dr", Key="originals/0001.jpg")["TagSet"]
    assert tags == [{"Key": "album", "Value": "one"}]


def test_assets_then_pages_publishes_in_that_order_and_deletes_last(server: ServerProcess, tmp_path: Path) -> None:
    common: dict[str, Any] = {"size_bytes": 20, "synthetic": False}
    server.seed("example-build", keys=numbered("site/assets/{}.png", range(8)), **common)
    server.seed("example-build", keys=["site/index.html", "site/a/b.html", "site/notes.txt"], **common)
    server.seed("example-site", keys=["assets/old.png", "assets/0.png", "index.html"], size_bytes=9, synthetic=False)
    example = Example("assets-then-pages", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    assert totals(made)["delete"] == 1
    client = server.client()
    published = contents(client, "example-build", below="site/assets/")
    assert set(contents(client, "example-site")) == {key.removeprefix("site/") for key in published} | {
        "index.html",
        "a/b.html",
    }
    changes = [asked for asked in server.log() if asked.operation in {"CopyObject", "DeleteObjects"}]
    is_page = [(asked.key or "").endswith(".html") for asked in changes]
    assets = [number for number, asked in enumerate(changes) if (asked.key or "").endswith(".png")]
    assert max(assets) < is_page.index(True)
    assert "DeleteObjects" in {asked.operation for asked in changes[len(is_page) - is_page[::-1].index(True) :]}


def test_publish_a_site_sends_assets_before_pages_and_deletes_last(server: ServerProcess, tmp_path: Path) -> None:
    server.seed("example-site", keys=["assets/old.png", "assets/0.png", "index.html", "elsewhere.html"], size_bytes=9)
    for name in (*numbered("assets/{}.png", range(8)), "index.html", "a/b.html"):
        path = tmp_path / "public" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    made = Example("publish-a-site", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made)["delete"] == 1
    client = server.client()
    pages = {"index.html", "a/b.html", "elsewhere.html"}
    assert contents(client, "example-site").keys() == {*numbered("assets/{}.png", range(8)), *pages}
    page = client.get_object(Bucket="example-site", Key="a/b.html")
    assert (page["Body"].read(), page["ContentType"]) == (b"a/b.html", "text/html")
    sent = [asked.key or "" for asked in server.log() if asked.operation == "PutObject"]
    sent = [key for key in sent if key.endswith((".png", ".html"))]
    assert [key.endswith(".html") for key in sent] == [False] * 8 + [True] * 2
    changes = [asked.operation for asked in server.log() if asked.operation in {"PutObject", "DeleteObjects"}]
    assert changes[-1] == "DeleteObjects"


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


def test_planning_across_regions_does_not_make_the_bucket(server: ServerProcess, tmp_path: Path) -> None:
    server.seed("example-images", region="eu-central-1", keys=["originals/0001.jpg"])

    Example("copy-across-regions", folder=tmp_path, server=server).plan()

    buckets = [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]]
    assert buckets == ["example-images"]


def seed_reports(server: ServerProcess, *, at_source: int) -> None:
    """200 reports at both sides, of which the source has only the first so many; 5 of the mirror's are old."""
    reports = numbered("published/{:04d}.pdf", range(200))
    common: dict[str, Any] = {"size_bytes": 100, "synthetic": False, "modified_s": at(2024)}
    server.seed("example-reports", keys=[*reports[:at_source], "published/tmp/new"], **common)
    server.seed("example-reports", keys=["drafts/one"], **common)
    server.seed("example-reports-mirror", keys=reports, changed=[0, 1, 2, 3, 4], **common)
    server.seed("example-reports-mirror", keys=["published/tmp/old", "elsewhere/kept"], **common)


def test_mirror_with_guards_makes_the_mirror_equal_and_touches_nothing_else(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_reports(server, at_source=194)
    server.seed("example-reports", keys=["published/new.pdf"], size_bytes=50)
    client = server.client()
    before = contents(client, "example-reports-mirror")
    source = contents(client, "example-reports", below="published/")

    made = Example("mirror-with-guards", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made) == {"copy": 1, "overwrite": 5, "delete": 6, "unchanged": 189}
    kept = {key: before[key] for key in ("published/tmp/old", "elsewhere/kept")}
    del source["published/tmp/new"]
    assert contents(client, "example-reports-mirror") == source | kept
    assert contents(client, "example-reports", below="published/").keys() == {*source, "published/tmp/new"}


def test_mirror_with_guards_is_blocked_above_five_percent_until_exactly_that_number_is_allowed(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_reports(server, at_source=150)
    client = server.client()
    before = contents(client, "example-reports-mirror")
    example = Example("mirror-with-guards", folder=tmp_path, server=server)

    blocked = example.plan(exit_code=5)
    example.run("apply", "--expect", blocked["digest"], exit_code=5)

    guards = {guard["name"]: (guard["found"], guard["allowed"]) for guard in blocked["header"]["jobs"][0]["guards"]}
    assert guards["max_delete"] == (50, 10)
    assert contents(client, "example-reports-mirror") == before
    example.plan_and_apply("--allow", "max_delete=50")
    assert len(contents(client, "example-reports-mirror", below="published/0")) == 150


def test_mirror_with_guards_is_blocked_by_an_empty_source(server: ServerProcess, tmp_path: Path) -> None:
    seed_reports(server, at_source=0)

    blocked = Example("mirror-with-guards", folder=tmp_path, server=server).plan(exit_code=5)

    held = {guard["name"] for guard in blocked["header"]["jobs"][0]["guards"] if guard["held"]}
    assert held == {"max_delete", "refuse_empty_source"}


def test_back_up_a_folder_sends_what_changed_and_deletes_what_is_gone(server: ServerProcess, tmp_path: Path) -> None:
    server.seed("example-backup", keys=["elsewhere/kept", "documents/.cache/kept"], size_bytes=10)
    documents = tmp_path / "documents"
    for name in (*numbered("letters/{:02d}.txt", range(20)), "plan.html", ".cache/x", "letters/~01.tmp"):
        path = documents / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (at(2025), at(2025)))
    example = Example("back-up-a-folder", folder=tmp_path, server=server)

    first = example.plan_and_apply()
    (documents / "plan.html").write_text("<p>changed</p>")
    os.utime(documents / "plan.html", (at(2026), at(2026)))
    (documents / "letters" / "03.txt").unlink()
    (documents / "letters" / "20.txt").write_text("new")
    second = example.plan_and_apply()

    assert totals(first) == {"copy": 21}
    assert totals(second) == {"copy": 1, "overwrite": 1, "delete": 1, "unchanged": 19}
    client = server.client()
    kept = {f"documents/letters/{number:02d}.txt" for number in range(21) if number != 3}
    expected = {*kept, "documents/plan.html", "documents/.cache/kept", "elsewhere/kept"}
    assert contents(client, "example-backup").keys() == expected
    page = client.get_object(Bucket="example-backup", Key="documents/plan.html")
    assert (page["Body"].read(), page["ContentType"]) == (b"<p>changed</p>", "text/html")
    assert {row["StorageClass"] for row in rows(client, "example-backup") if row["Key"] in kept} == {"STANDARD_IA"}


def test_restore_a_folder_brings_back_what_is_missing_or_older_and_touches_nothing_else(
    server: ServerProcess, tmp_path: Path
) -> None:
    keys = [f"documents/letters/{number:02d}.txt" for number in range(20)]
    seeded = [*keys, "documents/../x"]
    server.seed("example-backup", keys=seeded, size_bytes=10, modified_s=at(2025), synthetic=False)  # of true ETags
    documents = tmp_path / "documents"
    (documents / "letters").mkdir(parents=True)
    for name, year in (("letters/00.txt", 2024), ("letters/01.txt", 2026), ("mine", 2024)):
        (documents / name).write_text("as it is here")
        os.utime(documents / name, (at(year), at(year)))
    example = Example("restore-a-folder", folder=tmp_path, server=server)

    made = example.plan()
    assert totals(made) == {"copy": 18, "overwrite": 1, "unchanged": 2, "conflict": 1}
    assert example.run("apply", "--expect", made["digest"], exit_code=3).event("run-ended")["counts"] == {"done": 19}

    client = server.client()
    for key in keys:
        if key != "documents/letters/01.txt":
            body = client.get_object(Bucket="example-backup", Key=key)["Body"].read()
            assert (tmp_path / key).read_bytes() == body
    assert {(documents / name).read_text() for name in ("letters/01.txt", "mine")} == {"as it is here"}
    assert not (tmp_path / "x").exists()
    assert example.plan(exit_code=3)["header"]["actions"] == 0


def seed_logs(server: ServerProcess, *, old: int, new: int) -> None:
    server.seed("example-archive", keys=[])
    server.seed("example-logs", keys=numbered("app/a/{:03d}.log.gz", range(old)), size_bytes=50, modified_s=at(2024))
    server.seed("example-logs", keys=numbered("app/b/{:03d}.log.gz", range(new)), size_bytes=50)
    server.seed("example-logs", keys=["app/a/index.html", "elsewhere/1.log.gz"], size_bytes=9, modified_s=at(2024))


def test_expire_old_logs_keeps_them_elsewhere_and_deletes_those_and_no_others(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_logs(server, old=20, new=80)
    client = server.client()
    old = contents(client, "example-logs", below="app/a/0")

    made = Example("expire-old-logs", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made) == {"copy": 20, "delete": 20, "skipped": 160}
    assert contents(client, "example-archive") == old
    kept = {*numbered("app/b/{:03d}.log.gz", range(80)), "app/a/index.html", "elsewhere/1.log.gz"}
    assert contents(client, "example-logs").keys() == kept
    changes = [asked.operation for asked in server.log() if asked.operation in {"CopyObject", "DeleteObjects"}]
    assert changes[-1] == "DeleteObjects"


def test_expire_old_logs_is_blocked_above_a_fifth_of_the_logs(server: ServerProcess, tmp_path: Path) -> None:
    seed_logs(server, old=21, new=79)
    example = Example("expire-old-logs", folder=tmp_path, server=server)

    blocked = example.plan(exit_code=5)
    example.run("apply", "--expect", blocked["digest"], exit_code=5)

    (guard,) = blocked["header"]["jobs"][1]["guards"]
    assert (guard["found"], guard["allowed"], guard["held"]) == (21, 20, True)
    assert len(contents(server.client(), "example-logs", below="app/a/0")) == 21


def test_move_finished_exports_takes_what_is_old_and_leaves_the_rest(server: ServerProcess, tmp_path: Path) -> None:
    server.seed("example-archive", keys=["exports/earlier.csv"], size_bytes=10)
    exports = tmp_path / "exports"
    for name, age_s in (("2024/01.csv", 9_000), ("2024/02.csv", 9_000), ("new.csv", 60), ("03.csv.part", 9_000)):
        path = exports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (time.time() - age_s,) * 2)

    made = Example("move-finished-exports", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made) == {"copy": 2, "skipped": 1, "unchanged": 1}
    assert sorted(str(path.relative_to(exports)) for path in exports.rglob("*")) == ["03.csv.part", "new.csv"]
    client = server.client()
    assert contents(client, "example-archive").keys() == {
        f"exports/{name}" for name in ("earlier.csv", "2024/01.csv", "2024/02.csv")
    }
    moved = client.get_object(Bucket="example-archive", Key="exports/2024/01.csv")
    assert (moved["Body"].read(), moved["StorageClass"]) == (b"2024/01.csv", "STANDARD_IA")


def test_filters_copies_what_its_readme_says_and_nothing_else(server: ServerProcess, tmp_path: Path) -> None:
    def album(key: str, *, size_bytes: int = 1000, year: int = 2025, storage_class: str = "STANDARD") -> None:
        server.seed(
            "example-photos",
            keys=[f"albums/{key}"],
            size_bytes=size_bytes,
            modified_s=at(year),
            storage_class=storage_class,
        )

    album("summer-2024/beach.jpg")
    album("summer-2024/crop/beach.png")
    album("winter-2025/snow.jpg", storage_class="STANDARD_IA")
    album("summer-2024/edge.jpg", size_bytes=50 * MIB)
    album("spring-2025/rain.jpg")
    album("summer-2024/raw/beach.jpg")
    album("summer-2024/beach-draft.jpg")
    album("summer-2024/beach.JPG")
    album("summer-2024/empty.jpg", size_bytes=0)
    album("summer-2024/huge.jpg", size_bytes=50 * MIB + 1)
    album("summer-2024/first.jpg", year=2023)
    album("summer-2024/rare.jpg", storage_class="GLACIER_IR")
    album("winter-2025/kept.jpg", year=2024)
    server.seed("example-web", keys=["albums/winter-2025/kept.jpg"], size_bytes=7, modified_s=at(2025))
    example = Example("filters", folder=tmp_path, server=server)

    made = example.plan_and_apply()

    copied = contents(server.client(), "example-web", below="albums/")
    assert copied.pop("albums/winter-2025/kept.jpg")[1] == 7
    assert {key.removeprefix("albums/"): size for key, (_, size) in copied.items()} == {
        "summer-2024/beach.jpg": 1000,
        "summer-2024/crop/beach.png": 1000,
        "summer-2024/edge.jpg": 50 * MIB,
        "winter-2025/snow.jpg": 1000,
    }
    assert totals(made) == {"copy": 4, "skipped": 4, "unchanged": 1}
    assert made["header"]["jobs"][0]["source"]["left_out"] == 4


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/job.yaml")))
def test_an_example_is_valid_as_it_lies_in_the_repository(name: str, tmp_path: Path) -> None:
    ended = Command(tmp_path, {}).run("validate", EXAMPLES / name / "job.yaml")

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ": valid: " in ended.stdout


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/job.yaml")))
def test_an_example_names_the_schema_that_completes_it(name: str) -> None:
    first_line = (EXAMPLES / name / "job.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = first_line.removeprefix("# yaml-language-server: $schema=")

    assert (EXAMPLES / name / schema).resolve() == GENERATED_FILE.resolve()


def test_s3_to_r2_relays_what_r2_can_hold_and_is_blocked_where_a_loss_is_not_allowed(
    server: ServerProcess, away_server: ServerProcess, tmp_path: Path
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
    away_server.reset()
    away_server.seed("example-media-r2", keys=[])
    token = {"R2_ACCESS_KEY_ID": "AKIATHERE", "R2_SECRET_ACCESS_KEY": "secret-there"}
    example = Example("s3-to-r2", folder=tmp_path, server=server, **token)
    example.lead_to(away_server.endpoint, instead_of="https://ACCOUNT.r2.cloudflarestorage.com")

    made = example.plan_and_apply()

    (job,) = made["header"]["jobs"]
    assert totals(made) == {"copy": 31}
    assert job["transfer"] == {"way": "relay", "why": "another endpoint"}
    here, there = server.client(), away_server.client()
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
