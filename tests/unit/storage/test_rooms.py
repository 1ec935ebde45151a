"""Rooms for bytes on their way: what is poured into one reaches nothing else."""

from __future__ import annotations

from pathlib import Path

from s3plan.storage.rooms import FileRoom


def test_bytes_that_come_when_nobody_waits_for_them_any_more_go_into_no_other_file(tmp_path: Path) -> None:
    ended: list[bool] = []
    room = FileRoom(4, on_end=lambda: ended.append(True))
    sink = room.sink()
    del room
    with (tmp_path / "journal").open("w+b") as journal:  # would get the descriptor if it were free
        sink.take(memoryview(b"late"))
        assert journal.read() == b""
    assert ended == []
    del sink
    assert ended == [True]
