"""The disk under a folder fails at any write, sync, or renaming of a download, or from then on.

What fails is told and counts as failed, files stay old or become new, nothing of ours is left in the staging folder
once the disk is mended, and the next apply ends like an undisturbed one.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from zlib import crc32

import pytest
from fakes.disk_shim import FOREVER, SHORT_WRITE, DiskFault, why_not
from fakes.restored_place import RestoredPlace, restored_place
from fakes.torture import of_each_kind
from fakes.workplace import Workplace

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"a disk that fails {why_not()}")

_OF_NO_MATTER = "ub"  # what is of no use any more is removed then or later
FAULTS = [
    pytest.param(DiskFault(error=errno.ENOSPC, times=FOREVER), id="full"),
    pytest.param(DiskFault(error=SHORT_WRITE, times=FOREVER), id="half-a-write-then-full"),
    pytest.param(DiskFault(error=errno.EIO, times=1), id="one-error"),
    pytest.param(DiskFault(error=errno.EIO, times=FOREVER), id="broken"),
    pytest.param(DiskFault(error=errno.EROFS, times=FOREVER), id="read-only"),
]


@pytest.fixture
def restored(place: Workplace) -> Iterator[RestoredPlace]:
    with restored_place(place, watched="disk/files") as restored:
        yield restored


@pytest.mark.sampled(1)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_download_whose_disk_fails_anywhere_keeps_files_whole_and_goes_on_once_it_is_mended(
    restored: RestoredPlace, request: pytest.FixtureRequest, fault: DiskFault
) -> None:
    calm = restored.apply()
    assert calm.ended.exit_code == 0, calm.ended.output
    assert set("kcwaerxufb") <= set(calm.disk_changes), calm.disk_changes
    failed = 0
    for number in of_each_kind(calm.disk_changes, at_most=1, turn=crc32(request.node.callspec.id.encode())):
        restored.set_back()
        struck = restored.apply(fault=DiskFault(number, fault.times, fault.error))
        where = f"{struck.failed} at change {number} ({calm.disk_changes[number - 1]})"
        restored.assert_each_is_old_or_new(where)
        if not set(struck.failed) <= set(_OF_NO_MATTER):
            failed += 1
            assert struck.ended.exit_code in {1, 3}, f"{where}: {struck.ended.output}"
            assert has_told(struck.ended.output), f"{where}: {struck.ended.output}"
        ended = restored.apply().ended
        assert ended.exit_code == 0, f"{where}: {ended.output}"
        restored.assert_ended_right(where)
    assert failed > 1


def has_told(output: str) -> bool:
    return any(said in output for said in ("No space left", "Input/output error", "Read-only file system"))


def test_after_a_sync_that_failed_once_nothing_counts_as_done_and_old_files_are_there(restored: RestoredPlace) -> None:
    """Its descriptor was opened before the first write, so it is told of what was lost; the next one would not be."""
    struck = restored.apply(fault=DiskFault(1, 1, errno.EIO, kinds="f"))
    assert (struck.failed, struck.ended.exit_code) == ("f", 3), struck.ended.output
    (end,) = [event for event in struck.ended.events if event["event"] == "run-ended"]
    assert set(end["counts"]) <= {"failed", "skipped"}, end
    assert "the disk has not kept what was written: Input/output error" in struck.ended.output
    assert restored.found == restored.old
    assert restored.has_nothing_staged
    ended = restored.apply().ended
    assert ended.exit_code == 0, ended.output
    restored.assert_ended_right("after it")


def test_nothing_stays_of_an_exchange_whose_disk_broke_in_the_middle(restored: RestoredPlace) -> None:
    """The file that was to be exchanged cannot be removed either: the next run looks for it."""
    calm = restored.apply()
    for number in [number for number, kind in enumerate(calm.disk_changes, start=1) if kind == "x"]:
        restored.set_back()
        struck = restored.apply(fault=DiskFault(number, FOREVER, errno.EIO))
        where = f"{struck.failed} at change {number}"
        restored.assert_each_is_old_or_new(where)
        assert struck.ended.exit_code in {1, 3}, f"{where}: {struck.ended.output}"
        ended = restored.apply().ended
        assert ended.exit_code == 0, f"{where}: {ended.output}"
        restored.assert_ended_right(where)
