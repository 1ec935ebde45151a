"""`mode: delete`: what its manifest must say, must not say, and how it stands beside other jobs."""

# ruff: noqa: E501 - the tables read best with one case a line

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from s3plan.app.plans.selection import selected_jobs
from s3plan.planner.manifest.file import LoadedManifest, parse_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.words import Mode

HEAD = "version: 1\nname: job\n"
FILTERS = 'filters: {include: ["*.log"]}\n'
GUARDS = "guards: {max_delete: 10%}\n"
SOUND = HEAD + "mode: delete\nlocation: s3://logs/app/\n" + FILTERS + GUARDS


def load(text: str) -> LoadedManifest:
    loaded = parse_manifest(dedent(text).encode(), path=Path("job.yaml"))
    selected_jobs(loaded, ())
    return loaded


def found(text: str) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ManifestInvalid) as caught:
        load(text)
    return [(each.key, each.message, each.hint) for each in caught.value.diagnostics]


def test_a_job_with_one_location_reads_nowhere_and_deletes_there() -> None:
    loaded = load(SOUND)
    (entry,) = loaded.manifest.jobs.values()
    assert (entry.mode, entry.source, entry.destination) == (Mode.DELETE, None, None)
    assert entry.changed_place.key_prefix == "app/"
    (job,) = resolve_jobs(loaded.manifest)
    assert (job.deletes, job.settings.delete_when, job.settings.create_bucket) == (True, None, False)
    assert loaded.warnings == ()
    assert parse_manifest(loaded.resolved.encode(), path=Path("job.yaml")).manifest.jobs == loaded.manifest.jobs


NO_EFFECT = "has no effect: mode: delete writes nothing"
NOT_A_MIRROR = "is about mirrors, and this is mode: delete"
CASES = [
    (SOUND.replace(FILTERS, ""), "filters", "mode: delete without any filter would delete everything there", 'say which objects; if all of them are meant, write include: ["*"]'),
    (SOUND.replace(FILTERS, "filters: {}\n"), "filters", "mode: delete without any filter would delete everything there", 'say which objects; if all of them are meant, write include: ["*"]'),
    (SOUND.replace(GUARDS, ""), "guards.max_delete", "must be written with mode: delete: the most that it may ever delete", "a share of the objects that pass the key filters, or a number: max_delete: 10%"),
    (SOUND.replace(GUARDS, "guards: {max_bytes: 1GiB}\n"), "guards.max_delete", "must be written with mode: delete: the most that it may ever delete", "a share of the objects that pass the key filters, or a number: max_delete: 10%"),
    (SOUND.replace("10%", "10%, refuse_empty_source: true"), "guards.refuse_empty_source", "has no effect: mode: delete has no source", "remove it"),
    (SOUND.replace("location: s3://logs/app/\n", ""), "location", "is missing", "mode: delete has one place: location: s3://bucket/prefix/"),
    (SOUND.replace("location:", "destination:"), "destination", "mode: delete has one place", "write it as location:"),
    (SOUND + "source: s3://aaa/\n", "source", "mode: delete has one place", "write it as location:"),
    (SOUND.replace("mode: delete\n", ""), "location", "goes with mode: delete, and this is mode: copy", "write mode: delete, or source: and destination: instead"),
    (SOUND.replace("s3://logs/app/", "./logs"), "location", "mode: delete deletes objects, and this is a folder of this machine", "files go by a mirror, or by other means"),
    (SOUND.replace("s3://logs/app/", "{url: s3://logs, prefix: ap}"), "location.prefix", "mode: delete has no raw prefix, because it could delete beyond a folder", "write a folder in url, and include: [...]"),
    (SOUND.replace("s3://logs/app/", "{url: s3://logs/app/, create: true}"), "location.create", "unknown key", "create belongs in destination:"),
    (SOUND.replace("s3://logs/app/", "{url: s3://logs/app/, connection: x}"), "location.connection", "there is no connection x", "the connections are: none"),
    (SOUND.replace("s3://logs/app/", "s3://"), "location", "this URL names no bucket", "write s3://bucket/prefix/"),
    (SOUND + "overwrite: always\n", "overwrite", NO_EFFECT, "remove it"),
    (SOUND + "compare: [size]\n", "compare", NO_EFFECT, "remove it"),
    (SOUND + "archived: copy\n", "archived", NO_EFFECT, "remove it"),
    (SOUND + "preserve: [mtime]\n", "preserve", NO_EFFECT, "remove it"),
    (SOUND + "delete: {extraneous: true}\n", "delete.extraneous", NOT_A_MIRROR, "remove it"),
    (SOUND + "delete: {when: all-done}\n", "delete.when", NOT_A_MIRROR, "remove it"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_fault_is_one_finding(case: tuple[str, str, str, str | None]) -> None:
    text, *expected = case
    assert found(text) == [tuple(expected)]


JOBS = """\
    version: 1
    name: logs
    defaults:
      source: {connection: lab}
      destination: {connection: lab}
      location: {connection: lab}
      overwrite: always
      archived: copy
    jobs:
      keep: {source: s3://logs/app/, destination: s3://archive/app/}
      expire:
        mode: delete
        location: s3://logs/app/
        filters: {modified: {older_than: 90d}}
        guards: {max_delete: 10%}
        depends_on: keep
    connections:
      lab: {profile: lab}
    """


def test_a_job_takes_of_the_defaults_what_it_can_use() -> None:
    jobs = load(JOBS).manifest.jobs
    assert [place.connection for name in jobs for place in jobs[name].places] == ["lab"] * 3
    assert (jobs["keep"].location, jobs["expire"].source, jobs["expire"].destination) == (None, None, None)


def test_a_job_may_delete_what_another_reads_only_after_it() -> None:
    ((key, message, hint),) = found(JOBS.replace("        depends_on: keep\n", ""))
    assert key == "jobs.keep.source"
    assert message == "overlaps the location of job expire, which may delete what is yet to be read"
    assert hint == "write depends_on: keep in job expire, or plan and apply them in turn"


MIRRORED = """\
    version: 1
    name: logs
    jobs:
      site: {source: s3://build/, destination: s3://site/, mode: mirror, delete: {extraneous: true}, filters: {exclude: []}}
      expire:
        mode: delete
        location: s3://site/old/
        filters: {modified: {older_than: 90d}}
        guards: {max_delete: 10%}
    """.replace(", filters: {exclude: []}", "")


def test_no_job_deletes_where_a_mirror_decides() -> None:
    ((key, message, hint),) = found(MIRRORED)
    assert key == "jobs.expire.location"
    assert message == "lies within the destination of job site, and the mirror site decides what expire deletes, too"
    assert hint == 'write exclude: ["/old/"] in the filters of job site'
    load(MIRRORED.replace("{extraneous: true}", '{extraneous: true}, filters: {exclude: ["/old/"]}'))
    load(MIRRORED.replace(", mode: mirror, delete: {extraneous: true}", ""))
