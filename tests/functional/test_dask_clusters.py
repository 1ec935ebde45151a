"""The command on dask: a cluster of this machine, or the one that the user names; never the one that a plan names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil  # type: ignore[import-untyped]
import pytest
import s3plan
from distributed.comm.core import connect
from distributed.security import Security
from fakes.child_processes import children_of, is_alive
from fakes.command import Command
from fakes.dask_clusters import ClusterProcesses
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace
from s3plan.schemas.extras import install_command

NOWHERE = "tcp://127.0.0.1:9"


@BY_BOTH_ENGINES
def test_the_command_applies_on_a_cluster_of_its_own_and_leaves_none_behind(place: Workplace) -> None:
    place.seed("source", count=2_500, size_bytes=10)
    place.seed("destination", count=500, size_bytes=9, modified_s=1)
    place.seed("destination", count=300, start=2_500, size_bytes=5)
    run = {"executor": "dask", "workers": 2, "rate": "50000/s"}
    place.manifest(run=run, guards={"max_delete": "100%"}, **MIRROR)
    place.plan(probe=True)
    with place.command.start("apply", place.plan_file, "--yes", "--json") as started:
        seen: set[int] = set()
        while started.is_running:
            seen |= set(children_of(started.pid))
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert ended.stderr == ""
    assert ended.event("run-started")["executor"] == "dask"
    assert ended.event("run-ended")["counts"] == {"done": 2_800}
    assert len(seen) >= 2
    until_s = time.monotonic() + 10
    while any(is_alive(pid) for pid in seen):  # multiprocessing's tracker leaves last
        assert time.monotonic() < until_s
        time.sleep(0.1)
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.etag for key, row in destination.items()} == {key: row.etag for key, row in source.items()}
    assert set(place.writes().values()) == {1}
    place.assert_nothing_left()


def test_a_cluster_of_this_machine_listens_on_loopback_only_and_lets_nobody_else_in(place: Workplace) -> None:
    place.seed("source", count=100, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 2})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.1)
    with place.command.start("apply", place.plan_file, "--yes", "--executor", "dask", "--workers", "1") as started:
        while place.server.stats().answered("CopyObject") < 5:
            assert started.is_running, started.wait().output
        workers = children_of(started.pid, whose_words_have="spawn_main")
        assert {ip for worker in workers for ip, _ in _listening(worker)} == {"127.0.0.1"}
        of_scheduler = _listening(started.pid)
        assert {ip for ip, _ in of_scheduler} == {"127.0.0.1"}
        for scheme, security in [("tcp", Security()), ("tls", Security.temporary())]:  # no certificate, and another one
            for ip, port in of_scheduler:
                with pytest.raises(OSError, match=r"(?i)timed out|closed|reset|refused"):
                    asyncio.run(_shake_hands(f"{scheme}://{ip}:{port}", security))
        place.server.set_mode(latency_s=0)
        ended = started.wait()
    assert ended.exit_code == 0, ended.output


def _listening(pid: int) -> set[tuple[str, int]]:
    """Where a process waits for connections."""
    found = psutil.Process(pid).net_connections(kind="tcp")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


async def _shake_hands(address: str, security: Security) -> None:
    comm = await connect(address, timeout=1, **security.get_connection_args("client"))
    await comm.close()


def test_what_a_killed_run_leaves_in_the_temporary_folder_is_removed_by_the_next(place: Workplace) -> None:
    place.seed("source", count=100, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 2})
    place.plan(probe=True)
    place.server.reset_stats()
    place.server.set_mode(latency_s=0.1)
    temporary = place.folder / "temporary"
    temporary.mkdir()
    command = replace(place.command, variables={**place.command.variables, "TMPDIR": str(temporary)})
    words = ("apply", place.plan_file, "--yes", "--executor", "dask", "--workers", "1")
    with command.start(*words) as started:
        while place.server.stats().answered("CopyObject") < 5:
            assert started.is_running, started.wait().output
            time.sleep(0.1)
        workers = children_of(started.pid)
        started.kill()
    assert [path.name[:12] for path in temporary.iterdir()] == ["s3plan-dask-"]
    until_s = time.monotonic() + 30
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < until_s
        time.sleep(0.1)
    place.server.set_mode(latency_s=0)
    ended = command.run(*words)
    assert ended.exit_code == 0, ended.output
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcesses]:
    """A cluster that has no credentials but those that its workers find."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "NO_PROXY") if name in os.environ}
    environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    with ClusterProcesses(folder, environment) as processes:
        processes.start(workers=2)
        yield processes


