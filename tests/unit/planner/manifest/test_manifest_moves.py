"""`mode: move`: what its manifest may say, and how it stands beside other jobs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from s3plan.app.plans.selection import selected_jobs
from s3plan.planner.manifest.file import LoadedManifest, parse_manifest
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.schemas.errors import ManifestInvalid

HEAD = "version: 1\nname: job\n"
PLACES = "source: s3://one-bucket/in/\ndestination: s3://two-bucket/out/\n"
SOUND = HEAD + "mode: move\n" + PLACES


def load(text: str) -> LoadedManifest:
    loaded = parse_manifest(dedent(text).encode(), path=Path("job.yaml"))
    selected_jobs(loaded, ())
    return loaded


def found(text: str) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ManifestInvalid) as caught:
        load(text)
    return [(each.key, each.message, each.hint) for each in caught.value.diagnostics]


def test_a_move_deletes_nothing_at_its_destination_and_has_no_limit_of_its_own() -> None:
    (job,) = resolve_jobs(load(SOUND + "delete: {unpinned: allow}\noverwrite: never\n").manifest)
    assert (job.moves, job.deletes, job.settings.delete_when, job.settings.unpinned_deletes) == (
        True,
        False,
        None,
        True,
    )
    assert (job.guards_in_force.max_delete, job.guards_in_force.refuse_empty_source) == (None, False)


@pytest.mark.parametrize(
    "text",
    [
        SOUND.replace("s3://two-bucket/out/", "{url: s3://two-bucket, prefix: raw/pre}"),
        SOUND.replace("s3://one-bucket/in/", "{url: ./photos, symlinks: skip}"),
        SOUND.replace("s3://one-bucket/in/", "./photos") + "run: {durability: none}\n",
        SOUND.replace("s3://two-bucket/out/", "./photos"),
    ],
)
def test_what_a_move_may_say(text: str) -> None:
    assert load(text).warnings == ()


CASES = [
    (
        SOUND + "delete: {extraneous: true}\n",
        "delete.extraneous",
        "is about mirrors, and this is mode: move",
        "remove it",
    ),
    (SOUND + "delete: {when: all-done}\n", "delete.when", "is about mirrors, and this is mode: move", "remove it"),
    (
        SOUND.replace("s3://one-bucket/in/", "{url: s3://one-bucket, prefix: raw/pre}"),
        "source.prefix",
        "the source of a move has no raw prefix, because it could delete beyond a folder",
        "write a folder in url, and include: [...]",
    ),
    (
        SOUND.replace("s3://one-bucket/in/", "{url: ./photos, symlinks: follow}"),
        "source.symlinks",
        "a move removes files, and behind a link they are somebody else's",
        "leave it out: links stay where they are",
    ),
    (
        SOUND.replace("s3://two-bucket/out/", "./photos") + "run: {durability: none}\n",
        "run.durability",
        "a move removes an object once its file is on disk, so it has to wait for that",
        "leave it out",
    ),
    (
        SOUND.replace("s3://two-bucket/out/", "s3://one-bucket/in/deeper/"),
        "destination",
        "source and destination overlap: one lies within the other",
        "name two places of which neither contains the other",
    ),
]


@pytest.mark.parametrize(("text", "key", "message", "hint"), CASES)
def test_one_fault_is_one_finding(text: str, key: str, message: str, hint: str | None) -> None:
    assert found(text) == [(key, message, hint)]


def jobs(first: str, second: str, *, mode: str = "copy", after: str = "") -> str:
    return f"""\
        version: 1
        name: jobs
        jobs:
          one: {{mode: move, source: "{first}", destination: "s3://to-one/"{after}}}
          two: {{mode: {mode}, source: "{second}", destination: "s3://to-two/"}}
        """


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("s3://from/a/", "s3://from/a/"),
        ("s3://from/a/", "s3://from/"),
        ("s3://from/", "s3://from/a/"),
        ("./a", "./a/b"),
    ],
)
def test_what_one_job_moves_no_other_may_read_meanwhile(first: str, second: str) -> None:
    said = (
        "jobs.two.source",
        "overlaps the source of job one, which moves away what is yet to be read",
        "write depends_on: two in job one, or plan and apply them in turn",
    )
    assert found(jobs(first, second)) == [said]
    load(jobs(first, second, after=", depends_on: two"))
    load(jobs("s3://from/a/", "s3://from/b/"))


def test_two_moves_from_one_place_are_planned_in_turn_whatever_depends_on_what() -> None:
    said = found(jobs("s3://from/", "s3://from/a/", mode="move", after=", depends_on: two"))
    assert said == [
        (
            "jobs.one.source",
            "overlaps the source of job two, which moves away what is yet to be read",
            "plan and apply them in turn",
        )
    ]
