"""What one process asks of another through a file that anybody may have touched."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from s3plan.executors.journal.control_file import ControlFile, ask, control_path
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.run_states import Wish

DIGEST = "d" * 64
US, OTHERS = "our token", "others' token"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return control_path(tmp_path / "job.s3run")


def test_what_is_asked_is_heard_and_the_last_word_counts(path: Path) -> None:
    heard = ControlFile(path, DIGEST, US)
    assert heard.wish() is Wish.GO_ON
    for wish in (Wish.PAUSE, Wish.GO_ON, Wish.PAUSE, Wish.CANCEL):
        ask(path, wish, plan_digest=DIGEST, holder=US)
        assert heard.wish() is wish
        assert heard.wish() is wish
    heard.clear()
    assert heard.wish() is Wish.GO_ON
    assert not path.exists()


def test_a_file_that_is_removed_asks_nothing_any_more(path: Path) -> None:
    heard = ControlFile(path, DIGEST, US)
    ask(path, Wish.PAUSE, plan_digest=DIGEST, holder=US)
    assert heard.wish() is Wish.PAUSE
    path.unlink()
    assert heard.wish() is Wish.GO_ON


def test_it_is_for_its_owner_only_and_nothing_is_left_beside_it(path: Path) -> None:
    before = os.umask(0)
    try:
        ask(path, Wish.PAUSE, plan_digest=DIGEST, holder=US)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pause",
        "[]",
        "{}",
        '{"wish": "pause"}',
        json.dumps({"wish": "pause", "plan_digest": "e" * 64, "holder": US}),
        json.dumps({"wish": "pause", "plan_digest": DIGEST}),
        json.dumps({"wish": "pause", "plan_digest": DIGEST, "holder": OTHERS}),
        json.dumps({"wish": "delete everything", "plan_digest": DIGEST, "holder": US}),
        json.dumps({"wish": ["pause"], "plan_digest": DIGEST, "holder": US}),
        "[" * 4096,
        "\x00" * 10_000,
    ],
)
def test_a_file_that_is_not_of_this_run_or_makes_no_sense_asks_nothing(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert ControlFile(path, DIGEST, US).wish() is Wish.GO_ON


def test_bytes_that_are_no_text_ask_nothing(path: Path) -> None:
    path.write_bytes(b"\xff\xfe{")
    assert ControlFile(path, DIGEST, US).wish() is Wish.GO_ON


def test_a_link_or_a_pipe_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    ask(elsewhere, Wish.CANCEL, plan_digest=DIGEST, holder=US)
    path.symlink_to(elsewhere)
    heard = ControlFile(path, DIGEST, US)
    assert heard.wish() is Wish.GO_ON
    path.unlink()
    os.mkfifo(path)
    assert heard.wish() is Wish.GO_ON, "and nobody waits for a writer"


def test_asking_replaces_a_planted_link_and_writes_nothing_through_it(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    ask(path, Wish.PAUSE, plan_digest=DIGEST, holder=US)
    assert victim.read_text() == "precious"
    assert ControlFile(path, DIGEST, US).wish() is Wish.PAUSE


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(S3PlanError, match=r"control file cannot be written: No such file or directory"):
        ask(tmp_path / "gone" / "x.control", Wish.PAUSE, plan_digest=DIGEST, holder=US)
