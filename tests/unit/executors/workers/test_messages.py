"""News of workers come out of the pipe as they went in."""

from __future__ import annotations

import pytest
from s3plan.executors.workers.messages import pack, unpack
from s3plan.schemas.evidence.ladder import PROOFS
from s3plan.schemas.outcomes import Outcome, OutcomeKind, Progress, UploadEnded
from s3plan.schemas.tasks import BatchProgress


@pytest.mark.parametrize("position", [0, 1, 9_999])
def test_what_is_done_travels_as_one_number_with_what_proved_it(position: int) -> None:
    items = [Outcome(position, OutcomeKind.DONE, evidence=by) for by in ("", *PROOFS)]
    packed = pack([BatchProgress(1, 2, items, final=False, error=None)])
    assert all(type(item) is int for item in packed[0][2])
    assert list(unpack(packed)[0].items) == items


def test_anything_else_travels_whole() -> None:
    items: list[Progress] = [
        Outcome(1, OutcomeKind.DONE, evidence="of another executor's making"),
        Outcome(2, OutcomeKind.DONE, reason="said"),
        Outcome(3, OutcomeKind.ALREADY_DONE, evidence="by etag"),
        UploadEnded(4, "id"),
    ]
    assert list(unpack(pack([BatchProgress(1, 2, items, final=True, error="x")]))[0].items) == items
