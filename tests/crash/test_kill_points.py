"""SIGKILL at every commit of the journal, at every change of the disk, at random moments: the next apply ends right."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command_host import Circumstances, CommandHost
from fakes.disk_shim import DiskFault, compile_shim, why_not
from fakes.mirrored_place import ACTIONS, IN_FLIGHT, LARGE, PARTS, SMALL, MirroredPlace
from fakes.torture import TORTURE
from fakes.workplace import Workplace

EXECUTORS = pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
_COMES_UP_WITHIN_S = {"dask": 2.5}  # a cluster, for each run; others do in a second
SLOW_TO_START = ("processes", "dask")  # a process for each worker, for each run
LATENCY_S = 0.004
_MOST_POINTS = 500


@pytest.fixture
def mirrored(place: Workplace) -> MirroredPlace:
    mirrored = MirroredPlace(place)
    mirrored.plan()
    return mirrored


@pytest.fixture
def host(place: Workplace, tmp_path: Path) -> Iterator[CommandHost]:
    shim = None if why_not() else compile_shim(tmp_path)
    watched = place.plan_file.parent
    with CommandHost(place.folder, place.command.environment, watched=watched, shim=shim) as host:
        yield host


def killed_at_every_point(
    mirrored: MirroredPlace,
    host: CommandHost,
    executor: str,
    points: Iterator[Circumstances],
    *,
    written_twice: int = 0,
) -> int:
    """Kill an apply at each point, apply again, and see that all is well; return how many kills there were.

    The points end where a run is over before its kill.
    """
    place = mirrored.place
    words = ("apply", place.plan_file, "--yes", "--executor", executor)
    for kills, point in enumerate(points):
        mirrored.set_back()
        place.server.reset_stats()
        place.server.set_mode(latency_s=LATENCY_S)
        ran = host.run(*words, circumstances=point)
        place.server.set_mode(latency_s=0)
        if not ran.was_killed:
            assert ran.ended.exit_code == 0, ran.ended.output
            return kills
        ended = host.run(*words).ended
        assert ended.exit_code == 0, f"{point}: {ended.output}"
        place.told += [ran.ended.output, ended.output]
        mirrored.assert_ended_right(written_twice=written_twice)
        stats = place.server.stats()
        assert stats.answered("CopyObject") <= SMALL + written_twice
        # The batch under way, once more, and two copies of each apply that confirm what is known of the store.
        assert stats.requested("CopyObject") <= 2 * SMALL + 2 * 2
        assert stats.answered("UploadPartCopy") <= LARGE * PARTS + 2 * IN_FLIGHT
        again = host.run("apply", place.plan_file, "--yes").ended
        assert again.exit_code == 0, f"{point}: {again.output}"
        assert place.writes() == dict.fromkeys(place.writes(), 1) or written_twice
    pytest.fail("the run had no end")


def forget_what_is_known(place: Workplace) -> None:
    """Have the store probed anew: it was another one when it was probed."""
    (known,) = Path(place.command.environment["XDG_CACHE_HOME"]).rglob("capabilities.json")
    known.unlink()


def commits(*, before: bool, flush_every: int | None, step: int = 1, first: int = 1) -> Iterator[Circumstances]:
    for number in range(first, _MOST_POINTS, step):
        yield Circumstances(killed_at_commit=number, before_commit=before, flush_every=flush_every)


@pytest.mark.sampled(1)
@EXECUTORS
def test_killed_after_any_commit_of_the_journal(mirrored: MirroredPlace, host: CommandHost, executor: str) -> None:
    flush_every = 1 if TORTURE else None  # None: as it is, some ten commits
    step = 3 if executor in SLOW_TO_START and not TORTURE else 1
    kills = killed_at_every_point(mirrored, host, executor, commits(before=False, flush_every=flush_every, step=step))
    assert kills >= (8 if TORTURE else 6 // step)


@pytest.mark.sampled(1)
@EXECUTORS
def test_killed_just_before_any_commit_of_the_journal(
    mirrored: MirroredPlace, host: CommandHost, executor: str
) -> None:
    step = 1 if TORTURE else 6 if executor in SLOW_TO_START else 3
    points = commits(before=True, flush_every=1 if TORTURE else None, step=step, first=1 if TORTURE else 2)
    assert killed_at_every_point(mirrored, host, executor, points) >= (1 if step == 6 else 2)


def test_killed_at_commits_on_a_store_that_holds_no_condition(mirrored: MirroredPlace, host: CommandHost) -> None:
    """There a request that was under way may land after the look, and be sent again: no more than those."""
    mirrored.place.server.set_mode(conditions="none")
    mirrored.seed()
    mirrored.place.plan_file.unlink()
    forget_what_is_known(mirrored.place)
    mirrored.place.plan(probe=True)
    points = commits(before=False, flush_every=1, step=1 if TORTURE else 4)
    assert killed_at_every_point(mirrored, host, "threads", points, written_twice=IN_FLIGHT) >= 2


@pytest.mark.skipif(why_not() is not None, reason=f"a kill at a change of the disk {why_not()}")
def test_killed_at_any_change_of_the_disk(mirrored: MirroredPlace, host: CommandHost) -> None:
    points = (
        Circumstances(disk_fault=DiskFault(kill_at=number), flush_every=4)
        for number in range(1, _MOST_POINTS * 10, 1 if TORTURE else 21)
    )
    assert killed_at_every_point(mirrored, host, "serial", points) >= (8 if TORTURE else 5)


@pytest.mark.sampled(1)
@EXECUTORS
def test_killed_at_random_moments(mirrored: MirroredPlace, executor: str) -> None:
    """Also while modules are imported, workers come up, or the plan is read."""
    place, moments = mirrored.place, random.Random(f"moments of {executor}")
    up_s = _COMES_UP_WITHIN_S.get(executor, 1.1)
    rounds = 40 if TORTURE else 1 if executor == "dask" else 2
    kills = 0
    for _ in range(rounds):
        mirrored.set_back()
        place.server.set_mode(latency_s=0.02)
        for _ in range(3):
            with place.command.start("apply", place.plan_file, "--yes", "--executor", executor) as started:
                time.sleep(moments.uniform(0.2, up_s))
                killed = started.kill()
                kills += killed.exit_code == -signal.SIGKILL
                place.told.append(killed.output)
        place.server.set_mode(latency_s=0)
        assert place.apply(executor=executor).exit_code == 0
        mirrored.assert_ended_right()
    assert kills >= rounds, "most came too late"
    assert len(place.keys("source")) == ACTIONS - 12
