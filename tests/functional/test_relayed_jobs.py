"""Whole jobs from store to store: moves, mirrors, audits, retries; and who copies where connections share a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.relay_place import RelayPlace
from fakes.s3server import Fault, FaultKind
from fakes.workplace import MIRROR, Workplace, counted


def test_a_move_removes_its_source_once_what_came_there_is_proved(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "a", "b", body="bytes")
    place.seed("source", "there", body="the same")
    place.seed("source", "lost", body="never arrives")
    place.server.seed("destination", keys=["there"], body="the same")
    place.manifest(mode="move", guards={"max_delete": "100%"})
    place.plan()
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="PutObject", key="lost", times=None)])
    report = place.apply()
    assert (place.keys("source"), place.keys("destination")) == ({"lost"}, {"a", "b", "there"})
    assert report.exit_code == 3
    place.server.clear_faults()
    assert place.apply().exit_code == 0
    assert (place.keys("source"), place.keys("destination")) == (set(), {"a", "b", "there", "lost"})


def test_a_mirror_deletes_what_the_other_store_does_not_have_any_more(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "a", body="bytes")
    place.server.seed("destination", keys=["a", "extra"], body="other bytes")
    place.carry_out(**MIRROR, guards={"max_delete": "100%"})
    assert place.keys("destination") == {"a"}
    assert place.body("destination", "a") == b"bytes"


def test_an_audit_compares_two_stores(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "same", "different", "missing", body="bytes")
    place.server.seed("destination", keys=["same", "extra"], body="bytes")
    place.server.seed("destination", keys=["different"], body="bites")
    place.manifest()
    ended = place.command.run("verify", "job.yaml", "--json")
    assert ended.exit_code == 9, ended.output
    found = {line["key"]: line["finding"] for text in ended.stdout.splitlines() if "key" in (line := json.loads(text))}
    assert found == {"different": "different", "missing": "missing", "extra": "extra"}


def test_what_did_not_end_well_is_retried_by_relay(relay_place: RelayPlace) -> None:
    place = relay_place
    place.buckets()
    place.seed("source", "a", "b", body="bytes")
    place.manifest()
    place.plan()
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="PutObject", key="b", times=None)])
    assert place.apply().exit_code == 3
    place.server.clear_faults()
    assert place.command.run("retry", ".s3plan/job.s3plan").exit_code == 0
    retry = ".s3plan/job.retry-1.s3plan"
    document = json.loads(place.command.run("show", "--json", retry).stdout)
    assert [action["kind"] for action in document["actions"]] == ["relay"]
    assert place.command.run("apply", retry, "--yes").exit_code == 0
    place.assert_same_content()


def write(place: Workplace, **sections: object) -> Path:
    """Write a job between two connections to one server: the keys of each are in the environment."""
    connections = {
        name: {"endpoint": place.server.endpoint, "region": "us-east-1", "env_prefix": f"{name.upper()}_"}
        for name in ("from", "into")
    }
    places = {
        side: {"url": f"s3://{side}/", "connection": name}
        for side, name in (("source", "from"), ("destination", "into"))
    }
    path = place.folder / "job.yaml"
    path.write_text(json.dumps({"version": 1, "name": "job", **places, "connections": connections, **sections}))
    return path


@pytest.fixture
def with_keys(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    for prefix in ("FROM_", "INTO_"):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(prefix + name.removeprefix("AWS_"), place.command.variables[name])
            monkeypatch.setenv(prefix + name, place.command.variables[name])
    place.buckets()
    place.seed("source", "a", "b", body="bytes")
    return place


def test_one_store_copies_by_itself_what_the_destinations_credentials_can_read(with_keys: Workplace) -> None:
    write(with_keys)
    made = with_keys.plan()
    assert str(made.header.jobs[0].transfer) == "server-side: the destination's credentials may read the source"
    assert counted(with_keys.apply()) == {"done": 2}
    assert with_keys.server.stats().requested("CopyObject") >= 2
    with_keys.assert_same_content()


def test_what_the_destinations_credentials_may_not_read_is_relayed(with_keys: Workplace) -> None:
    write(with_keys)
    with_keys.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="HeadObject", times=None)])
    made = with_keys.plan()
    with_keys.server.clear_faults()
    why = "relay: the destination's credentials may not read the source (403)"
    assert str(made.header.jobs[0].transfer) == why
    assert counted(with_keys.apply()) == {"done": 2}
    assert with_keys.server.stats().answered("PutObject") >= 2
    with_keys.assert_same_content()


@pytest.mark.parametrize("word", ["relay", "server-side"])
def test_a_manifest_has_the_last_word(with_keys: Workplace, word: str) -> None:
    write(with_keys, transfer=word)
    made = with_keys.plan()
    assert str(made.header.jobs[0].transfer) == f"{word}: as the manifest says"
    assert with_keys.server.stats().requested("HeadObject") == 0
    assert counted(with_keys.apply()) == {"done": 2}
    with_keys.assert_same_content()
