"""What is moved onto itself would be lost: a place under two names is found out before anything is removed."""

from __future__ import annotations

import json

import pytest
from fakes.manifests import STORE
from fakes.workplace import PROBE, Workplace, counted


def write_job(place: Workplace, source: str, destination: str, **settings: object) -> None:
    ends = {"source": source, "destination": destination}
    places = {end: {"url": f"s3://{url}", "connection": STORE} for end, url in ends.items()}
    connections = {STORE: {"endpoint": place.server.endpoint, "region": "us-east-1"}}
    manifest = {"version": 1, "name": "job", "connections": connections, **places, **settings}
    (place.folder / "job.yaml").write_text(json.dumps(manifest))


@pytest.fixture
def aliased(place: Workplace) -> Workplace:
    place.seed("source", "in/a", body="bytes of a")
    place.server.set_mode(aliases={"another-name": "source"})
    return place


def test_a_bucket_is_not_moved_onto_itself_under_another_name(aliased: Workplace) -> None:
    for source, destination in (("source/in/", "another-name/in/"), ("another-name/", "source/")):
        write_job(aliased, source, destination, mode="move")
        assert aliased.command.run("plan", "job.yaml").exit_code == 0
        ended = aliased.command.run("apply", "--yes")
        assert aliased.keys("source") == {"in/a"}, ended.output
        assert aliased.body("source", "in/a") == b"bytes of a"
        assert ended.exit_code == 4
        assert "are one place under two names" in " ".join(ended.output.split())


def test_another_folder_of_that_bucket_may_be_moved_to(aliased: Workplace) -> None:
    write_job(aliased, "source/in/", "another-name/out/", mode="move")
    aliased.plan()
    assert counted(aliased.apply()) == {"done": 2}
    assert aliased.keys("source") == {"out/a"}
    assert not [key for key in aliased.keys("source") if PROBE in key]


@pytest.mark.parametrize("mode", ["mirror", "move"])
@pytest.mark.parametrize(("source", "destination"), [("source/in/", "another-name/"), ("source/", "another-name/in/")])
def test_no_place_within_the_source_or_around_it_is_deleted_from_under_another_name(
    aliased: Workplace, mode: str, source: str, destination: str
) -> None:
    aliased.seed("source", "in/cold", body="cannot be copied", storage_class="GLACIER")
    more = {"guards": {"max_delete": "100%"}, "delete": {"extraneous": True}} if mode == "mirror" else {}
    write_job(aliased, source, destination, mode=mode, **more)
    aliased.plan()
    ended = aliased.command.run("apply", "--yes")
    assert aliased.keys("source") == {"in/a", "in/cold"}, ended.output
    assert ended.exit_code == 4
    assert "overlap, in one bucket under two names" in " ".join(ended.output.split())
