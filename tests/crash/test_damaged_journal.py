"""The journal's own file cut or with changed bytes: refused by exit code 4, or the run ends exactly right.

Whatever was refused, `--rebuild-journal` ends right.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.memory_world import DESTINATION, SOURCE, MemoryWorld, Stored, memory_world
from fakes.torture import TORTURE
from s3plan.schemas.errors import ExitCode, S3PlanError

OBJECTS = 40
DATABASE_HEADER_BYTES = 100


@pytest.fixture
def world() -> Iterator[MemoryWorld]:
    """A mirror that was stopped half way: some copies are done, one is stale, an upload is open, deletes wait."""
    with memory_world() as world:
        world.put(SOURCE, {f"key-{number:02d}": Stored(b"%d" % number) for number in range(OBJECTS)})
        world.put(DESTINATION, {f"old-{number}": Stored(b"old") for number in range(5)})
        world.manifest(mode="mirror", delete={"extraneous": True}, guards={"max_delete": "100%"})
        world.plan()
        assert world.apply(limit=OBJECTS // 2).exit_code == 8
        yield world


def set_back(world: MemoryWorld, journal: bytes, objects: dict[str, Stored]) -> None:
    """Have the run half done, with this journal."""
    bucket = world.store.bucket(DESTINATION)
    for key in list(bucket.objects):
        bucket.remove(key)
    world.put(DESTINATION, objects)
    for left in world.journal.parent.glob("job.s3run*"):
        if left.suffix != ".lock":
            left.unlink()
    world.journal.write_bytes(journal)


def refused_or_right(world: MemoryWorld, journal: bytes, objects: dict[str, Stored]) -> bool:
    """Apply with this journal; return whether it was refused. Then rebuild it, and see that the end is right."""
    set_back(world, journal, objects)
    refusal = apply_or_refusal(world)
    if refusal is not None:
        assert refusal.exit_code is ExitCode.PLAN_REFUSED, refusal
        assert re.search("--(rebuild-)?journal", str(refusal)), refusal
        assert str(world.journal) in str(refusal)
        assert world.apply(rebuild_journal=True).exit_code == 0
    assert {key: found.body for key, found in world.tree(DESTINATION).items()} == {
        f"key-{number:02d}": b"%d" % number for number in range(OBJECTS)
    }
    assert set(world.engine.writes.values()) <= {1}
    world.engine.writes.clear()
    return refusal is not None


def apply_or_refusal(world: MemoryWorld) -> S3PlanError | None:
    """Apply to the end, unless that is refused."""
    try:
        report = world.apply()
    except S3PlanError as refusal:
        return refusal
    assert report.exit_code == 0, report
    return None


def test_a_changed_byte_is_refused_or_does_no_harm(world: MemoryWorld) -> None:
    whole, objects = world.journal.read_bytes(), world.tree(DESTINATION)
    world.engine.writes.clear()
    chance = random.Random(4)
    beyond = [at for at in range(DATABASE_HEADER_BYTES, len(whole)) if whole[at]]
    positions = [*range(DATABASE_HEADER_BYTES), *(beyond if TORTURE else chance.sample(beyond, 60))]
    refused = 0
    for at in positions:
        changed = bytearray(whole)
        changed[at] ^= chance.randrange(1, 256)
        refused += refused_or_right(world, bytes(changed), objects)
    assert len(positions) // 4 < refused < len(positions)


@pytest.mark.parametrize("byte", [18, 19, 21, 22, 23, 44, 47, 59, 63, 71])
def test_every_bit_of_a_header_field_that_says_how_to_read_the_file(world: MemoryWorld, byte: int) -> None:
    whole, objects = world.journal.read_bytes(), world.tree(DESTINATION)
    world.engine.writes.clear()
    for bit in range(8):
        changed = bytearray(whole)
        changed[byte] ^= 1 << bit
        refused_or_right(world, bytes(changed), objects)


def test_a_file_that_was_cut_is_refused_or_does_no_harm(world: MemoryWorld) -> None:
    whole, objects = world.journal.read_bytes(), world.tree(DESTINATION)
    world.engine.writes.clear()
    lengths = [0, 1, 15, 16, 99, 100, 511, 512, *range(1000, len(whole), 97 if TORTURE else 3001), len(whole) - 1]
    refused = sum(refused_or_right(world, whole[:length], objects) for length in lengths)
    assert refused > len(lengths) // 2  # an empty file is a new one, and at the end lie tables without rows


def test_zeros_where_pages_were(world: MemoryWorld) -> None:
    whole, objects = world.journal.read_bytes(), world.tree(DESTINATION)
    world.engine.writes.clear()
    for first in range(0, len(whole), 4096):
        refused_or_right(world, whole[:first] + bytes(4096) + whole[first + 4096 :], objects)


def test_a_side_file_of_rubbish_does_no_harm(world: MemoryWorld) -> None:
    """What is no rollback journal is none; one that cannot be read is not believed."""
    whole, objects = world.journal.read_bytes(), world.tree(DESTINATION)
    side = Path(f"{world.journal}-journal")
    chance = random.Random(5)
    magic = bytes.fromhex("d9d505f920a163d7")
    for content in (b"", b"x", bytes(512), chance.randbytes(5000), magic + bytes(504), magic + chance.randbytes(5000)):
        world.engine.writes.clear()
        set_back(world, whole, objects)
        side.write_bytes(content)
        refusal = apply_or_refusal(world)
        if refusal is not None:
            assert refusal.exit_code is ExitCode.PLAN_REFUSED, refusal
            assert world.apply(rebuild_journal=True).exit_code == 0
        assert set(world.engine.writes.values()) <= {1}
