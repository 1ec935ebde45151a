"""What the benchmark of relays gives its tools, and when it takes the work for done; nothing is timed here."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from fakes.checkout import ROOT
from fakes.s3server import ServerProcess
from s3plan.planner.manifest.file import load_manifest
from s3plan.schemas.manifest.words import Preserve

sys.path.append(str(ROOT))  # benchmarks/ is part of the repository, not of the package

from benchmarks.relayed_objects import differences, fill_source
from benchmarks.relays import RelayWork, relay_manifest, relay_ways, relay_works
from benchmarks.tools import Peer


def test_works_are_those_that_were_asked_for() -> None:
    options = Namespace(works="large,small", objects=7, object_bytes=3, large_bytes=11)
    assert relay_works(options) == [RelayWork("small", 7, 3), RelayWork("large", 1, 11)]
    assert relay_works(Namespace(**vars(options) | {"works": "large"})) == [RelayWork("large", 1, 11)]


def test_rclone_runs_as_it_comes_and_beside_that_with_more_at_a_time() -> None:
    own, untagged, plain, many = relay_ways([Peer("rclone", "v1", "/opt/rclone")])
    assert own.before is not None
    assert (untagged.command, untagged.before) == (own.command, own.before)
    assert plain.command.arguments[:2] == ("/opt/rclone", "copy")
    assert many.command.arguments[: len(plain.command.arguments)] == plain.command.arguments
    assert "--transfers" in many.command.arguments


def test_the_manifest_names_both_stores_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(relay_manifest("http://127.0.0.1:1", "http://127.0.0.1:2"))
    manifest = load_manifest(path).manifest
    assert {each.store for each in manifest.connections.values()} == {None}
    assert {name: each.endpoint for name, each in manifest.connections.items()} == {
        "source": "http://127.0.0.1:1",
        "destination": "http://127.0.0.1:2",
    }


def test_the_way_without_tags_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    ends = ("http://127.0.0.1:1", "http://127.0.0.1:2")
    path.write_text(relay_manifest(*ends, run="{ part_size: 8MiB }", with_tags=False))
    (job,) = load_manifest(path).manifest.jobs.values()
    assert set(job.preserve or ()) == set(Preserve) - {Preserve.TAGS, Preserve.MTIME}
    path.write_text(relay_manifest(*ends))
    (job,) = load_manifest(path).manifest.jobs.values()
    assert job.preserve is None  # all that an object has


def test_a_work_is_done_only_if_each_object_is_there_with_its_bytes(server: ServerProcess) -> None:
    for bucket in ("source", "destination"):
        server.seed(bucket, keys=[])
    fill_source(server.endpoint, "source", "data/", objects=3, object_bytes=100)
    s3 = server.client()
    keys = [f"data/{number:08d}.bin" for number in range(3)]
    for key in keys:
        s3.put_object(Bucket="destination", Key=key, Body=s3.get_object(Bucket="source", Key=key)["Body"].read())
    assert differences(server.endpoint, "source", server.endpoint, "destination") == ""
    s3.put_object(Bucket="destination", Key=keys[0], Body=b"x" * 100)
    s3.delete_object(Bucket="destination", Key=keys[1])
    s3.put_object(Bucket="destination", Key="other", Body=b"")
    said = differences(server.endpoint, "source", server.endpoint, "destination")
    assert said == "1 objects are missing, 1 differ, 1 are extra"


def test_large_objects_are_put_in_parts(server: ServerProcess) -> None:
    server.seed("source", keys=[])
    fill_source(server.endpoint, "source", "data/", objects=1, object_bytes=(16 << 20) + 1)
    head = server.client().head_object(Bucket="source", Key="data/00000000.bin")
    assert (head["ContentLength"], head["ETag"].strip('"').partition("-")[2]) == ((16 << 20) + 1, "2")
