"""One plan, any executor: the same end state and the same totals in the journal, wherever the batches ran."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
import s3plan
from fakes.child_processes import children_of
from fakes.command import Command
from fakes.torture import TORTURE
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace

EXECUTORS = ("serial", "threads", "processes", "dask")


@pytest.mark.slow
def test_many_actions_end_the_same_on_every_executor(place: Workplace) -> None:
    new = 19_000 if TORTURE else 3_000
    found = {}
    for executor in EXECUTORS:
        place.server.wipe()
        place.seed("source", count=new, size_bytes=100)
        place.seed("destination", count=500, size_bytes=99, modified_s=1)
        place.seed("destination", count=1_000, start=new, size_bytes=5)
        place.manifest(guards={"max_delete": "100%"}, **MIRROR)
        output = place.folder / f"{executor}.s3plan"
        s3plan.plan(place.folder / "job.yaml", output=output, probe=True)
        place.seed("source", sorted(place.keys("source"))[7], size_bytes=101)  # stale
        ended = place.command.run("apply", output, "--yes", "--json", "--executor", executor, timeout_s=120)
        assert ended.exit_code == 3, ended.output
        status = place.command.run("status", output, "--json").events[0]
        listed = {key: (row.etag, row.size_bytes) for key, row in place.listed("destination").items()}
        found[executor] = (listed, status["counts"], status["remaining"], place.writes())
    assert found["serial"] == found["threads"] == found["processes"] == found["dask"]
    assert found["serial"][1] == {"done": new - 1, "stale": 1, "skipped": 1_000}


@BY_BOTH_ENGINES
def test_the_command_applies_on_processes_and_leaves_none_behind(place: Workplace) -> None:
    place.seed("source", count=2_500, size_bytes=10)
    place.seed("destination", count=500, size_bytes=9, modified_s=1)
    place.seed("destination", count=300, start=2_500, size_bytes=5)
    run = {"executor": "processes", "workers": 2, "rate": "50000/s"}
    place.manifest(run=run, guards={"max_delete": "100%"}, **MIRROR)
    place.plan(probe=True)
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    assert ended.stderr == ""
    assert ended.event("run-started")["executor"] == "processes"
    assert ended.event("run-ended")["counts"] == {"done": 2_800}
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.etag for key, row in destination.items()} == {key: row.etag for key, row in source.items()}
    assert set(place.writes().values()) == {1}
    place.assert_nothing_left()


def test_a_program_applies_on_processes_without_a_guard_around_its_main_code(place: Workplace) -> None:
    """Workers import no `__main__`: a script that says nothing of it is not run again in each of them."""
    place.seed("source", count=1_500, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    script = place.folder / "script.py"
    text = f"""
        import os, s3plan
        print("begun", flush=True)
        report = s3plan.apply({str(place.plan_file)!r}, executor="processes", workers=2)
        print(report.state, report.counts["done"])
    """
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    (place.folder / "socket.py").write_text("raise SystemExit('a file of the user, not the module')\n")
    run = subprocess.run(
        [sys.executable, "-P", script.name],
        cwd=place.folder,
        env=place.command.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("begun\ncompleted 1500\n", "")
    assert place.keys("destination") == place.keys("source")


def test_the_library_leaves_no_process_behind_also_where_the_preparation_fails(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    before = children_of(os.getpid())
    place.s3.delete_bucket(Bucket="destination")
    with pytest.raises(s3plan.S3PlanError):
        place.apply(executor="processes")
    assert children_of(os.getpid()) == before
    place.buckets("destination")
    assert place.apply(executor="processes").exit_code == 0
    assert children_of(os.getpid()) == before


def test_workers_that_cannot_start_end_the_command_with_what_they_said_and_nothing_is_lost(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    site = place.folder / "site"
    site.mkdir()
    broken = """
        import os, sys
        if "-c" in sys.orig_argv:
            os.write(1, b"no such library: libfast.so")
            os._exit(7)
    """
    (site / "sitecustomize.py").write_text(textwrap.dedent(broken), encoding="utf-8")
    command = Command(place.folder, {**place.command.variables, "PYTHONPATH": str(site)})
    ended = command.run("apply", place.plan_file, "--yes", "--executor", "processes")
    assert ended.exit_code == 1, ended.output
    assert "worker processes end as soon as they are started: its process ended with exit code 7" in ended.stderr
    assert "no such library: libfast.so" in ended.stderr
    assert "choose executor: threads" in ended.stderr
    assert place.writes() == {}
    ended = command.run("apply", place.plan_file, "--yes", "--executor", "threads")
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")
