"""A row of the table of stores that a manifest names, for a store that does less: nothing is lost by believing it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.manifests import STORE
from fakes.workplace import MIRROR, PROBE, Workplace

OWN_KEY = {"type": "sse-c", "key": {"env": "PHOTO_KEY"}}


def named(place: Workplace, row: str, **sections: object) -> None:
    """Write a manifest whose connection names a row."""
    connection = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine, "store": row}
    place.manifest(connections={STORE: connection}, **sections)


def applied(place: Workplace, *, exit_code: int) -> str:
    """Apply; nothing of the destination may change. Returns what is said."""
    before = place.listed("destination")
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert place.listed("destination") == before, ended.output
    assert ended.exit_code == exit_code, ended.output
    return " ".join(ended.output.split())


@pytest.mark.parametrize(("mode", "exit_code"), [("no-batch-delete", 3), ("put-only", 4)])
def test_a_store_that_holds_no_pin_of_deletes_is_found_out_though_it_is_called_aws(
    place: Workplace, mode: str, exit_code: int
) -> None:
    """One that holds those of single deletes is sent these; one that holds none is sent none."""
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", "kept", size_bytes=10)
    place.seed("destination", "old", size_bytes=10)
    place.server.set_mode(conditions=mode)
    named(place, "aws", **MIRROR)
    place.plan()
    place.s3.put_object(Bucket="destination", Key="old", Body=b"written after the plan")
    applied(place, exit_code=exit_code)
    assert place.body("destination", "old") == b"written after the plan"


@pytest.mark.parametrize("row", ["aws", "r2"])
def test_a_store_that_holds_no_pin_of_writes_is_found_out_whatever_row_is_named(place: Workplace, row: str) -> None:
    (place.folder / "files").mkdir()
    (place.folder / "files" / "a").write_bytes(b"of the folder")
    place.buckets("destination")
    place.server.set_mode(conditions="none")
    named(place, row)
    path = place.folder / "job.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": "./files"}))
    place.plan()
    place.s3.put_object(Bucket="destination", Key="a", Body=b"written after the plan")
    assert "ignores conditions" in applied(place, exit_code=3)
    assert place.body("destination", "a") == b"written after the plan"


def test_a_store_that_takes_no_notice_of_keys_is_found_out_though_it_is_called_aws(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTO_KEY", "11" * 32)
    place.command = replace(place.command, variables={**place.command.variables, "PHOTO_KEY": "11" * 32})
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.server.set_mode(ignores_customer_keys=True)
    named(place, "aws", destination={"encryption": OWN_KEY})
    place.plan()
    assert "takes no notice of keys of SSE-C" in applied(place, exit_code=4)


def test_a_bucket_with_two_names_is_not_moved_onto_itself_though_its_store_is_called_aws(place: Workplace) -> None:
    place.seed("source", "in/a", body="bytes of a")
    place.server.set_mode(aliases={"another-name": "source"})
    named(place, "aws", source="s3://source/in/", destination="s3://another-name/in/", mode="move")
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert place.keys("source") == {"in/a"}, ended.output
    assert ended.exit_code == 4
    assert not [key for key in place.keys("source") if PROBE in key]
