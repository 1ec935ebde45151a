"""What objects carry is kept, set, added and dropped alike, whatever way they take; read by boto3."""

from __future__ import annotations

import json

import pytest
import s3plan
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace
from functional.carried_objects import (
    CASES,
    COPIES,
    HEADERS,
    LARGE,
    SMALL,
    SOURCE,
    carried,
    prepare,
    write_jobs,
)


@BY_BOTH_ENGINES
def test_each_attribute_is_kept_set_added_or_dropped_whatever_way_the_object_takes(place: Workplace) -> None:
    prepare(place)
    write_jobs(place)
    place.plan()
    report = place.apply()
    assert (report.exit_code, report.messages) == (0, ()), report
    wrong = {
        f"{name}/{key}": (found, case.expected)
        for name, case in CASES.items()
        for key in (SMALL, LARGE)
        if (found := carried(place.s3, "destination", f"{name}/{key}")) != case.expected
    }
    assert wrong == {}
    assert carried(place.s3, "source", SMALL) == SOURCE
    assert not s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan").has_changes


def test_what_is_only_kept_costs_no_request_and_what_is_changed_one_look_at_each_source(place: Workplace) -> None:
    prepare(place)
    asked = {}
    for name in ("kept", "dropped", "added"):
        write_jobs(place, {name: COPIES[name]})
        before = len(place.server.log())
        place.plan()
        assert place.apply().exit_code == 0
        asked[name] = [
            entry.operation
            for entry in place.server.log()[before:]
            if entry.key == SMALL and entry.operation in {"HeadObject", "GetObjectTagging"}
        ]
        place.plan_file.unlink()
        place.journal.unlink()
    assert asked == {"kept": [], "dropped": [], "added": ["HeadObject", "GetObjectTagging"]}


def test_a_plan_says_what_new_objects_keep_and_are_given(place: Workplace) -> None:
    prepare(place)
    write_jobs(place, {name: COPIES[name] for name in ("kept", "kept-only-tags", "set", "dropped-by-name", "dropped")})
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 0, ended.output
    screen = " ".join(ended.stdout.split())
    assert "kept tags; not metadata, content headers, storage class" in screen
    assert "kept nothing of what the source objects carry" in screen
    for word, value in HEADERS.items():
        assert f"{word}: {value}" in screen
    assert "metadata team=print" in screen
    assert "tags class=fine" in screen
    assert "dropped metadata old; tags a b" in screen
    shown = place.command.run("show", place.plan_file, "--job", "set")
    assert "metadata team=print" in " ".join(shown.stdout.split())
    told = json.loads(place.command.run("show", place.plan_file, "--json").stdout)
    jobs = {job["name"]: job["settings"]["objects"] for job in told["header"]["jobs"]}
    assert jobs["kept-only-tags"]["preserve"] == ["tags"]
    assert jobs["set"]["metadata"] == {"set": {"team": "print"}, "drop": []}


def test_another_value_of_what_is_set_is_no_change_of_an_object_that_is_there(place: Workplace) -> None:
    """Plans compare bytes; `overwrite: always` writes what is there once more, with what is set now."""
    prepare(place)
    write_jobs(place, {"set": COPIES["set"]})
    place.plan()
    assert place.apply().exit_code == 0
    path = place.folder / "job.yaml"
    document = json.loads(path.read_text())
    document["jobs"]["set"]["destination"]["metadata"] = {"team": "web"}
    path.write_text(json.dumps(document))
    assert not s3plan.plan(path, output=place.folder / "again.s3plan").has_changes
    document["jobs"]["set"]["overwrite"] = "always"
    path.write_text(json.dumps(document))
    place.plan()
    assert place.apply().exit_code == 0
    for key in (SMALL, LARGE):
        assert carried(place.s3, "destination", f"set/{key}").metadata == {"team": "web", "old": "1"}


@pytest.mark.parametrize("key", [SMALL, LARGE])
def test_metadata_that_do_not_fit_together_fail_that_object_and_name_the_store_s_reason(
    place: Workplace, key: str
) -> None:
    prepare(place)
    body = b"x" * (100 if key == SMALL else 6 * MIB)
    place.s3.put_object(Bucket="source", Key=key, Body=body, Metadata={"a": "b" * 2000})
    case = COPIES["added"]
    write_jobs(place, {"added": type(case)(case.expected, {"metadata": {"new": "c" * 100}})})
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    assert "MetadataTooLarge" in ended.output
    assert len(place.keys("destination", "added/")) == 1
