"""Plans of several jobs whose digests agree, and whose header says something else than the manifest that they keep."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from fakes.workplace import Workplace
from unit.planfile.plan_samples import change

Header = dict[str, Any]
Forge = Callable[[Header], object]


@pytest.fixture
def planned(place: Workplace) -> Header:
    """Two mirrors with something to delete, and a job that depends on the first of them; the header of their plan."""
    for job in ("assets", "pages", "logs"):
        place.seed("source", *(f"{job}/{number}" for number in range(3)), body="x")
    place.seed("destination", "assets/old", "logs/old", body="x")

    def a_job(name: str, **more: object) -> dict[str, object]:
        source = {"url": f"s3://source/{name}/", "connection": "store"}
        return {"source": source, "destination": {"url": f"s3://destination/{name}/", "connection": "store"}, **more}

    mirror: dict[str, object] = {"mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}
    jobs = {
        "assets": a_job("assets", **mirror),
        "pages": a_job("pages", depends_on="assets"),
        "logs": a_job("logs", **mirror),
    }
    store = {"endpoint": place.server.endpoint, "region": "us-east-1"}
    manifest = {"version": 1, "name": "job", "connections": {"store": store}, "jobs": jobs}
    (place.folder / "job.yaml").write_text(json.dumps(manifest))
    place.plan()
    with closing(sqlite3.connect(place.plan_file)) as database:
        (text,) = database.execute("SELECT document FROM header").fetchone()
    header: Header = json.loads(text)
    return header


def forge(place: Workplace, header: Header, edit: Forge, *statements: str) -> None:
    forged = copy.deepcopy(header)
    edit(forged)
    quoted = json.dumps(forged).replace("'", "''")
    change(place.plan_file, *statements, f"UPDATE header SET document = '{quoted}'", reseal=True)


def in_resolved(old: str, new: str) -> Forge:
    def edit(header: Header) -> None:
        before = header["manifest"]["resolved"]
        header["manifest"]["resolved"] = before.replace(old, new)
        assert header["manifest"]["resolved"] != before, before

    return edit


def of_job(number: int, part: str, **changes: object) -> Forge:
    return lambda header: header["jobs"][number][part].update(changes)


def without_dependency(header: Header) -> None:
    header["jobs"][1]["depends_on"] = []


def twice(header: Header) -> None:
    header["places"].append(copy.deepcopy(header["places"][0]))


def condition_twice(header: Header) -> None:
    capabilities = header["places"][0]["capabilities"]
    capabilities.append({**capabilities[0], "enforcement": "checked"})


def without_guards(header: Header) -> None:
    for job in header["jobs"]:
        job["guards"] = []


@pytest.mark.parametrize(
    ("edit", "statements", "said"),
    [
        (of_job(0, "settings", unpinned_deletes=True), (), "other settings for job 'assets'"),
        (of_job(0, "settings", storage_class="GLACIER"), (), "other settings for job 'assets'"),
        (
            of_job(0, "settings", delete_when="no-failures"),
            ("UPDATE edge SET needs = 'no-failures' WHERE before_phase = 2 AND after_phase = 3",),
            "other settings for job 'assets'",
        ),
        (
            without_dependency,
            (
                "DELETE FROM edge WHERE needs = 'complete'",
                "DELETE FROM edge WHERE before_phase = 6 AND after_phase = 3",
            ),
            "other settings for job 'pages'",
        ),
        (without_guards, (), "other guards for job 'assets'"),
        (of_job(0, "destination", bucket_exists=False), (), "neither exists nor is made"),
        (of_job(0, "source", bucket_exists=False), (), "neither exists nor is made"),
        (twice, (), "speaks twice of one location"),
        (condition_twice, (), "says twice what location"),
        (in_resolved("s3://destination/logs/", "s3://destination/others/"), (), "between other places"),
        (in_resolved('mode: "mirror"', 'mode: "copy"'), (), "cannot be read"),
        (in_resolved("version: 1", "version: 2"), (), "cannot be read"),
        (in_resolved("extraneous: true", "extraneous: true\n      when: no-failures"), (), "other settings for job"),
        (in_resolved('max_delete: "100%"', 'max_delete: "1%"'), (), "other guards for job"),
    ],
)
def test_a_header_that_says_something_else_than_the_kept_manifest_changes_nothing(
    place: Workplace, planned: Header, edit: Forge, statements: tuple[str, ...], said: str
) -> None:
    before = place.keys("destination")
    forge(place, planned, edit, *statements)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, place.keys("destination")) == (4, before), ended.output
    assert said in " ".join(ended.stderr.split()), ended.stderr
    assert not place.journal.exists()


def test_what_is_not_forged_is_applied(place: Workplace, planned: Header) -> None:
    forge(place, planned, lambda header: None)
    assert place.command.run("apply", place.plan_file, "--yes").exit_code == 0
    assert len(place.keys("destination")) == 9


def test_a_graph_that_is_not_that_of_the_jobs_is_refused_before_anything_is_locked(
    place: Workplace, planned: Header
) -> None:
    change(place.plan_file, "DELETE FROM edge WHERE needs = 'ended-well' AND before_phase = 2", reseal=True)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert sorted(path.name for path in place.plan_file.parent.iterdir()) == ["job.s3plan"]


def test_a_plan_that_was_damaged_in_the_middle_of_its_run_begins_no_other(place: Workplace, planned: Header) -> None:
    assert place.command.run("apply", place.plan_file, "--yes", "--limit", "2").exit_code == 8
    change(place.plan_file, "UPDATE action SET source_pin = 'other' WHERE kind = 'copy'")
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    with closing(sqlite3.connect(place.journal)) as database:
        assert database.execute("SELECT count(*) FROM run").fetchone() == (1,)
