"""Small files are asked for together at the end of a turn, and nothing waits where there are no turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from s3plan.schemas.files.requests import DropStaged, FileRequest, PublishFile, ReadFile, StagedName
from s3plan.schemas.files.stamps import Stamp
from s3plan.storage.transfer.gathered_files import GatheredFiles, OnReply


class Files:
    """A FileEngine that takes note of what it is asked, and how."""

    def __init__(self) -> None:
        self.singly: list[FileRequest] = []
        self.together: list[list[FileRequest]] = []

    def submit(self, request: FileRequest, on_reply: OnReply) -> None:
        self.singly.append(request)

    def submit_together(self, asked: Sequence[tuple[FileRequest, OnReply]]) -> None:
        self.together.append([request for request, _ in asked])

    def close(self) -> None:
        """There is nothing to let go of."""


class Turns:
    """An engine with turns, or between two of them."""

    def __init__(self, *, is_in_turn: bool) -> None:
        self.is_in_turn = is_in_turn
        self.calls: list[Callable[[], None]] = []

    def after_turn(self, call: Callable[[], None]) -> bool:
        if self.is_in_turn:
            self.calls.append(call)
        return self.is_in_turn


def reading(size_bytes: int) -> ReadFile:
    return ReadFile((b"f",), Stamp(size_bytes, 1, 1, 1))


def publishing(content: Any) -> PublishFile:
    return PublishFile(StagedName("d" * 64, 1, 1, 0), (b"f",), None, 0, content)


def ignore(_: object) -> None:
    """What becomes of it is not looked at."""


def test_what_a_turn_asks_for_is_sent_together_at_its_end_once() -> None:
    files, turns = Files(), Turns(is_in_turn=True)
    gathered = GatheredFiles(turns, lambda: None)
    wanted: list[FileRequest] = [reading(10), reading(20), publishing(memoryview(b"xy"))]
    for request in wanted:
        assert gathered.add(files, request, ignore)
        gathered.send_soon()
    assert not files.together
    assert len(turns.calls) == 1
    turns.calls.clear()
    gathered.send_together()
    assert files.together == [wanted]
    assert gathered.add(files, wanted[0], ignore)
    gathered.send_soon()
    assert len(turns.calls) == 1


def test_without_a_turn_they_are_sent_at_once_and_singly() -> None:
    files = Files()
    gathered = GatheredFiles(Turns(is_in_turn=False), lambda: None)
    assert gathered.add(files, reading(10), ignore)
    gathered.send_soon()
    assert files.singly == [reading(10)]


def test_what_waits_for_a_turn_that_never_ends_is_sent_by_whoever_comes_next() -> None:
    files, turns = Files(), Turns(is_in_turn=False)
    gathered = GatheredFiles(turns, lambda: None)
    gathered.add(files, reading(10), ignore)
    gathered._due_on = -1  # of a thread that has died
    gathered.send_soon()
    assert files.singly == [reading(10)]


def test_large_files_and_rare_requests_are_not_gathered_nor_is_anything_for_an_engine_without_turns() -> None:
    files = Files()
    gathered = GatheredFiles(Turns(is_in_turn=True), lambda: None)
    assert not gathered.add(files, reading(1 << 20), ignore)
    assert not gathered.add(files, publishing(memoryview(bytes(1 << 20))), ignore)
    assert not gathered.add(files, DropStaged(StagedName("d" * 64, 1, 1, 0)), ignore)
    assert not GatheredFiles(object(), lambda: None).add(files, reading(1), ignore)


def test_no_more_than_a_mebibyte_is_gathered() -> None:
    files = Files()
    gathered = GatheredFiles(Turns(is_in_turn=True), lambda: None)
    for _ in range(40):
        assert gathered.add(files, reading(64 << 10), ignore)
    assert [len(group) for group in files.together] == [16, 16]
