"""What the destination's store does not have is lost only by the manifest's word, and named before anything is done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import s3plan
from fakes.relay_place import ORIGIN, STORE, RelayPlace
from functional.carried_objects import LARGE, NOTHING, SMALL, SOURCE, carried, prepare
from s3plan.schemas.errors import GuardRefused
from unit.planfile.plan_samples import change

REASONS = {
    "tags": "tags are not kept: Swift has none",
    "storage_class": "storage classes are not kept: Swift does not have STANDARD_IA (2 objects)",
}


def write_job(place: RelayPlace, *, store: str, **sections: object) -> None:
    """Write the manifest of a job into a store that is named as one of a kind."""
    place.rows = {ORIGIN: "aws", STORE: store}
    place.manifest(run={"multipart_threshold": "5MiB", "part_size": "5MiB"}, **sections)


def test_a_plan_that_loses_something_is_held_until_the_manifest_allows_just_that(relay_place: RelayPlace) -> None:
    place = relay_place
    prepare(place)
    write_job(place, store="swift", allow_loss=["storage_class"])
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 5, ended.output
    assert f"tags: {REASONS['tags']}" in ended.stderr
    assert "To allow that loss, write in the manifest: allow_loss: [tags]" in ended.stderr
    assert "STANDARD_IA" not in ended.stderr  # that one is allowed
    screen = " ".join(ended.stdout.split())
    assert f"tags BLOCKED {REASONS['tags']}" in screen
    assert f"storage_class allowed {REASONS['storage_class']}" in screen
    refused = place.command.run("apply", place.plan_file, "--yes")
    assert refused.exit_code == 5, refused.output
    assert "allow_loss: [tags]" in refused.stderr
    assert place.keys("destination") == set()

    write_job(place, store="swift", allow_loss=["tags", "storage_class"])
    place.plan()
    assert place.apply().exit_code == 0
    for key in (SMALL, LARGE):
        assert carried(place.s3, "destination", key) == replace(SOURCE, tags={}, storage_class="STANDARD")
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes
    assert again.header.jobs[0].losses == ()


def test_what_is_not_kept_is_no_loss_and_a_store_that_has_it_loses_nothing(relay_place: RelayPlace) -> None:
    place = relay_place
    prepare(place)
    write_job(place, store="swift", preserve=["metadata", "content"])
    assert place.plan().header.jobs[0].losses == ()
    write_job(place, store="aws")
    made = place.plan()
    assert made.header.jobs[0].losses == ()
    assert place.apply().exit_code == 0
    for key in (SMALL, LARGE):
        assert carried(place.s3, "destination", key) == SOURCE


@pytest.mark.parametrize(
    ("destination", "what", "reason"),
    [
        ({"tags": {"class": "photo"}}, "tags", "tags are not set: Swift has none"),
        (
            {"encryption": {"type": "AES256"}},
            "encryption",
            "encryption AES256 is not done as asked for: Swift does not do it",
        ),
        ({"checksum_algorithm": "sha256"}, "checksum", "objects get no SHA256: Swift makes none"),
    ],
)
def test_what_a_job_asks_for_and_the_store_has_not_is_a_loss_of_files_too(
    relay_place: RelayPlace, destination: dict[str, Any], what: str, reason: str
) -> None:
    place = relay_place
    prepare(place)
    write_job(place, store="swift", destination=destination)
    document = json.loads((place.folder / "job.yaml").read_text())
    del document["connections"][ORIGIN]
    document["source"] = "./files"
    (place.folder / "job.yaml").write_text(json.dumps(document))
    (loss,) = place.plan().header.jobs[0].losses
    assert (loss.what, loss.reason, loss.allowed) == (what, reason, False)
    with pytest.raises(GuardRefused, match=what):
        place.apply()
    (place.folder / "job.yaml").write_text(json.dumps(document | {"allow_loss": what}))
    place.plan()
    assert place.apply().exit_code == 0
    assert carried(place.s3, "destination", SMALL).tags == {}


def test_an_encryption_that_may_be_lost_is_not_asked_for(relay_place: RelayPlace) -> None:
    place = relay_place
    prepare(place)
    encryption = {"type": "aws:kms", "key_id": "a-key", "bucket_key": True}
    destination = {"encryption": encryption, "tags": {"a": "b"}, "checksum_algorithm": "sha256"}
    allowed = ["encryption", "tags", "checksum"]
    write_job(place, store="swift", destination=destination, allow_loss=allowed, preserve=[])
    told = place.command.run("plan", "job.yaml")
    assert told.exit_code == 0, told.output
    new_objects = told.stdout.partition("new objects")[2].partition("Losses")[0]
    assert "encryption: the bucket's default\n" in new_objects  # and not what is lost
    assert "a=b" not in new_objects
    assert place.apply().exit_code == 0
    for key in (SMALL, LARGE):
        assert carried(place.s3, "destination", key) == NOTHING


def forge(place: RelayPlace, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    with closing(sqlite3.connect(place.plan_file)) as database:
        (text,) = database.execute("SELECT document FROM header").fetchone()
    header = json.loads(text)
    edit(header["jobs"][0].setdefault("losses", []))
    quoted = json.dumps(header).replace("'", "''")
    change(place.plan_file, f"UPDATE header SET document = '{quoted}'", reseal=True)


@pytest.mark.parametrize(
    ("store", "edit"),
    [
        ("swift", lambda losses: [loss.update(allowed=True) for loss in losses]),
        ("swift", lambda losses: losses.clear()),
        ("aws", lambda losses: losses.append({"what": "tags", "reason": "no", "allowed": True})),
        ("aws", lambda losses: losses.append({"what": "encryption", "reason": "no", "allowed": True})),
        ("aws", lambda losses: losses.append({"what": "storage_class", "reason": "no", "allowed": True})),
    ],
    ids=["allowed", "left out", "tags", "encryption", "classes"],
)
def test_a_plan_that_was_made_to_allow_a_loss_is_refused(
    relay_place: RelayPlace, store: str, edit: Callable[[list[dict[str, Any]]], object]
) -> None:
    place = relay_place
    prepare(place)
    write_job(place, store=store)
    place.plan()
    forge(place, edit)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "allows other losses for job 'job'" in " ".join(ended.stderr.split())
    assert place.keys("destination") == set()


def test_a_store_that_is_not_known_is_given_no_class_of_another_one_without_a_word(relay_place: RelayPlace) -> None:
    place = relay_place
    prepare(place)
    write_job(place, store="unknown")
    (loss,) = place.plan().header.jobs[0].losses
    assert (loss.what, loss.objects) == ("storage_class", 2)
    assert "is not known to have STANDARD_IA" in loss.reason
