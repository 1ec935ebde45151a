"""The power fails at any moment of a download: each file is old or new, whole, and the next apply ends it.

The order that this rests on is read from what the process really asked of the disk: fakes/disk_shim.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.disk_shim import Change, read_log, why_not
from fakes.ended import Ended
from fakes.power_cuts import Kept, Tree, UnsyncedDisk, lay_out
from fakes.restored_place import ACTIONS, EXTRANEOUS, WRITES, RestoredPlace, restored_place
from fakes.torture import in_short
from fakes.workplace import Workplace

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"a disk that is watched {why_not()}")


@pytest.fixture
def restored(place: Workplace) -> Iterator[RestoredPlace]:
    with restored_place(place) as restored:
        yield restored


def recorded(restored: RestoredPlace) -> list[Change]:
    """Apply without faults; return what it asked of the disk."""
    log = restored.place.folder / "log"
    ended = restored.apply(log=log, flush_every=1).ended  # the journal is written often
    assert ended.exit_code == 0, ended.output
    restored.assert_ended_right("undisturbed")
    return list(read_log(log))


def test_bytes_are_synced_before_a_name_and_names_before_the_journal_has_them(restored: RestoredPlace) -> None:
    changes = [change for change in recorded(restored) if "/trial-" not in change.path]
    syncs = [at for at, change in enumerate(changes) if change.kind == "f"]
    commits = [at for at, change in enumerate(changes) if change.kind == "s" and ".s3run" in change.path]
    staging = str(restored.folder / ".s3plan-tmp") + "/"
    written: dict[str, int] = {}  # when a staged file was written last
    published: dict[str, int] = {}
    for at, change in enumerate(changes):
        path, new_path = change.path, change.data.decode(errors="replace") if change.kind in "rx" else ""
        if change.kind in "wta" and not path.startswith(str(restored.disk / "job.")):
            assert path.startswith(staging), f"{path} was written in its place"
            written[path] = at
        elif change.kind == "r" and new_path.startswith(staging) and path.startswith(staging):
            written[new_path] = written.pop(path)
        elif change.kind in "rx" and path.startswith(staging):
            key = str(Path(new_path).relative_to(restored.folder))
            assert any(written[path] < sync < at for sync in syncs), f"{key} had its name before its bytes"
            published[key] = at
        elif change.kind == "r" and new_path.startswith(staging):
            published[str(Path(path).relative_to(restored.folder))] = at
    assert set(published) == {*WRITES, *EXTRANEOUS}
    for key, at in published.items():
        assert any(sync > at and any(commit > sync for commit in commits) for sync in syncs), key


def test_each_file_is_old_or_new_after_a_power_cut_at_any_moment_and_the_next_apply_ends_it(
    restored: RestoredPlace,
) -> None:
    first = UnsyncedDisk(restored.disk)  # as it stands before the run
    images = list(distinct_images(first, recorded(restored)))
    resumed = 0
    for at in in_short(range(len(images)), at_most=12):
        where, tree = images[at]
        lay_out(restored.disk, tree)
        restored.assert_each_is_old_or_new(where)
        changed = changes_of(restored)
        ended = restored.apply().ended
        assert ended.exit_code == 0, f"{where}: {ended.output}"
        acknowledged = acknowledged_by(ended)
        assert acknowledged <= changed, f"{where}: {acknowledged} are acknowledged"
        restored.assert_ended_right(where)
        resumed += 0 < acknowledged < ACTIONS
    assert resumed > 0


def distinct_images(disk: UnsyncedDisk, changes: list[Change]) -> Iterator[tuple[str, Tree]]:
    """Yield what may stand there after a cut at each moment, each once.

    The journal may lie on a disk of its own, which keeps more than the other one, or less.
    """
    told: set[int] = set()
    for number, change in enumerate(changes, start=1):
        disk.take(change)
        trees = {kept: disk.after_a_cut(kept) for kept in Kept}
        for of_files in Kept:
            for of_journal in (Kept.NOTHING, Kept.ALL):
                tree = {name: standing for name, standing in trees[of_files].items() if "/job." not in name}
                tree |= {name: standing for name, standing in trees[of_journal].items() if "/job." in name}
                identity = hash(frozenset(tree.items()))
                if identity not in told:
                    told.add(identity)
                    yield f"cut {number}, of files {of_files.value} kept, of the journal {of_journal.value}", tree


def acknowledged_by(ended: Ended) -> int:
    """Return how many actions the journal said were done when this apply began."""
    began = [event for event in ended.events if event["event"] == "run-started"]
    return int(began[0]["settled"]) if began else ACTIONS


def changes_of(restored: RestoredPlace) -> int:
    """Return how many actions of the plan the folder shows."""
    found = restored.found
    return sum(found.get(key) == restored.wanted[key] for key in WRITES) + sum(key not in found for key in EXTRANEOUS)
