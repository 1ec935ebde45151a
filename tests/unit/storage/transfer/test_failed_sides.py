"""Which side a failure came from: told with the outcome, and in words where it is the source."""

from __future__ import annotations

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, SOURCE, CopyWorld
from fakes.faulty_engine import Fault, FaultyEngine
from s3plan.schemas.failures import Failure
from s3plan.schemas.outcomes import Outcome
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import DeleteObjects, KeysDeleted, Reply, Request
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.transfer.performer import EnginePerformer

FAULTS = [Fault.SLOW_DOWN, Fault.UNREACHABLE, Fault.DENIED, Fault.INTERNAL, Fault.EXPIRED]


class TwoWays(CopyWorld):
    """One store that is reached by a connection for each side."""

    def __init__(self, *, is_checked: bool) -> None:
        super().__init__(capabilities=ALL_CHECKED if is_checked else ALL_ENFORCED)
        self.engines = {Side.DESTINATION: self.engine, Side.SOURCE: FaultyEngine(MemoryEngine(self.store))}
        self.performer = EnginePerformer(
            lambda location: self.engines[Side.SOURCE if location == SOURCE else Side.DESTINATION],
            clock=lambda: self.clock_s,
        )

    def batch(self) -> list[Action]:
        """Copies of a small and a large object, overwritten and new, and deletes."""
        for key, body in {"large": b"0123456789abcdef!", "new": b"new", "old": b"newer"}.items():
            self.put_source(key, body)
        for key in ("old", "extra", "\x01extra"):
            self.put_destination(key, b"old")
        copies = [self.plan_copy(key) for key in ("large", "new", "old")]
        return [*copies, self.plan_delete("extra"), self.plan_delete("\x01extra")]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("is_checked", [True, False])
def test_whatever_request_fails_its_outcome_says_which_side_was_asked(
    fault: Fault, side: Side, *, is_checked: bool
) -> None:
    undisturbed = TwoWays(is_checked=is_checked)
    undisturbed.perform(*undisturbed.batch())
    requests = len(undisturbed.engines[side].requests)
    assert requests
    failed: list[Outcome] = []
    for number in range(1, requests + 1):
        world = TwoWays(is_checked=is_checked)
        actions = world.batch()
        world.engines[side].fail(fault, number=number)
        attempt = world.perform(*actions)
        failed += [outcome for outcome in attempt.outcomes.values() if outcome.failure is not None]
    assert failed
    for outcome in failed:
        assert outcome.side is side
        assert (" of the source: " in outcome.reason) is (side is Side.SOURCE)


def test_a_key_that_a_batch_of_deletes_leaves_behind_failed_at_the_destination() -> None:
    world = TwoWays(is_checked=False)
    world.put_destination("extra", b"old")
    action = world.plan_delete("extra")
    denied = TwoWays(is_checked=False).engine
    denied.fail(Fault.DENIED)

    def refuse(request: Request, reply: Reply) -> Reply:
        if not isinstance(request, DeleteObjects):
            return reply
        failure = denied.call(request)
        assert isinstance(failure, Failure)
        return KeysDeleted(frozenset(), {key: failure for key, _ in request.keys})

    world.engine.answer = refuse
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.side) == ("failed", Side.DESTINATION)
    assert "of the source" not in outcome.reason
