"""`mode: delete`: one location, and what the filters let through of it is deleted, each object as it was planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.command import Ended
from fakes.manifests import STORE
from fakes.workplace import Workplace, counted
from s3plan.app.plans.retrying import make_retry_plan
from s3plan.planfile.reader import open_plan

DAY_S = 86_400
OLD_S = 1_600_000_000
OLD = {"modified": {"older_than": "90d"}}


def logs(place: Workplace, *, old: int = 3, new: int = 2) -> None:
    place.seed("logs", *[f"app/old-{number}" for number in range(old)], size_bytes=10, modified_s=OLD_S)
    place.seed("logs", *[f"app/new-{number}" for number in range(new)], size_bytes=7)
    place.seed("logs", "elsewhere/old", size_bytes=10, modified_s=OLD_S)


def a_job(**sections: object) -> dict[str, object]:
    location = {"url": "s3://logs/app/", "connection": STORE}
    return {
        "mode": "delete",
        "location": location,
        "filters": OLD,
        "guards": {"max_delete": "90%"},
    } | sections


def write(place: Workplace, **sections: object) -> Path:
    """A manifest of one job that only deletes; or of `jobs`, where they are given."""
    connections = {STORE: {"endpoint": place.server.endpoint, "region": "us-east-1"}}
    body = sections if "jobs" in sections else a_job(**sections)
    path = place.folder / "job.yaml"
    path.write_text(json.dumps({"version": 1, "name": "job", "connections": connections, **body}))
    return path


def run(place: Workplace, *words: str, exit_code: int = 0) -> Ended:
    ended = place.command.run(*words)
    assert ended.exit_code == exit_code, ended.output
    return ended


def test_what_the_filters_let_through_is_deleted_and_nothing_else(place: Workplace) -> None:
    logs(place)
    write(place)
    place.server.reset_stats()
    made = place.plan(probe=True)
    assert made.header.actions == 3
    report = place.apply()
    assert (report.state, counted(report)) == ("completed", {"done": 3})
    assert place.keys("logs") == {"app/new-0", "app/new-1", "elsewhere/old"}
    assert not place.plan().has_changes


@pytest.mark.parametrize("more", [0, 1100], ids=["looked-at", "listed"])
def test_of_a_list_exactly_the_listed_keys_are_deleted(place: Workplace, more: int) -> None:
    logs(place)
    lines = ["old-1", "new-0", "s3://logs/app/new-1", *(f"absent/{number}" for number in range(more + 1))]
    (place.folder / "keys.txt").write_text("\n".join(lines))
    write(place, filters={"list": "keys.txt", "exclude": ["new-1"]}, guards={"max_delete": 2})
    planned = run(place, "plan", "job.yaml", "--probe").output
    assert f"{1 + more:,} not in the location" in planned
    assert counted(place.apply()) == {"done": 2}
    assert place.keys("logs", "app/") == {"app/old-0", "app/old-2", "app/new-1"}


def test_a_share_is_of_all_objects_that_pass_the_key_filters_whatever_their_age(place: Workplace) -> None:
    logs(place, old=2, new=18)
    write(place, guards={"max_delete": "10%"}, filters={**OLD, "include": ["old*", "new*"]})
    assert not place.plan().header.is_blocked
    write(place, guards={"max_delete": "10%"}, filters={**OLD, "include": ["old*", "new-1"]})
    assert place.plan().header.is_blocked


def test_an_object_that_changed_after_the_plan_stays_and_a_retry_plans_it_anew(place: Workplace) -> None:
    logs(place)
    write(place, filters={"size": {"max": "10B"}}, guards={"max_delete": "100%"})
    place.plan(probe=True)
    place.seed("logs", "app/old-1", body="changed")
    report = place.apply()
    assert counted(report) == {"done": 4, "stale": 1}
    assert place.body("logs", "app/old-1") == b"changed"
    retried = make_retry_plan(place.plan_file)
    assert retried is not None
    with open_plan(retried.path) as plan:
        assert [action.key for _, action in plan.iter_actions()] == [b"old-1"]
        assert plan.header.jobs[0].guards[0].allowed == 5  # of the whole job
    assert counted(s3plan.apply(retried.path)) == {"done": 1}
    assert place.keys("logs") == {"elsewhere/old"}


def test_a_store_that_holds_no_pins_is_refused_unless_the_manifest_allows_it(place: Workplace) -> None:
    place.server.set_mode(conditions="none")
    logs(place)
    write(place)
    assert "enforces no condition on deletes" in run(place, "plan", "job.yaml", "--probe").output
    assert "unpinned: allow" in run(place, "apply", "--yes", exit_code=4).output
    write(place, delete={"unpinned": "allow"})
    run(place, "plan", "job.yaml")
    run(place, "apply", "--yes")
    assert place.keys("logs", "app/") == {"app/new-0", "app/new-1"}


def kept_and_expired(place: Workplace, **expire: Any) -> None:
    keep = {
        "source": {"url": "s3://logs/app/", "connection": STORE},
        "destination": {"url": "s3://archive/", "connection": STORE},
        "filters": OLD,
    }
    write(place, jobs={"keep": keep, "expire": a_job(depends_on="keep", **expire)})


def test_what_was_kept_elsewhere_first_is_deleted_by_a_job_that_depends_on_it(place: Workplace) -> None:
    logs(place)
    place.buckets("archive")
    kept_and_expired(place)
    place.plan(probe=True)
    assert counted(place.apply()) == {"done": 6}
    assert place.keys("archive") == {"old-0", "old-1", "old-2"}
    assert place.keys("logs", "app/") == {"app/new-0", "app/new-1"}


def test_nothing_is_deleted_while_a_copy_that_it_waits_for_is_not_done(place: Workplace) -> None:
    logs(place)
    place.buckets("archive")
    kept_and_expired(place)
    place.plan(probe=True)
    place.seed("logs", "app/old-1", body="changed")
    report = place.apply()
    assert counted(report) == {"done": 2, "stale": 1, "skipped": 3}
    assert any("withheld" in message and "job keep" in message for message in report.messages), report.messages
    assert len(place.keys("logs", "app/")) == 5


def test_a_job_that_waits_for_deletes_begins_after_them_or_not_at_all(place: Workplace) -> None:
    logs(place)
    place.seed("source", "page", body="page")
    place.buckets("destination")
    sides = {side: {"url": f"s3://{side}/", "connection": STORE} for side in ("source", "destination")}
    write(place, jobs={"expire": a_job(), "after": {**sides, "depends_on": "expire"}})
    place.plan(probe=True)
    place.seed("logs", "app/old-1", body="changed")
    report = place.apply()
    assert counted(report) == {"done": 2, "stale": 1, "skipped": 1}
    assert any("the delete of old-1 is stale" in message for message in report.messages), report.messages
    assert place.keys("destination") == set()
    place.plan()
    place.apply()
    assert place.keys("destination") == {"page"}


def test_the_screens_speak_of_one_location(place: Workplace) -> None:
    logs(place)
    write(place)
    assert "job (delete), s3://logs/app/\n" in run(place, "validate", "job.yaml").stdout
    planned = run(place, "plan", "job.yaml", "--probe").stdout
    assert "  location  s3://logs/app/\n" in planned
    assert "\nPlan: 3 to delete (30 B).\n" in planned
    assert not {"source", "destination", "copy", "overwrite"} & set(planned.split())
    assert "Keys are relative to s3://logs/app/.\n" in run(place, "show", "--list", "--prefix", "no/").output
    assert "\n  at    s3://logs/app/\n" in run(place, "apply", "--yes").output
    assert "\n  at        s3://logs/app/\n" in run(place, "status").stdout
    (job,) = run(place, "plan", "job.yaml", "--json").event("plan")["header"]["jobs"]
    assert (job["source"], job["from_location"], job["settings"]["mode"]) == (None, None, "delete")
