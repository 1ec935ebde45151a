"""What a person is shown of both ends, and of a manifest that asks for nothing, on a real server."""

from __future__ import annotations

import json
from pathlib import Path

from fakes.workplace import Workplace


def _environment_leads(place: Workplace) -> dict[str, str]:
    return {**place.command.variables, "AWS_ENDPOINT_URL_S3": place.server.endpoint}


def _write(folder: Path, text: str) -> None:
    (folder / "job.yaml").write_text(text, encoding="utf-8")


def test_every_screen_says_loudly_that_the_environment_leads_to_another_store(place: Workplace) -> None:
    place.seed("source", "a.jpg", body="bytes")
    _write(
        place.folder, "version: 1\nname: job\nsource: s3://source/\ndestination: {url: s3://made-anew/, create: true}\n"
    )
    command = type(place.command)(place.folder, _environment_leads(place))
    loud = f"NOT AWS: {place.server.endpoint} (from the environment)"
    planned = command.run("plan", "job.yaml")
    assert planned.stdout.count(loud) == 2
    assert "apply creates made-anew in us-east-1 at " + place.server.endpoint in planned.stdout
    applied = command.run("apply", "--yes")
    assert (applied.exit_code, applied.stderr.count(loud)) == (0, 2)
    assert f"  creates  the bucket made-anew in us-east-1 at {place.server.endpoint}\n" in applied.stderr
    assert command.run("status", place.plan_file).stdout.count(loud) == 2
    told = json.loads(command.run("status", place.plan_file, "--json").stdout)["locations"]
    assert [(location["url"], location["endpoint"]) for location in told] == [
        ("s3://source/", place.server.endpoint),
        ("s3://made-anew/", place.server.endpoint),
    ]


def test_a_job_that_finds_nothing_says_what_in_the_manifest_may_be_wrong(place: Workplace) -> None:
    place.buckets("source", "destination")
    place.manifest(source="s3://source/logs/*.gz", filters={"include": ["*.jpg", "*.pngg"]})
    said = place.command.run("plan", "job.yaml").stdout
    assert "warning: job.yaml:5:12: source.url: the * is taken as it stands" in said
    assert "source.url: the source has no objects for this job (is the prefix as it should be?)" in said
    assert "filters.include[1]: matches no key on either side" in said
    assert "Nothing to do: the source has no objects for this job.\n" in said
