from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from s3plan.planfile.reader import open_plan
from unit.planfile.plan_samples import copies, write_plan

_TESTS = Path(__file__).parents[1]

# Says each step on standard output, so that it can be killed there; the file-size limit stands for a full disk.
_WRITER = """
    import resource, sys, time
    from contextlib import contextmanager
    from pathlib import Path
    from s3plan.planfile import writer as module
    from s3plan.planfile.writer import PlanWriter
    from s3plan.schemas.errors import S3PlanError
    from unit.planfile.plan_samples import add_graph, copies, header, numbered

    path, batches, limit_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    def say(step):
        print(step, flush=True)

    def sync(synced):
        say("sync " + ("folder" if synced.is_dir() else "file"))
        real_sync(synced)

    @contextmanager
    def replacing(_):
        say("replace")
        yield

    real_sync, module.sync = module.sync, sync
    try:
        with PlanWriter(path, replacing=replacing) as writer:
            add_graph(writer)
            say("begun")
            for number in range(batches):
                keys = numbered(f"{number:04d}", 1_000)
                writer.add_batch(phase=2, from_location=1, to_location=2, actions=copies(*keys))
                say(f"batch {number}")
            say(writer.seal(header(actions=batches * 1_000, size_bytes=batches * 7_000)))
    except S3PlanError as e:
        say(f"error {e}")
"""


def _start(path: Path, *, batches: int, limit_bytes: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WRITER), str(path), str(batches), str(limit_bytes)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(_TESTS)},
    )


def _kill_at(step: str, path: Path, *, delay_s: float = 0.0) -> None:
    with _start(path, batches=30) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(step):
                time.sleep(delay_s)
                process.kill()
                break
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.sampled(2)
@pytest.mark.parametrize("step", ["begun", "batch 0", "batch 17", "batch 29", "sync file", "replace"])
def test_a_writer_killed_before_the_end_leaves_the_old_plan_or_none(tmp_path: Path, step: str) -> None:
    fresh, old = tmp_path / "fresh.s3plan", tmp_path / "old.s3plan"
    digest = write_plan(old, copied=copies(b"a"))
    for path in (fresh, old):
        _kill_at(step, path)
    if fresh.exists():  # it was quicker than the signal
        with open_plan(fresh) as reader:
            assert sum(1 for _ in reader.iter_actions()) == 30_000
    with open_plan(old) as reader:
        assert reader.digest == digest or reader.header.actions == 30_000


def test_a_writer_killed_at_any_moment_of_its_end_leaves_a_whole_plan_or_none(tmp_path: Path) -> None:
    for number in range(12):
        path = tmp_path / f"{number}.s3plan"
        _kill_at("batch 29", path, delay_s=number * 0.002)
        if path.exists():
            with open_plan(path) as reader:
                assert sum(1 for _ in reader.iter_actions()) == 30_000


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    _kill_at("batch 3", path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.s3plan.")
    assert left.name.endswith(".tmp")
    write_plan(path, copied=copies(b"a"))
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_at_work_keeps_its_file_when_another_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    with _start(path, batches=3) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        write_plan(path, copied=copies(b"a"))
        last = process.stdout.read().splitlines()[-1]
    with open_plan(path) as reader:
        assert reader.header.actions == 3_000
        assert reader.digest == last


@pytest.mark.parametrize("limit_bytes", [1, 4_096, 100_000, 2_500_000])
def test_a_disk_that_fills_up_ends_in_a_clear_error_and_leaves_nothing(tmp_path: Path, limit_bytes: int) -> None:
    path = tmp_path / "a.s3plan"
    with _start(path, batches=30, limit_bytes=limit_bytes) as process:
        assert process.stdout is not None
        last = process.stdout.read().splitlines()[-1]
    assert process.returncode == 0
    assert last.startswith(f"error cannot write {path}: ")
    assert "nothing was left behind. Make room" in last
    assert list(tmp_path.iterdir()) == []
