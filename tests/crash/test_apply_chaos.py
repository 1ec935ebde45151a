"""Everything at once, by seed: kills, stops, lost journals, a store full of faults. The end is that of a calm run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import s3plan
from fakes.s3server import Fault, FaultKind
from fakes.torture import TORTURE
from fakes.workplace import MIB, Workplace
from s3plan.schemas.run_states import StopLevel

FAULTS = (
    FaultKind.SLOW_DOWN,
    FaultKind.RESET,
    FaultKind.REPLY_LOST,
    FaultKind.INTERNAL_ERROR,
    FaultKind.ERROR_IN_200,
    FaultKind.CONFLICT,
)
OPERATIONS = (
    None,
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "DeleteObjects",
    "DeleteObject",
    "HeadObject",
    "ListObjectsV2",
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40 if TORTURE else 2))
def test_whatever_happens_the_end_is_that_of_a_calm_run(place: Workplace, seed: int) -> None:
    chance = random.Random(seed)
    conditions = chance.choice(["all", "all", "none", "put-only"])
    place.server.set_mode(conditions=conditions, complete_again=chance.random() < 0.3)
    plan_a_mirror(place, chance)
    for _ in range(chance.randint(1, 4)):
        place.server.clear_faults()
        place.server.faults([a_fault(chance) for _ in range(chance.randint(0, 3))])
        place.server.set_mode(latency_s=chance.choice([0, 0.005]))
        a_run_that_is_disturbed(place, chance)
        if chance.random() < 0.25:
            place.journal.unlink(missing_ok=True)
    place.server.clear_faults()
    place.server.set_mode(latency_s=0)
    assert place.apply().exit_code == 0
    source, destination = place.listed("source"), place.listed("destination")
    assert {key: row.size_bytes for key, row in destination.items()} == {
        key: row.size_bytes for key, row in source.items()
    }
    assert place.untold_uploads() == []
    if conditions == "all":
        assert set(place.writes().values()) <= {1}
    place.assert_nothing_left()


def plan_a_mirror(place: Workplace, chance: random.Random) -> None:
    objects = chance.choice([30, 300, 1500])
    place.seed("source", count=objects, size_bytes=10)
    place.seed("source", *(f"big-{number}" for number in range(chance.randint(1, 3))), size_bytes=21 * MIB, parts=2)
    place.seed("destination", count=objects // 2, size_bytes=9, modified_s=1)
    place.seed("destination", count=objects // 3, start=objects, size_bytes=5)
    place.seed("destination", "\x01odd", "\x02odd", size_bytes=5)
    run = {
        "retries": 6,
        "multipart_threshold": "5MiB",
        "part_size": "5MiB",
        "in_flight": chance.choice([1, 4, 64]),
        "executor": chance.choice(["serial", "threads", "processes"]),
    }
    deletion = {"extraneous": True, "unpinned": "allow"}
    place.manifest(mode="mirror", delete=deletion, guards={"max_delete": "100%"}, run=run)
    place.plan(probe=True)


def a_fault(chance: random.Random) -> Fault:
    return Fault(
        kind=chance.choice(FAULTS),
        operation=chance.choice(OPERATIONS),
        bucket="destination",
        share=chance.choice([0.05, 0.3, 1]),
        times=chance.choice([1, 3, 6]),  # each 503 to one request doubles its wait
        seed=chance.randrange(1000),
        after_commit=chance.random() < 0.5,
    )


def a_run_that_is_disturbed(place: Workplace, chance: random.Random) -> None:
    way = chance.choice(["kill", "abandon", "drain", "limit"])
    with suppress(s3plan.S3PlanError):  # the preparation may meet a fault
        if way == "kill":
            with place.command.start("apply", place.plan_file, "--yes") as started:
                time.sleep(chance.uniform(0.5, 1.5))
                place.told.append(started.kill().output)
        elif way == "limit":
            place.apply(limit=chance.randint(1, 500))
        else:
            level = StopLevel.ABANDON if way == "abandon" else StopLevel.DRAIN
            place.apply(stop_level=stopping(level, after_s=chance.uniform(0, 0.6)))


def stopping(level: StopLevel, *, after_s: float) -> Callable[[], StopLevel]:
    due_s = time.monotonic() + after_s
    return lambda: level if time.monotonic() > due_s else StopLevel.NONE
