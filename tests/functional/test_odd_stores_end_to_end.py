"""Stores that answer in their own way are copied to all the same, or the failure says what to do."""

from __future__ import annotations

import s3plan
from fakes.manifests import write_manifest
from fakes.quirky_store import Asked, Said, quirky_store
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, Workplace, counted
from s3plan.planfile.reader import open_plan

pytestmark = BY_BOTH_ENGINES

IN_PARTS = {"run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}
_REFUSAL = b"<Error><Code>NotImplemented</Code><Message>A header implies functionality.</Message></Error>"


def test_white_space_before_what_a_copy_or_a_complete_is_answered_changes_nothing(place: Workplace) -> None:
    def late(asked: Asked, said: Said) -> Said:
        return said.with_body(b" \n" * 400 + said.body) if asked.is_copy or asked.is_complete else said

    place.seed("source", "small", size_bytes=10)
    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    with quirky_store(place.server.endpoint, late) as store:
        s3plan.plan(write_manifest(place.folder, endpoint=store.endpoint, engine=place.engine, **IN_PARTS))
        report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"done": 2})
    assert place.writes() == {"small": 1, "large": 1}
    place.assert_same_content()


def test_a_store_without_part_copies_is_told_of_with_a_way_out(place: Workplace) -> None:
    def refuse(asked: Asked, said: Said) -> Said:
        if not (asked.is_copy and asked.is_part):
            return said
        return Said(501, {"content-type": "application/xml"}, _REFUSAL)

    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    with quirky_store(place.server.endpoint, refuse) as store:
        s3plan.plan(write_manifest(place.folder, endpoint=store.endpoint, engine=place.engine, **IN_PARTS))
        assert place.command.run("apply", place.plan_file, "--yes").exit_code == 3
        failures = place.command.run("failures", place.plan_file).stdout
        assert "with a higher multipart_threshold, objects up to 5 GiB do without" in failures
        s3plan.plan(write_manifest(place.folder, endpoint=store.endpoint, engine=place.engine))
        assert place.apply().exit_code == 0
    place.assert_same_content()


def test_a_retry_deletes_nothing_because_a_gateway_answers_404(place: Workplace) -> None:
    """Its own page, to every HEAD of a source object; pages of two keys show too few of them."""

    def lost(asked: Asked, said: Said) -> Said:
        is_object = asked.method == "HEAD" and asked.path.startswith("/source/") and asked.path != "/source/"
        return Said(404, {"content-type": "text/html"}, b"", "99") if is_object else said

    keys = [f"{letter}{number}" for letter in "abmyz" for number in range(3)]
    place.seed("source", *keys, size_bytes=10)
    place.seed("destination", *keys, "extra", size_bytes=9)
    place.server.set_mode(page_keys=2)
    with quirky_store(place.server.endpoint) as store:
        write_manifest(
            place.folder, endpoint=store.endpoint, engine=place.engine, **MIRROR, guards={"max_delete": "100%"}
        )
        place.plan(probe=True)
        place.seed("source", "b1", "m1", "y1", size_bytes=12)
        assert place.apply().exit_code == 3
        store.quirk = lost
        ended = place.command.run("retry", place.plan_file)
        assert ended.exit_code == 0, ended.output
    with open_plan(place.folder / ".s3plan/job.retry-1.s3plan") as plan:
        lines = {action.key.decode(): action.kind.value for _, action in plan.iter_actions()}
    assert lines == {"b1": "copy", "m1": "copy", "y1": "copy", "extra": "delete"}
