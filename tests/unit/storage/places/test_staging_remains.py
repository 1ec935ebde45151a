"""What a run leaves in the staging folder, where a power failure brings it back after the journal had its end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from s3plan.schemas.files.requests import StagedName
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.folder.writes.trash import Trash
from s3plan.storage.places.staging_remains import FindSettled, Settled, tidy_staging

PLAN = "a" * 64
PARTS = (b"below", b"file")


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / ".s3plan-tmp" / PLAN[:32]
    folder.mkdir(parents=True)
    return folder


def only(position: int, removed: Stamp | None) -> FindSettled:
    """Say of one action that it is settled."""
    wanted = StagedName(PLAN, 1, 1, position)
    return lambda staged: Settled(PARTS, removed) if staged == wanted else None


def test_what_a_settled_action_has_staged_goes_and_the_folder_with_it(tmp_path: Path, staging: Path) -> None:
    (staging / "1.1-0").write_bytes(b"ours")
    assert tidy_staging(tmp_path, PLAN, settled=only(0, None)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_file_that_a_settled_action_replaced_goes_and_any_other_stays(tmp_path: Path, staging: Path) -> None:
    replaced, edited = staging / "1.1-0.x", staging / "1.1-1.x"
    replaced.write_bytes(b"planned")
    edited.write_bytes(b"an edit")
    pinned = Stamp.of(replaced.stat())
    assert tidy_staging(tmp_path, PLAN, settled=lambda _: Settled(PARTS, pinned)) == [b"1.1-1.x"]
    assert [path.name for path in staging.iterdir()] == ["1.1-1.x"]


def test_the_file_that_was_to_go_to_the_trash_goes_there(tmp_path: Path) -> None:
    root, replaced = tmp_path / "root", tmp_path / "root/.s3plan-tmp" / PLAN[:32] / "1.1-0.x"
    replaced.parent.mkdir(parents=True)
    replaced.write_bytes(b"planned")
    settled, trash = only(0, Stamp.of(replaced.stat())), Trash(tmp_path / "trash")
    assert tidy_staging(root, PLAN, settled=settled, trash=trash) == []
    assert (tmp_path / "trash" / PLAN[:32] / "below/file").read_bytes() == b"planned"
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("name", ["1.1-1", "1.1-0.x", "2.1-0", "somebody's", "kept"])
def test_nothing_goes_that_a_run_may_still_need_or_is_somebodys(tmp_path: Path, staging: Path, name: str) -> None:
    (staging / name).write_bytes(b"x")
    assert tidy_staging(tmp_path, PLAN, settled=only(0, None)) == [name.encode()]
    assert (staging / name).read_bytes() == b"x"


def test_a_trial_that_was_killed_goes_and_one_that_goes_on_stays(tmp_path: Path, staging: Path) -> None:
    for name in ("trial-1", "trial-2"):
        (staging.parent / name).mkdir()
        (staging.parent / name / "one").write_bytes(b"")
    descriptor = os.open(staging.parent / "trial-2", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert tidy_staging(tmp_path, PLAN, settled=only(0, None)) == []
    os.close(descriptor)
    assert [path.name for path in staging.parent.iterdir()] == ["trial-2"]
