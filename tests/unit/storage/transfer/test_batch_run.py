"""What drives a batch rests while it waits, and goes on when there is something to do."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from threading import Timer
from typing import Any

from fakes.copy_world import Steering
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FilePublished, FileReply, FileRequest, Published, RemoveFile, StagedName
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress
from s3plan.schemas.plan.places import Place
from s3plan.schemas.plan.sides import Side
from s3plan.storage.steps import Procedure, ask_file
from s3plan.storage.transfer.batch_run import BatchEnd, BatchRun

DISK_S = 0.4


class SlowDisk:
    """A FileEngine whose disk takes its time to keep what was changed, and tells of all of it at once."""

    def submit(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        Timer(DISK_S, on_reply, [FilePublished(Published.DONE)]).start()

    def call(self, request: Any) -> FileReply | Failure:
        raise AssertionError("nothing is asked for and waited for")

    def close(self) -> None:
        """There is nothing to let go of."""


def removal(told: deque[Progress], position: int) -> Procedure:
    request = RemoveFile(StagedName("d" * 64, 1, 1, position), (b"%d" % position,), Stamp(1, 1, 1, 1))
    yield from ask_file(Side.DESTINATION, request, FilePublished)
    told.append(Outcome(position, OutcomeKind.DONE))


def test_a_batch_that_only_waits_for_the_disk_takes_no_processor_time() -> None:
    told: deque[Progress] = deque()
    end = BatchEnd(None, Place("folder", None, None), SlowDisk())
    run = BatchRun(Steering(in_flight=16), told, source=end, destination=end)
    procedures = (((position,), removal(told, position)) for position in range(20))
    steps = sum(1 for _ in run.advance(iter([procedures])))
    assert len(told) == 20
    assert steps < 60  # a look every tenth of a second, and some news


class LeftMeanwhile(deque[Any]):
    """Arrived replies of a run that is left right before the next one is put down."""

    def __init__(self, run: BatchRun) -> None:
        super().__init__()
        self._run = run

    def append(self, item: Any) -> None:
        self._run._leave()
        super().append(item)


def test_a_reply_that_comes_while_the_batch_is_left_is_not_kept() -> None:
    files = OneReply()
    end = BatchEnd(None, Place("folder", None, None), files)
    run = BatchRun(Steering(), deque(), source=end, destination=end)
    run._arrived = LeftMeanwhile(run)
    steps = run.advance(iter([iter([((0,), removal(deque(), 0))])]))
    next(steps)
    held = FilePublished(Published.DONE)
    unheld = sys.getrefcount(held)
    files.on_reply(held)
    assert sys.getrefcount(held) == unheld
    steps.close()


class OneReply(SlowDisk):
    """A FileEngine that is told when to answer."""

    def submit(self, request: FileRequest, on_reply: Callable[[FileReply | Failure], None]) -> None:
        self.on_reply = on_reply
