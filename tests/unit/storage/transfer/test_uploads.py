"""What a store says of uploads and parts has an end, also if the store has none."""

from __future__ import annotations

from itertools import count

from fakes.copy_world import CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests.objects import Reply, Request
from s3plan.schemas.requests.uploads import (
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    PartsPage,
    UploadPartCopy,
    UploadsPage,
)

BODY = b"0123456789abcdef!"  # five parts


def test_pages_of_uploads_whose_markers_go_on_for_ever_are_left() -> None:
    world = CopyWorld()
    world.put_source("big", BODY)
    numbers = count()

    def answer(request: Request, reply: Reply) -> Reply:
        if isinstance(request, ListMultipartUploads):
            return UploadsPage((), "out/big", f"id-{next(numbers)}")
        return reply

    world.engine.answer = answer
    world.engine.fail(Fault.LOST, operation=CreateMultipartUpload)
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == [OutcomeKind.UNKNOWN]
    assert "cannot be looked up" in attempt.remarks[0]


def test_pages_of_parts_whose_markers_go_on_for_ever_are_left() -> None:
    world = CopyWorld()
    world.put_source("big", BODY)
    world.engine.answer = lambda request, reply: (
        PartsPage((), next_marker=request.marker + 1000) if isinstance(request, ListParts) else reply
    )
    world.engine.fail(Fault.SLOW_DOWN, operation=UploadPartCopy, number=3)
    memory = world.resume_until_ended([world.plan_copy("big")], attempts=2)
    assert memory.ends[0].kind is OutcomeKind.UNKNOWN
    assert world.engine.asked(ListParts) == 11
