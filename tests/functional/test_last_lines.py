"""What apply says at its end, and before it begins, of what a reader of the plan may have forgotten by then."""

from __future__ import annotations

from fakes.workplace import MIRROR, Workplace


def test_archived_objects_that_were_left_out_are_named_at_the_end_and_in_the_status(place: Workplace) -> None:
    place.seed("source", "warm", body="bytes")
    place.seed("source", "cold", "colder", body="bytes", storage_class="GLACIER")
    place.buckets("destination")
    place.manifest()
    place.plan()
    said = "2 archived objects were left out (2 GLACIER): to copy them, restore them and plan again"
    ended = place.command.run("apply", "--yes", "--json-into", "events.ndjson")
    assert ended.exit_code == 0
    assert f"\n  {said}\n" in ended.stdout
    assert said in (place.folder / "events.ndjson").read_text().splitlines()[-1]
    assert said in place.command.run("status", place.plan_file).stdout
    assert said in place.command.run("apply", "--yes", place.plan_file).stdout


def test_deletes_that_go_one_by_one_are_announced_with_their_number(place: Workplace) -> None:
    place.server.set_mode(conditions="no-batch-delete")
    place.seed("source", "kept", body="bytes")
    place.seed("destination", "kept", "a", "b", "c", body="bytes")
    place.manifest(**MIRROR, guards={"max_delete": 10})
    place.plan()
    ended = place.command.run("apply", "--yes")
    assert (ended.exit_code, place.keys("destination")) == (0, {"kept"})
    assert "3 deletes go one by one: this store holds no conditions in deletes of many objects at once" in ended.stderr
    assert place.server.stats().requested("DeleteObject") >= 3
