"""The command on MiniStack, which ignores what a copy expects of its destination and keeps every other pin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import pytest
from functional import test_checksum_algorithms as sums
from functional.carried_objects import (
    CASES,
    COPIES,
    LARGE,
    SMALL,
    SOURCE,
    Carried,
    carried,
    prepare,
    write_jobs,
)
from functional.server_connections import ServerConnections
from functional.server_folders import ServerFolderJourneys
from functional.server_journeys import OnServer, Place, ServerJourneys, ServerListings
from s3plan.schemas.plan.conditions import Condition, Enforcement
from servers.ministack import MiniStack
from servers.ready import ready


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ready(MiniStack(tmp_path_factory.mktemp("ministack"))) as server:
        yield server


class TestMiniStackListings(ServerListings):
    pass


class TestMiniStackFolders(ServerFolderJourneys):
    """Before those that make a bucket in another region: the server takes none without one afterwards."""


_CAPABILITIES: Mapping[Condition, Enforcement] = {
    **dict.fromkeys(Condition, Enforcement.ENFORCED),
    Condition.COPY_ABSENT: Enforcement.CHECKED,
    Condition.COPY_MATCH: Enforcement.CHECKED,
}


class TestMiniStackConnections(ServerConnections):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]] = _CAPABILITIES


class TestMiniStackObjects(OnServer):
    def test_what_objects_carry_is_kept_set_added_and_dropped(self, place: Place) -> None:
        prepare(place)
        write_jobs(place)
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        expected = {
            f"{name}/{key}": _as_kept(name, case.expected, key)
            for name, case in CASES.items()
            for key in (SMALL, LARGE)
        }
        wrong = {
            key: (found, wanted)
            for key, wanted in expected.items()
            if (found := carried(place.s3, "destination", key)) != wanted
        }
        assert wrong == {}


class TestMiniStackChecksums(OnServer):
    @pytest.mark.sampled(1)
    @pytest.mark.parametrize("way", ["relay", "upload"])
    def test_new_objects_have_the_checksum_that_was_asked_for_as_far_as_the_server_makes_it(
        self, place: Place, way: str
    ) -> None:
        """It heeds no type of an upload's checksum: of parts it makes one of their sums. That is told as a loss."""
        sums.prepare(place)
        path = sums.write_jobs(place, ways=(way,))
        place.plan()
        refused = place.command.run("apply", place.plan_file, "--yes")
        assert refused.exit_code == 5, refused.output
        assert "objects that are made of parts do not get their CRC64NVME" in " ".join(refused.stderr.split())
        document = json.loads(path.read_text())
        for algorithm in ("crc64nvme", "crc32", "crc32c"):
            document["jobs"][f"{way}-{algorithm}"]["allow_loss"] = "checksum"
        path.write_text(json.dumps(document))
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        made = [(algorithm, key) for algorithm in ("sha1", "sha256") for key in sums.CONTENTS]
        wrong = {
            (algorithm, key): (found, wanted)
            for algorithm, key in made
            if (found := sums.found(place.s3, f"{way}-{algorithm}/{key}", algorithm))
            != (wanted := sums.expected(key, algorithm))
        }
        assert wrong == {}
        for algorithm in sums.ALGORITHMS:
            assert place.body("destination", f"{way}-{algorithm}/large") == sums.CONTENTS["large"]


def _as_kept(name: str, expected: Carried, key: str) -> Carried:
    """Return what the server makes of it: no tags with an upload in parts, no encryption of its own, no bucket keys.

    A copy in one request keeps the encoding and the storage class of its source where none is given.
    """
    headers, storage_class, (kind, key_id, _) = dict(expected.headers), expected.storage_class, expected.encryption
    if name in COPIES and key == SMALL:
        headers = {"content_encoding": SOURCE.headers["content_encoding"]} | headers
        storage_class = SOURCE.storage_class if storage_class == "STANDARD" else storage_class
    tags = {} if key == LARGE else expected.tags
    encryption = (kind, key_id, False) if kind == "aws:kms" or "encrypted" in name else (None, None, False)
    return replace(expected, headers=headers, tags=tags, storage_class=storage_class, encryption=encryption)


class TestMiniStack(ServerJourneys):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]] = _CAPABILITIES

    LOSES_TAGS_OF_UPLOADS = True  # it takes the header of CreateMultipartUpload and forgets it

    def test_in_a_bucket_with_versions_a_probe_leaves_none_and_no_delete_marker(self, place: Place) -> None:
        place.seed("source", "new")
        place.buckets("destination")
        versioning = {"Status": "Enabled"}
        place.s3.put_bucket_versioning(Bucket="destination", VersioningConfiguration=versioning)
        place.manifest()
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        found = place.s3.list_object_versions(Bucket="destination")
        assert [row["Key"] for row in [*found["Versions"], *found.get("DeleteMarkers", ())]] == ["new"]

    def test_a_move_hides_what_it_removes_from_a_bucket_with_versions_and_destroys_none(self, place: Place) -> None:
        place.buckets("source", "destination")
        place.s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"older", b"newer"):
            place.s3.put_object(Bucket="source", Key="moved", Body=body)
        place.manifest(mode="move")
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        assert (place.keys("source"), place.body("destination", "moved")) == (set(), b"newer")
        found = place.s3.list_object_versions(Bucket="source", Prefix="moved")
        assert len(found["Versions"]) == 2
        assert [row["Key"] for row in found["DeleteMarkers"]] == ["moved"]

    def test_apply_says_that_copies_rest_on_a_look(self, place: Place) -> None:
        place.seed("source", "new", "changed")
        place.seed("destination", "changed", size_bytes=11)
        place.manifest()
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        assert "ignores conditions (copy-absent, copy-match)" in ended.stderr

    def test_a_missing_destination_is_created_in_its_region(self, place: Place) -> None:
        """As AWS does, this server answers 301 to a HeadBucket that comes from another region."""
        place.seed("source", "new")
        place.carry_out(destination={"create": True, "region": "eu-central-1"})
        assert place.s3.get_bucket_location(Bucket="destination")["LocationConstraint"] == "eu-central-1"
        assert place.keys("destination") == {"new"}
