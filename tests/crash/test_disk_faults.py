"""The disk of plan and journal fails at any one write, sync or renaming, or from then on.

A clean error that says where and what to do, nothing half written under its final name, nothing acknowledged that is
not on the disk; and once the disk is mended the same command ends right.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command_host import Circumstances, CommandHost, HostedEnd
from fakes.disk_shim import FOREVER, SHORT_WRITE, DiskFault, compile_shim, why_not
from fakes.mirrored_place import ACTIONS, EXTRANEOUS, MirroredPlace
from fakes.torture import LONG_ONLY, of_each_kind
from fakes.workplace import Workplace
from s3plan.planfile.reader import open_plan

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"a disk that fails {why_not()}")

WHAT_TO_DO = re.compile(r"make room|repair the disk|check the disk|apply again|make the plan again", re.IGNORECASE)
BY_SQLITE = "ud"  # it syncs the folder when it makes a side file, and goes on if that fails (os_unix.c, unixSync)
FAULTS = [
    pytest.param(DiskFault(error=errno.ENOSPC, times=FOREVER), id="full"),
    pytest.param(DiskFault(error=SHORT_WRITE, times=FOREVER), id="half-a-write-then-full"),
    pytest.param(DiskFault(error=errno.EIO, times=1), id="one-error"),
    pytest.param(DiskFault(error=errno.EIO, times=FOREVER), id="broken"),
]
ALL = pytest.mark.parametrize("fault", FAULTS)


@pytest.fixture
def mirrored(place: Workplace) -> MirroredPlace:
    mirrored = MirroredPlace(place)
    mirrored.plan()
    return mirrored


@pytest.fixture
def host(mirrored: MirroredPlace, tmp_path: Path) -> Iterator[CommandHost]:
    place = mirrored.place
    shim = compile_shim(tmp_path)
    watched = place.plan_file.parent
    with CommandHost(place.folder, place.command.environment, watched=watched, shim=shim) as host:
        yield host


def at(fault: DiskFault, number: int) -> Circumstances:
    return Circumstances(disk_fault=DiskFault(number, fault.times, fault.error))


def turn_of(fault: DiskFault, *, is_second: bool = False) -> int:
    """Which points the short version takes: each fault, and each test of it, takes others."""
    return [parameter.values[0] for parameter in FAULTS].index(fault) * 2 + is_second


def is_told(ran: HostedEnd, folder: Path, point: object, *, ignored: str = "un") -> bool:
    """See that a failure is told, and clearly; return whether there was one that had to be.

    A sentence on standard error names a file of ours and says what to do; see also CommandHost.run. `ignored`: kinds of
    changes that nothing may depend on, such as removing a file that is of no use any more; where a file without a name
    cannot be made, one with a name is.
    """
    ended = ran.ended
    if ended.exit_code == 0:
        assert set(ran.failed) <= set(ignored), f"{point}: nobody was told that {ran.failed} failed"
        return False
    assert ended.exit_code == 1, f"{point}: {ended.output}"
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("s3plan: error:")]
    assert str(folder) in line, f"{point}: {line}"
    assert WHAT_TO_DO.search(line), f"{point}: {line}"
    return True


def actions_of(plan: Path) -> int:
    """Return how many actions a plan has, every batch of it read and checked."""
    with open_plan(plan) as reader:
        return sum(1 for batch, _ in reader.iter_actions() if reader.phases_by_id[batch.phase].name.value != "aside")


@pytest.mark.sampled(1)
@ALL
@pytest.mark.parametrize("is_second", [False, True], ids=["first", "over another"])
def test_a_plan_is_whole_or_absent_wherever_its_disk_fails(
    mirrored: MirroredPlace, host: CommandHost, fault: DiskFault, *, is_second: bool
) -> None:
    place = mirrored.place
    plan, words = place.plan_file, ("plan", place.folder / "job.yaml")
    folder = plan.parent
    old = plan.read_bytes()
    changes = host.run(*words).disk_changes
    assert set("wsdr") <= set(changes)
    failed = 0
    for number in of_each_kind(changes, at_most=1, turn=turn_of(fault, is_second=is_second)):
        for left in folder.iterdir():
            left.unlink()
        if is_second:
            plan.write_bytes(old)
        failed += is_told(host.run(*words, circumstances=at(fault, number)), folder, (fault, number))
        assert not plan.exists() or actions_of(plan) == ACTIONS
        assert not is_second or plan.exists()
        again = host.run(*words).ended
        assert again.exit_code == 0, again.output
        assert actions_of(plan) == ACTIONS
        # The lock of a plan that is replaced stays where the disk would not remove it.
        assert {found.name for found in folder.iterdir()} - {f"{place.journal.name}.lock"} == {plan.name}
    assert failed > 0


@pytest.mark.sampled(1)
@ALL
def test_an_apply_whose_disk_fails_anywhere_says_so_and_goes_on_once_it_is_mended(
    mirrored: MirroredPlace, host: CommandHost, fault: DiskFault
) -> None:
    place = mirrored.place
    words = ("apply", place.plan_file, "--yes", "--executor", "serial")
    mirrored.set_back()
    changes = host.run(*words).disk_changes
    assert set("cwsdu") <= set(changes)
    failed = 0
    for number in of_each_kind(changes, at_most=1, turn=turn_of(fault)):
        mirrored.set_back()
        ran = host.run(*words, circumstances=at(fault, number))
        failed += is_told(ran, place.plan_file.parent, (fault, number), ignored=BY_SQLITE)
        assert_nothing_is_acknowledged_that_is_not_so(mirrored, host)
        again = host.run(*words).ended
        assert again.exit_code == 0, f"{(fault, number)}: {again.output}"
        place.told += [ran.ended.output, again.output]
        mirrored.assert_ended_right()
        status = host.run("status", place.plan_file, "--json").ended.events[0]
        assert status["remaining"] == 0
    assert failed > 1


def assert_nothing_is_acknowledged_that_is_not_so(mirrored: MirroredPlace, host: CommandHost) -> None:
    place = mirrored.place
    ended = host.run("status", place.plan_file, "--json").ended
    assert ended.exit_code == 0, ended.output
    status = ended.events[0]
    acknowledged = status["counts"].get("done", 0) + status["counts"].get("already-done", 0)
    extraneous = place.keys("destination") - place.keys("source")
    assert acknowledged <= len(place.writes()) + EXTRANEOUS - len(extraneous)


@LONG_ONLY
@ALL
def test_a_resumed_apply_whose_disk_fails_anywhere(
    mirrored: MirroredPlace, host: CommandHost, fault: DiskFault
) -> None:
    """With a journal, a lock and half of the work that are there already."""
    place = mirrored.place
    words = ("apply", place.plan_file, "--yes", "--executor", "serial")

    def half_done() -> None:
        mirrored.set_back()
        assert host.run(*words, "--limit", str(ACTIONS // 2)).ended.exit_code == 8

    half_done()
    changes = host.run(*words).disk_changes
    for number in range(1, len(changes) + 1):
        half_done()
        ran = host.run(*words, circumstances=at(fault, number))
        is_told(ran, place.plan_file.parent, (fault, number), ignored=BY_SQLITE)
        assert_nothing_is_acknowledged_that_is_not_so(mirrored, host)
        again = host.run(*words).ended
        assert again.exit_code == 0
        place.told += [ran.ended.output, again.output]
        mirrored.assert_ended_right()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_sort_on_disk_that_has_no_room_is_told(mirrored: MirroredPlace, error: int) -> None:
    """Of a store that lists out of order; the rows lie in a temporary file."""
    place = mirrored.place
    place.seed("source", count=12_000, key_format="k" * 250 + "/{:06d}", size_bytes=1)  # more than SQLite's cache
    place.server.set_mode(order="unsorted")
    spool = place.folder / "spool"
    spool.mkdir()
    environment = {**place.command.environment, "SQLITE_TMPDIR": str(spool), "TMPDIR": str(spool)}
    shim = compile_shim(place.folder)
    words = ("plan", place.folder / "job.yaml")
    with CommandHost(place.folder, environment, watched=spool, shim=shim) as sorting:
        calm = sorting.run(*words)
        assert calm.ended.exit_code == 0, calm.ended.output
        assert "w" in calm.disk_changes
        points = of_each_kind(calm.disk_changes, at_most=1, turn=1)
        for number in points[:: max(1, len(points) // 50)]:  # thousands, all alike: a share in the long version, too
            fault = DiskFault(number, FOREVER, error)
            ran = sorting.run(*words, circumstances=Circumstances(disk_fault=fault))
            assert ran.ended.exit_code == 1 or set(ran.failed) <= {"u"}
            assert ran.ended.exit_code == 0 or WHAT_TO_DO.search(ran.ended.stderr), ran.ended.stderr
        assert sorting.run(*words).ended.exit_code == 0
