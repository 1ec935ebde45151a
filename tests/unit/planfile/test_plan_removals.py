"""Batches that remove: what a plan keeps of them, and what a forged one may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3plan.planfile.invariants import check_invariants
from s3plan.planfile.reader import open_plan
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.errors import PlanDamaged, PlanRefused
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import (
    Batch,
    Edge,
    EdgeNeed,
    LocationKind,
    Phase,
    PhaseName,
    PlanLocation,
    folder_url,
)
from unit.planfile.plan_samples import DESTINATION, SOURCE, change, copies, header, totals_of

PHASES = (
    Phase(1, "images", PhaseName.PREPARE),
    Phase(2, "images", PhaseName.COPY),
    Phase(3, "images", PhaseName.REMOVE),
)


def write_move(
    path: Path,
    *batches: list[Action],
    mode: str = "move",
    removes: bool = True,
    ends: tuple[PlanLocation, PlanLocation] = (SOURCE, DESTINATION),
    durability: str = "batch",
) -> str:
    with PlanWriter(path) as writer:
        for end in ends:
            writer.add_location(end)
        for phase in PHASES[: 3 if removes else 2]:
            writer.add_phase(phase)
        written = [writer.add_batch(phase=2, from_location=1, to_location=2, actions=actions) for actions in batches]
        for batch in written if removes else ():
            writer.add_removal(batch, phase=3)
        copied = [action for actions in batches for action in actions]
        made = header(actions=0, size_bytes=sum(action.size_bytes for action in copied if action.kind.is_write))
        (job,) = made.jobs
        job = job.model_copy(
            update={
                "settings": job.settings.model_copy(update={"mode": mode}),
                "totals": tuple(totals_of(copied=copied, deleted=[])),
                "actions": len(copied) * (2 if removes else 1),
            }
        )
        run = made.run.model_copy(update={"durability": durability})
        return writer.seal(made.model_copy(update={"jobs": (job,), "actions": job.actions, "run": run}))


def folder(id_: int, *, follows: bool = False) -> PlanLocation:
    path = "/exports"
    return PlanLocation(id_, LocationKind.FOLDER, folder_url(path), "", None, None, "", "", path=path, follows=follows)


def test_a_batch_that_removes_reads_the_rows_of_its_copies_as_deletes_of_their_sources(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    copied = copies(b"a", b"b", b"c")
    mapped = [action._replace(destination_key=b"to/" + action.key, source_version="v") for action in copied]
    write_move(path, mapped[:2], mapped[2:])
    with open_plan(path) as plan:
        check_invariants(plan)
        assert plan.graph.edges == (Edge(1, 2, EdgeNeed.ENDED), Edge(2, 3, EdgeNeed.EACH_BATCH))
        first, second, removing, last = plan.batches
        assert removing == Batch(3, 3, None, 1, 1, 2, first.size_bytes, first.digest, of_batch=1)
        assert (last.of_batch, last.first_action, last.actions) == (2, 3, 1)
        assert plan.destination(removing) == SOURCE
        assert plan.source(removing) is None
        assert [(each.kind, each.key, each.destination_pin) for each in plan.actions(removing)] == [
            (ActionKind.REMOVE, action.key, action.source_pin) for action in mapped[:2]
        ]
        assert all(each.destination_key is None for each in plan.actions(removing))
        assert plan.destination_keys(removing) == [b"images/a", b"images/b"]
        assert [action for _, action in plan.iter_actions()] == mapped  # each row once
        assert plan.actions(second) == tuple(mapped[2:])


def test_a_changed_row_is_no_more_removed_than_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_move(path, copies(b"a"))
    change(path, "UPDATE action SET source_pin = 'other'")
    with open_plan(path) as plan, pytest.raises(PlanDamaged, match="not the ones that were planned"):
        plan.actions(plan.batches[1])


def test_of_what_batch_is_part_of_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    same = copies(b"a")
    write_move(path, same, [same[0]._replace(key=b"b")])
    change(path, "UPDATE batch SET of_batch = 2 WHERE id = 3")
    with pytest.raises(PlanDamaged):
        open_plan(path)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE batch SET of_batch = 1 WHERE id = 4", "is not about the actions of batch 1"),
        (
            "UPDATE batch SET of_batch = 1, first_action = 1 WHERE id = 4",
            "removes what another one removes",
        ),
        ("UPDATE batch SET of_batch = NULL WHERE id = 4", "lacks an of_batch"),
        ("UPDATE batch SET of_batch = 4 WHERE id = 4", "no copy batch of its job before it"),
        ("UPDATE batch SET of_batch = 3 WHERE id = 4", "no copy batch of its job before it"),
        ("UPDATE batch SET of_batch = 99 WHERE id = 4", "no copy batch of its job before it"),
        ("UPDATE batch SET of_batch = -1 WHERE id = 4", "no copy batch of its job before it"),
        ("UPDATE batch SET of_batch = 1 WHERE id = 2", "has an of_batch"),
        ("UPDATE batch SET first_action = 1 WHERE id = 4", "is not about the actions of batch 2"),
        ("UPDATE batch SET actions = 2, first_action = 1 WHERE id = 4", "is not about the actions of batch 2"),
        ("UPDATE batch SET size_bytes = 0 WHERE id = 4", "is not about the actions of batch 2"),
        ("UPDATE batch SET to_location = 2 WHERE id IN (3, 4)", "is not about the actions of batch 1"),
        ("UPDATE batch SET from_location = 2 WHERE id IN (3, 4)", "does not have the locations of a remove"),
        ("DELETE FROM batch WHERE id = 4", "2 objects|says 4 actions"),
        ("UPDATE batch SET phase = 2 WHERE id = 4", "has an of_batch"),
        ("UPDATE batch SET of_batch = 'x' WHERE id = 4", "holds a value of type str"),
    ],
)
def test_a_forged_batch_that_removes_is_refused_though_all_digests_agree(
    tmp_path: Path, statement: str, said: str
) -> None:
    path = tmp_path / "a.s3plan"
    write_move(path, copies(b"a"), copies(b"b"))
    change(path, statement, reseal=True)
    with pytest.raises(PlanDamaged, match=said):
        open_plan(path)


@pytest.mark.parametrize(("mode", "removes"), [("copy", True), ("mirror", True), ("move", False)])
def test_a_plan_removes_exactly_where_its_job_moves(tmp_path: Path, mode: str, removes: bool) -> None:
    with pytest.raises(ValueError, match="to remove"):
        write_move(tmp_path / "a.s3plan", copies(b"a"), mode=mode, removes=removes)


def test_what_removes_may_not_begin_when_its_copies_have_merely_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_move(path, copies(b"a"))
    change(path, "UPDATE edge SET needs = 'ended' WHERE after_phase = 3", reseal=True)
    with open_plan(path) as plan, pytest.raises(PlanDamaged, match="does not wait for phase 2 as it must"):
        _ = plan.graph


def test_two_batches_are_not_of_one(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        writer.add_location(SOURCE)
        writer.add_location(DESTINATION)
        for phase in PHASES:
            writer.add_phase(phase)
        batch = writer.add_batch(phase=2, from_location=1, to_location=2, actions=copies(b"a"))
        writer.add_removal(batch, phase=3)
        with pytest.raises(ValueError, match="removes what another one removes"):
            writer.add_removal(batch, phase=3)


def test_a_job_may_not_move_what_another_one_reads_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_move(path, copies(b"a"))
    with open_plan(path) as plan:
        (job,) = plan.header.jobs
        other = job.model_copy(update={"name": "other", "settings": job.settings.model_copy(update={"mode": "copy"})})
        plan.header = plan.header.model_copy(update={"jobs": (other, job)})
        with pytest.raises(PlanRefused, match="which overlap"):
            check_invariants(plan)
        after = job.model_copy(update={"depends_on": ("other",)})
        plan.header = plan.header.model_copy(update={"jobs": (other, after)})
        check_invariants(plan)


def same(*actions: Action) -> list[Action]:
    return [each._replace(kind=ActionKind.SAME, destination_pin="e" * 32, storage_class=None) for each in actions]


def test_pairs_that_are_the_same_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    copied = copies(b"a", b"b")
    write_move(path, [copied[0], *same(copied[1])])
    with open_plan(path) as plan:
        check_invariants(plan)
        assert (plan.count_overwrites(plan.batches[0]), plan.count_same(plan.batches[0])) == (0, 1)
        assert plan.header.bytes == 7
        assert [each.kind for each in plan.actions(plan.batches[1])] == [ActionKind.REMOVE] * 2


@pytest.mark.parametrize(("kind", "said"), [("copy", "overwrites 2 objects"), ("same", "overwrites 0 objects")])
def test_a_plan_shows_how_much_it_removes_without_a_copy(tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / "a.s3plan"
    a, b = copies(b"a", b"b")
    write_move(path, [*same(a), b])
    change(path, f"UPDATE action SET kind = '{kind}'", reseal=True)
    with open_plan(path) as plan, pytest.raises(PlanRefused, match=said):
        check_invariants(plan)


def test_what_is_the_same_is_pinned_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_move(path, same(*copies(b"a")))
    change(path, "UPDATE action SET destination_pin = NULL", reseal=True)
    with open_plan(path) as plan, pytest.raises(PlanDamaged, match="has no destination_pin"):
        plan.actions(plan.batches[1])


def test_only_a_move_has_pairs_that_are_the_same(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not move"):
        write_move(tmp_path / "a.s3plan", same(*copies(b"a")), mode="copy", removes=False)


def test_a_move_takes_nothing_from_behind_links_and_waits_for_the_disk(tmp_path: Path) -> None:
    uploads = [each._replace(kind=ActionKind.UPLOAD, source_pin="7:1") for each in copies(b"a")]
    with pytest.raises(ValueError, match="behind symbolic links"):
        write_move(tmp_path / "a.s3plan", uploads, ends=(folder(1, follows=True), DESTINATION))
    write_move(tmp_path / "b.s3plan", uploads, ends=(folder(1), DESTINATION), durability="none")
    downloads = [each._replace(kind=ActionKind.DOWNLOAD, destination_pin=None) for each in copies(b"a")]
    with pytest.raises(ValueError, match="does not wait for its disk"):
        write_move(tmp_path / "c.s3plan", downloads, ends=(SOURCE, folder(2)), durability="none")


@pytest.mark.parametrize("size_bytes", [0, 6, 8])
def test_a_file_is_of_the_size_of_its_stamp_or_a_copy_would_miss_its_end(tmp_path: Path, size_bytes: int) -> None:
    (upload,) = (each._replace(kind=ActionKind.UPLOAD, source_pin="7:1") for each in copies(b"a"))
    (pair,) = (each._replace(destination_pin="7:1") for each in same(*copies(b"a")))
    for action, ends in ((upload, (folder(1), DESTINATION)), (pair, (SOURCE, folder(2)))):
        path = tmp_path / f"{action.kind}.s3plan"
        write_move(path, [action], ends=ends)
        change(path, f"UPDATE action SET size_bytes = {size_bytes}", reseal=True)
        with open_plan(path) as plan, pytest.raises(PlanDamaged, match="the size of a file is not that of its stamp"):
            plan.actions(plan.batches[1])
