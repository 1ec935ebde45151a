"""Examples with a folder on one side do what their READMEs say: planned, applied and planned again."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fakes.examples import Example, at, contents, numbered, rows, totals
from fakes.s3server import ServerProcess


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
