"""However a mirror's run and its retries end: nothing is deleted before all that was to be copied is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fakes.faulty_engine import Fault
from fakes.memory_world import DESTINATION, SOURCE, MemoryWorld, Stored, memory_world
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.app.plans.retrying import make_retry_plan
from s3plan.app.requests import ApplyRequest
from s3plan.app.runs.applying import apply_plan
from s3plan.schemas.requests.objects import CopyObject

KEYS = ("a", "b", "k" * 1_021)  # the last one is a conflict: its key is too long below the destination
WHAT = st.sampled_from(["nothing", "nothing", "changed", "gone", "archived", "back", "copied"])
TURN = st.tuples(st.fixed_dictionaries(dict.fromkeys(KEYS, WHAT)), st.integers(0, 3))
MIRROR: dict[str, object] = {"mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}


def disturb(world: MemoryWorld, what: dict[str, str], *, turn: int) -> None:
    source, destination = world.store.bucket("left"), world.store.bucket("right")
    for key, change in what.items():
        found = source.objects.get(f"in/{key}")
        if change == "back" or (change == "changed" and found is not None):
            world.put(SOURCE, {key: Stored(f"{key} {turn}".encode())})
        elif change == "gone" and found is not None:
            source.remove(f"in/{key}")
        elif change == "archived" and found is not None:
            source.put(f"in/{key}", replace(found, storage_class="GLACIER"))
        elif change == "copied" and found is not None and len(key) == 1:
            destination.put(f"out/{key}", found)


@given(turns=st.lists(TURN, min_size=1, max_size=3), has_conflict=st.booleans())
@settings(max_examples=12)
def test_a_retry_deletes_only_where_every_copy_of_the_first_plan_is_as_planned(
    turns: list[tuple[dict[str, str], int]], has_conflict: bool
) -> None:
    keys = KEYS if has_conflict else KEYS[:2]
    with memory_world() as world:
        world.manifest(**MIRROR, run={"executor": "serial", "retries": 0})
        world.put(SOURCE, {key: Stored(key.encode()) for key in keys})
        world.put(DESTINATION, {"extra": Stored(b"extra")})
        plan: Path | None = world.plan().path
        for turn, (what, failing) in enumerate(turns):
            disturb(world, {key: what[key] for key in keys}, turn=turn)
            if failing:
                world.engine.fail(Fault.UNSUPPORTED, number=failing, operation=CopyObject)
            assert plan is not None
            apply_plan(ApplyRequest(plan))
            world.engine.mend()
            if "extra" not in world.tree(DESTINATION):
                assert world.tree(DESTINATION).keys() == set(keys), "each was to be copied"
                return
            made = make_retry_plan(plan)
            if made is None:
                return
            plan = made.path
