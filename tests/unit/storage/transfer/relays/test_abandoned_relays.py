"""Relays that were given up while they waited for room leave all of it to others."""

from __future__ import annotations

from threading import Thread

from fakes.relay_world import RelayWorld
from s3plan.schemas.requests.objects import GetObject

BODY = b"0123"
PATIENCE_S = 10.0


def test_room_that_comes_when_its_batch_was_given_up_is_free_for_others() -> None:
    world = RelayWorld(memory_bytes=len(BODY), is_inline=False)
    actions = []
    for key in ("a", "b", "c"):
        world.put_source(key, BODY)
        actions.append(world.plan_relay(key))
    taken = world.memory.wait_for_buffer(len(BODY))
    world.steering.in_flight = 8
    batch = Thread(target=world.perform, args=actions, daemon=True)
    batch.start()
    batch.join(0.3)  # all wait by now
    world.steering.abandoned = True
    batch.join(PATIENCE_S)
    assert not batch.is_alive()
    del taken
    others = Thread(target=world.memory.take, args=(len(BODY),), daemon=True)
    others.start()
    others.join(PATIENCE_S)
    assert not others.is_alive()
    assert world.engine.asked(GetObject) == 0
    world.buffers.close()
