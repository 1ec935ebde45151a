"""Rooms for bytes on their way: what is poured into one reaches nothing else."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path

from s3plan.schemas.bodies import OpenSink
from s3plan.storage.rooms import FileRoom, MemoryRoom


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


def test_memory_is_given_up_once_neither_the_room_nor_a_sink_of_it_is_there() -> None:
    ended: list[bytes] = []
    room = MemoryRoom(mmap(-1, 4), on_end=lambda memory: ended.append(memory[:]))
    sink = room.sink()
    del room
    assert ended == []
    sink.take(memoryview(b"late"))
    del sink
    assert ended == [b"late"]


def test_a_second_sink_fills_a_room_from_its_beginning() -> None:
    room = MemoryRoom(mmap(-1, 4), on_end=lambda _: None)
    room.sink().take(memoryview(b"old"))
    sink = room.sink()
    assert isinstance(sink, OpenSink)
    free = sink.free_view(3)
    free[:] = b"new"
    sink.filled(2)
    assert len(sink.free_view(10)) == 2
    sink.take(memoryview(b"er"))
    assert bytes(room.view_at(0, 10)) == b"neer"
    into = memoryview(bytearray(8))
    assert room.read_into(into, offset=1) == 3
    assert bytes(into[:3]) == b"eer"
