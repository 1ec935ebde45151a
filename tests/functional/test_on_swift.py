"""The command on OpenStack Swift, which has no atomic conditions, no If-Match for writes, and no tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from fakes.customer_keys import ONE, set_keys, sse_c
from fakes.folder_jobs import write_files, write_folder_job
from fakes.manifests import write_manifest
from fakes.workplace import WorkplaceOn
from functional.carried_objects import (
    HEADERS,
    LARGE,
    NOTHING,
    SMALL,
    SOURCE,
    WRITTEN,
    Carried,
    Case,
    carried,
    prepare,
    write_jobs,
)
from functional.server_connections import ServerConnections
from functional.server_folders import ServerFolderJourneys
from functional.server_journeys import OnServer, Place, ServerJourneys, ServerListings
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.conditions import Condition, Enforcement
from servers.ready import ready
from servers.swift import Swift


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with ready(Swift(tmp_path_factory.mktemp("swift"))) as server:
        yield server


class TestSwiftListings(ServerListings):
    ROWS_IN_A_PAGE = 200


_CAPABILITIES: Mapping[Condition, Enforcement] = {
    Condition.COPY_SOURCE_MATCH: Enforcement.ENFORCED,
    Condition.COPY_ABSENT: Enforcement.CHECKED,  # every copy with If-None-Match is answered 412
    Condition.COPY_MATCH: Enforcement.CHECKED,  # 501, as for every write with If-Match
    Condition.PART_SOURCE_MATCH: Enforcement.ENFORCED,
    Condition.COMPLETE_ABSENT: Enforcement.NOT_ATOMIC,
    Condition.COMPLETE_MATCH: Enforcement.CHECKED,
    Condition.PUT_ABSENT: Enforcement.NOT_ATOMIC,
    Condition.PUT_MATCH: Enforcement.CHECKED,
    Condition.DELETE_MATCH: Enforcement.NOT_ATOMIC,
    Condition.BATCH_DELETE_MATCH: Enforcement.CHECKED,
}


class TestSwiftObjects(OnServer):
    def test_what_objects_carry_is_kept_set_added_and_dropped_and_tags_are_a_named_loss(self, place: Place) -> None:
        prepare(place, source=_SOURCE)
        write_jobs(place, _CASES)
        path = place.folder / "job.yaml"
        document = json.loads(path.read_text())
        document["connections"]["store"]["store"] = "swift"
        document["jobs"]["up-set"]["destination"]["tags"] = {"class": "fine"}
        path.write_text(json.dumps(document))
        held = place.command.run("plan", "job.yaml")
        assert held.exit_code == 5, held.output
        assert "up-set.tags: tags are not set: Swift has none" in held.stderr
        document["jobs"]["up-set"]["allow_loss"] = "tags"
        path.write_text(json.dumps(document))
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        wrong = {
            f"{name}/{key}": (found, case.expected)
            for name, case in _CASES.items()
            for key in (SMALL, LARGE)
            if (found := carried(place.s3, "destination", f"{name}/{key}", has_tags=False)) != case.expected
        }
        assert wrong == {}


_UNENCRYPTED = (None, None, False)
_SOURCE = replace(SOURCE, tags={}, storage_class="STANDARD", encryption=_UNENCRYPTED)
_SET: Mapping[str, object] = {**WRITTEN, "metadata": {"team": "print"}}
_COPIES = {
    "kept": Case(_SOURCE),
    "kept-only-metadata": Case(replace(_SOURCE, headers=NOTHING.headers), preserve=["metadata"]),
    "dropped-by-name": Case(replace(_SOURCE, metadata={"team": "media"}), {"metadata": {"drop": ["old"]}}),
    "set": Case(replace(_SOURCE, headers=HEADERS, metadata={**SOURCE.metadata, "team": "print"}), _SET),
}
_CASES = {
    **_COPIES,
    **{f"relayed-{name}": case for name, case in _COPIES.items()},
    "up-set": Case(Carried(HEADERS, {"team": "print"}, encryption=_UNENCRYPTED), _SET),
}


class TestSwiftConnections(ServerConnections):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]] = _CAPABILITIES
    LACKS = frozenset({"write tags"})


class TestSwift(ServerJourneys):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]] = _CAPABILITIES
    TAGS: ClassVar[Mapping[str, str]] = {}

    def test_a_wrong_secret_is_told_before_anything_is_written(self, place: Place) -> None:
        """The only server of the tests that is not of our making and looks at signatures."""
        place.seed("source", "new")
        place.buckets("destination")
        place.manifest()
        place.plan()
        command = replace(place.command, variables={**place.command.variables, "AWS_SECRET_ACCESS_KEY": "wrong"})
        for ended in (command.run("plan", "job.yaml", "-o", "other.s3plan"), command.run("apply", "--yes")):
            assert ended.exit_code == 10, ended.output
            assert "SignatureDoesNotMatch" in ended.stderr
        assert place.keys("destination") == set()


class TestSwiftFolders(ServerFolderJourneys):
    ALLOWS_CHECKED = True


@pytest.mark.parametrize("engine", ["native", "crt", "boto3"], indirect=True)
class TestSwiftWithoutRegion(OnServer):
    def test_nobody_needs_to_name_a_region(self, place: Place) -> None:
        """This server looks at the region that a signature is for, and HeadBucket does not tell which is right."""
        place.seed("source", "one", "two/three")
        place.buckets("destination")
        write_manifest(
            place.folder,
            endpoint=place.server.endpoint,
            connections={"store": {"endpoint": place.server.endpoint, "engine": place.engine}},
        )
        unnamed = {name: value for name, value in place.command.variables.items() if "REGION" not in name}
        command = replace(place.command, variables=unnamed)
        for words in (["plan", "job.yaml"], ["apply", "--yes"]):
            ended = command.run(*words)
            assert ended.exit_code == 0, ended.output
        assert place.keys("destination") == {"one", "two/three"}


def test_no_file_goes_up_under_a_key_that_the_store_takes_no_notice_of(
    store: Swift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.renew()
    place = WorkplaceOn(tmp_path, store)
    with place.at_work(monkeypatch):
        set_keys(place, monkeypatch)
        place.buckets("destination")
        write_files(tmp_path / "photos", "a")
        destination = {"url": "s3://destination/up/", **sse_c("encryption", ONE)}
        write_folder_job(place, source="./photos", destination=destination)
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 4, ended.output
        assert "this store takes no notice of keys of SSE-C" in ended.stderr
        assert place.keys("destination") == set()
        document = json.loads((tmp_path / "job.yaml").read_text())
        document["connections"]["store"]["store"] = "swift"
        (tmp_path / "job.yaml").write_text(json.dumps(document))
        with pytest.raises(PlanRefused, match="stores of the kind swift have no SSE-C"):
            place.plan()
