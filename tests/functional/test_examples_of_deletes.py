"""Examples that delete within limits do what their READMEs say: planned, applied and planned again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes.examples import Example, at, contents, numbered, totals
from fakes.s3server import ServerProcess


def seed_reports(server: ServerProcess, *, at_source: int) -> None:
    """200 reports at both sides, of which the source has only the first so many; 5 of the mirror's are old."""
    reports = numbered("published/{:04d}.pdf", range(200))
    common: dict[str, Any] = {"size_bytes": 100, "synthetic": False, "modified_s": at(2024)}
    server.seed("example-reports", keys=[*reports[:at_source], "published/tmp/new"], **common)
    server.seed("example-reports", keys=["drafts/one"], **common)
    server.seed("example-reports-mirror", keys=reports, changed=[0, 1, 2, 3, 4], **common)
    server.seed("example-reports-mirror", keys=["published/tmp/old", "elsewhere/kept"], **common)


def test_mirror_with_guards_makes_the_mirror_equal_and_touches_nothing_else(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_reports(server, at_source=194)
    server.seed("example-reports", keys=["published/new.pdf"], size_bytes=50)
    client = server.client()
    before = contents(client, "example-reports-mirror")
    source = contents(client, "example-reports", below="published/")

    made = Example("mirror-with-guards", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made) == {"copy": 1, "overwrite": 5, "delete": 6, "unchanged": 189}
    kept = {key: before[key] for key in ("published/tmp/old", "elsewhere/kept")}
    del source["published/tmp/new"]
    assert contents(client, "example-reports-mirror") == source | kept
    assert contents(client, "example-reports", below="published/").keys() == {*source, "published/tmp/new"}


def test_mirror_with_guards_is_blocked_above_five_percent_until_exactly_that_number_is_allowed(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_reports(server, at_source=150)
    client = server.client()
    before = contents(client, "example-reports-mirror")
    example = Example("mirror-with-guards", folder=tmp_path, server=server)

    blocked = example.plan(exit_code=5)
    example.run("apply", "--expect", blocked["digest"], exit_code=5)

    guards = {guard["name"]: (guard["found"], guard["allowed"]) for guard in blocked["header"]["jobs"][0]["guards"]}
    assert guards["max_delete"] == (50, 10)
    assert contents(client, "example-reports-mirror") == before
    example.plan_and_apply("--allow", "max_delete=50")
    assert len(contents(client, "example-reports-mirror", below="published/0")) == 150


def test_mirror_with_guards_is_blocked_by_an_empty_source(server: ServerProcess, tmp_path: Path) -> None:
    seed_reports(server, at_source=0)

    blocked = Example("mirror-with-guards", folder=tmp_path, server=server).plan(exit_code=5)

    held = {guard["name"] for guard in blocked["header"]["jobs"][0]["guards"] if guard["held"]}
    assert held == {"max_delete", "refuse_empty_source"}


def seed_logs(server: ServerProcess, *, old: int, new: int) -> None:
    server.seed("example-archive", keys=[])
    server.seed("example-logs", keys=numbered("app/a/{:03d}.log.gz", range(old)), size_bytes=50, modified_s=at(2024))
    server.seed("example-logs", keys=numbered("app/b/{:03d}.log.gz", range(new)), size_bytes=50)
    server.seed("example-logs", keys=["app/a/index.html", "elsewhere/1.log.gz"], size_bytes=9, modified_s=at(2024))


def test_expire_old_logs_keeps_them_elsewhere_and_deletes_those_and_no_others(
    server: ServerProcess, tmp_path: Path
) -> None:
    seed_logs(server, old=20, new=80)
    client = server.client()
    old = contents(client, "example-logs", below="app/a/0")

    made = Example("expire-old-logs", folder=tmp_path, server=server).plan_and_apply()

    assert totals(made) == {"copy": 20, "delete": 20, "skipped": 160}
    assert contents(client, "example-archive") == old
    kept = {*numbered("app/b/{:03d}.log.gz", range(80)), "app/a/index.html", "elsewhere/1.log.gz"}
    assert contents(client, "example-logs").keys() == kept
    changes = [asked.operation for asked in server.log() if asked.operation in {"CopyObject", "DeleteObjects"}]
    assert changes[-1] == "DeleteObjects"


def test_expire_old_logs_is_blocked_above_a_fifth_of_the_logs(server: ServerProcess, tmp_path: Path) -> None:
    seed_logs(server, old=21, new=79)
    example = Example("expire-old-logs", folder=tmp_path, server=server)

    blocked = example.plan(exit_code=5)
    example.run("apply", "--expect", blocked["digest"], exit_code=5)

    (guard,) = blocked["header"]["jobs"][1]["guards"]
    assert (guard["found"], guard["allowed"], guard["held"]) == (21, 20, True)
    assert len(contents(server.client(), "example-logs", below="app/a/0")) == 21