@pytest.mark.sampled(1)
@pytest.mark.parametrize("named_by", ["option", "environment"])
def test_batches_run_on_the_cluster_that_the_user_names(
    place: Workplace, cluster: ClusterProcesses, named_by: str
) -> None:
    place.seed("source", count=1_500, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    command, words = place.command, ["--executor", "dask"]
    if named_by == "option":
        words += ["--cluster", cluster.address]
    else:
        command = replace(command, variables={**command.variables, "DASK_SCHEDULER_ADDRESS": cluster.address})
    with command.start("apply", place.plan_file, "--yes", *words) as started:
        workers: set[int] = set()
        while started.is_running:
            workers |= set(children_of(started.pid, whose_words_have="spawn_main"))
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert workers == set(), "none were started here"
    assert place.keys("destination") == place.keys("source")
    assert set(place.writes().values()) == {1}


def test_a_program_applies_on_a_cluster_again_and_again(place: Workplace, cluster: ClusterProcesses) -> None:
    place.buckets("destination")
    for count in (300, 600):
        place.seed("source", count=count, size_bytes=10)
        place.manifest()
        output = place.folder / f"{count}.s3plan"
        s3plan.plan(place.folder / "job.yaml", output=output, probe=True)
        report = s3plan.apply(output, executor="dask", cluster=cluster.address)
        assert (report.exit_code, sum(report.counts.values())) == (0, 300)
    assert place.keys("destination") == place.keys("source")


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
def test_a_program_needs_a_guard_around_its_main_code_and_is_told_so(place: Workplace, *, is_guarded: bool) -> None:
    """dask's worker processes import it: it must not apply once more in each of them."""
    place.seed("source", count=300, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    script = place.folder / "script.py"
    condition = '__name__ == "__main__"' if is_guarded else "True"
    text = f"""
        import s3plan
        if {condition}:
            report = s3plan.apply({str(place.plan_file)!r}, executor="dask", workers=1)
            print(report.counts["done"])
    """
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-P", script.name],
        cwd=place.folder,
        env=place.command.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if is_guarded:
        assert (run.stdout, run.stderr) == ("300\n", "")
        assert set(place.writes().values()) == {1}
    else:
        assert "A program needs its main code behind if __name__ == '__main__'" in run.stderr
        assert place.writes() == {}


def test_a_cluster_without_workers_is_told_and_waited_for(place: Workplace) -> None:
    place.seed("source", count=50, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    with ClusterProcesses(place.folder, place.command.environment) as empty:
        empty.start(workers=0)
        events = place.folder / "events.json"
        words = ("--executor", "dask", "--cluster", empty.address, "--json-into", events)
        with place.command.start("apply", place.plan_file, "--yes", *words) as started:
            while not events.exists() or "has no workers yet; batches wait until some come" not in events.read_text():
                assert started.is_running, started.wait().output
            empty.add_worker()
            ended = started.wait()
    assert ended.exit_code == 0, ended.output
    assert place.keys("destination") == place.keys("source")


def test_a_scheduler_that_cannot_be_reached_ends_the_command_before_anything_is_changed(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    place.server.reset_stats()
    ended = place.command.run("apply", place.plan_file, "--yes", "--executor", "dask", "--cluster", NOWHERE)
    assert ended.exit_code == 1, ended.output
    assert f"no dask scheduler can be reached at {NOWHERE}" in ended.stderr
    assert "leave out --cluster and DASK_SCHEDULER_ADDRESS" in ended.stderr
    assert place.writes() == {}


@pytest.mark.parametrize("address", ["nonsense://x:1", "tcp://", "tcp://127.0.0.1:notaport"])
def test_an_address_that_is_none_is_told_as_that(place: Workplace, address: str) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    ended = place.command.run("apply", place.plan_file, "--yes", "--executor", "dask", "--cluster", address)
    assert ended.exit_code == 1, ended.output
    assert f"no dask scheduler can be reached at {address}" in ended.stderr


def test_a_cluster_goes_with_dask_only(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    ended = place.command.run("apply", place.plan_file, "--yes", "--cluster", NOWHERE)
    assert ended.exit_code == 64, ended.output
    assert "the executor threads uses no cluster; --cluster goes with --executor dask" in ended.stderr


def test_without_the_extra_the_user_is_told_what_to_install(place: Workplace) -> None:
    place.seed("source", count=10, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    site = place.folder / "site"
    site.mkdir()
    without = """
        import sys
        sys.modules["distributed"] = None
    """
    (site / "sitecustomize.py").write_text(textwrap.dedent(without), encoding="utf-8")
    command = Command(place.folder, {**place.command.variables, "PYTHONPATH": str(site)})
    ended = command.run("apply", place.plan_file, "--yes", "--executor", "dask")
    assert ended.exit_code == 64, ended.output
    assert f"the executor dask is not installed: {install_command('dask')}" in ended.stderr
    assert command.run("apply", place.plan_file, "--yes").exit_code == 0
