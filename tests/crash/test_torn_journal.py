"""The power fails at any moment: every state that the disk may be left in opens as the last commit, or is refused.

The states are built from what SQLite really asked of the disk, byte by byte; see fakes.crash_images.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.crash_images import Files, crash_images
from fakes.disk_shim import Change, compile_shim, read_log, why_not
from fakes.torture import TORTURE
from s3plan.executors.journal.journal import Journal
from s3plan.executors.journal.records import BatchRecord, OutcomeRecord
from s3plan.planfile.reader import open_plan
from s3plan.schemas.bitmaps import bitmap_of
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.tasks import KnownUpload
from unit.planfile.plan_samples import copies, numbered, write_plan

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"a disk that is watched {why_not()}")

PLAN = "a" * 64
COMMITS = 7
_TESTS = Path(__file__).parents[1]

# Performs a function of this module with the disk watched.
_WATCHED = """
    import sys
    from pathlib import Path
    from crash import test_torn_journal
    from fakes.disk_shim import Disk, DiskFault

    disk = Disk(sys.argv[1])
    folder = Path(sys.argv[2])
    disk.watch(folder, DiskFault(), log=Path(sys.argv[3]))
    getattr(test_torn_journal, sys.argv[4])(folder, disk.mark)
"""

Mark = Callable[[int], None]


def write_a_journal(folder: Path, mark: Mark) -> None:
    """Make a journal and commit to it again and again; mark what was acknowledged."""
    with Journal.open(folder / "job.s3run", plan_digest=PLAN, now_ms=1) as journal:
        mark(1)
        for number in range(1, COMMITS):
            commit(journal, number)
            mark(number + 1)


def commit(journal: Journal, number: int) -> None:
    """One block of news; the later ones need more pages than the file has, and free some again."""
    outcomes = [
        OutcomeRecord(2, at, OutcomeKind.STALE, f"{number} " + "x" * 150, "", None, 1, number)
        for at in range(number * 7)
    ]
    journal.write(
        batches=[BatchRecord(1, number, 1, is_open=True, actions=800, done=bitmap_of(range(number * 50), size=800))],
        outcomes=outcomes,
        settled=[(2, at) for at in range(number * 3)],
        uploads=[(3, KnownUpload(number, f"upload {number}", 5, ()))],
        parts=[(3, number, f"upload {number}", part, "e" * 32) for part in range(1, 4)],
        ended_uploads=[(3, number - 2)],
    )


@dataclass(frozen=True)
class Content:
    """All that a journal says."""

    batches: tuple[BatchRecord, ...]
    outcomes: tuple[OutcomeRecord, ...]
    uploads: tuple[KnownUpload, ...]


def content_of(path: Path) -> Content:
    with Journal.open(path, plan_digest=PLAN, now_ms=2) as journal:
        return Content(tuple(journal.batches()), tuple(journal.outcomes()), journal.uploads(3))


def expected_contents(folder: Path) -> list[Content]:
    """Return what the journal says after each commit; the first entry is that of no journal, which is a new one."""
    path = folder / "expected.s3run"
    found: list[Content] = [Content((), (), ())]

    def note(_: int) -> None:
        found.append(content_of(path))

    with Journal.open(path, plan_digest=PLAN, now_ms=1):
        pass
    note(1)
    for number in range(1, COMMITS):
        with Journal.open(path, plan_digest=PLAN, now_ms=1) as journal:
            commit(journal, number)
        note(number)
    return found


def watched(folder: Path, function: str) -> list[Change]:
    """Perform a function of this module in a new process and return what it asked of the disk."""
    place, log = folder / "watched", folder / "log"
    place.mkdir()
    shim = compile_shim(folder)
    command = [sys.executable, "-c", textwrap.dedent(_WATCHED), str(shim), str(place), str(log), function]
    python_path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": python_path, "LD_PRELOAD": str(shim)}
    subprocess.run(command, check=True, env=environment, timeout=60)
    return list(read_log(log))


def lay_out(folder: Path, image: Files) -> None:
    for old in folder.iterdir():
        old.unlink()
    for name, content in image.items():
        (folder / name).write_bytes(content)


def in_short(images: Sequence[tuple[int, int, Files]], *, at_most: int) -> Sequence[tuple[int, int, Files]]:
    """Return all, or in the short version a choice."""
    if TORTURE or len(images) <= at_most:
        return images
    chosen = sorted(random.Random(1).sample(range(len(images)), at_most))
    return [images[number] for number in chosen]


@pytest.fixture(scope="module")
def journal_changes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Change]]:
    folder = tmp_path_factory.mktemp("watched-journal")
    return folder / "watched", watched(folder, "write_a_journal")


def test_what_was_watched_is_what_sqlite_promises(journal_changes: tuple[Path, list[Change]]) -> None:
    """Or the images below would prove nothing."""
    _, changes = journal_changes
    kinds = [(change.kind, Path(change.path).suffix) for change in changes]
    assert sum(kind == "m" for kind, _ in kinds) == COMMITS
    assert kinds.count(("u", ".s3run-journal")) == COMMITS
    assert kinds.count(("s", ".s3run")) >= COMMITS
    assert kinds.count(("s", ".s3run-journal")) >= COMMITS
    assert kinds.count(("w", ".s3run")) > 3 * COMMITS


def test_every_state_that_a_power_failure_may_leave_opens_as_the_last_commit(
    journal_changes: tuple[Path, list[Change]], tmp_path: Path
) -> None:
    folder, changes = journal_changes
    expected = expected_contents(tmp_path)
    place = tmp_path / "image"
    place.mkdir()
    images = list(crash_images(changes, folder=folder))
    assert len(images) > 1000
    for number, mark, image in in_short(images, at_most=700):
        lay_out(place, image)
        found = content_of(place / "job.s3run")
        assert found in expected[mark : mark + 2], f"after change {number}, {changes[number].kind}, commit {mark}"


def test_a_side_file_cut_at_every_byte_is_undone_or_ignored(
    journal_changes: tuple[Path, list[Change]], tmp_path: Path
) -> None:
    """Of one commit, the whole of it: whatever part of the side file has arrived."""
    folder, changes = journal_changes
    expected = expected_contents(tmp_path)
    place = tmp_path / "image"
    place.mkdir()
    ends = [number for number, change in enumerate(changes) if change.kind == "m"]
    of_side_file = [at for at in range(ends[3] + 1, ends[4]) if changes[at].path.endswith("-journal")]
    assert len(of_side_file) > 5
    cut = [
        image
        for number in of_side_file
        for image in crash_images(
            changes, folder=folder, after=range(number, number + 1), cut_step=1 if TORTURE else 61
        )
    ]
    assert len(cut) > 500
    for number, mark, image in in_short(cut, at_most=700):
        lay_out(place, image)
        assert content_of(place / "job.s3run") in expected[mark : mark + 2], f"after change {number}"


def write_a_plan_twice(folder: Path, mark: Mark) -> None:
    """Make a plan, then another one in its place."""
    write_plan(folder / "job.s3plan", copied=copies(*numbered("a", 120)))
    mark(1)
    write_plan(folder / "job.s3plan", copied=copies(*numbered("b", 240)))
    mark(2)


def test_a_plan_is_whole_or_the_one_before_it_after_any_power_failure(tmp_path: Path) -> None:
    changes = watched(tmp_path, "write_a_plan_twice")
    place = tmp_path / "image"
    place.mkdir()
    images = list(crash_images(changes, folder=tmp_path / "watched"))
    assert len(images) > 50
    sizes = (0, 120, 240)
    for number, mark, image in in_short(images, at_most=300):
        lay_out(place, image)
        path = place / "job.s3plan"
        found = 0
        if path.exists():
            with open_plan(path) as plan:
                found = sum(1 for _ in plan.iter_actions())
        assert found in sizes[mark : mark + 2], f"after change {number}, {changes[number].kind}"
