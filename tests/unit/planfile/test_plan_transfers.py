"""How objects come from bucket to bucket: what a plan may say of it, and that its rows are of that kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from s3plan.planfile.reader import open_plan
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.errors import PlanDamaged
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.header_parts import TransferRecord
from s3plan.schemas.plan.rows import Phase, PhaseName, PlanLocation
from unit.planfile.plan_samples import DESTINATION, SOURCE, change, copies, header, relayed, relays

ELSEWHERE = replace(SOURCE, connection="", endpoint=None)


def write(path: Path, actions: Sequence[Action], made: PlanHeader, *, source: PlanLocation = SOURCE) -> None:
    with PlanWriter(path) as writer:
        writer.add_location(source)
        writer.add_location(DESTINATION)
        writer.add_phase(Phase(1, "images", PhaseName.PREPARE))
        writer.add_phase(Phase(2, "images", PhaseName.COPY))
        writer.add_batch(phase=2, from_location=1, to_location=2, actions=actions)
        writer.seal(made)


def made(*, way: str | None = None, asked: str = "auto") -> PlanHeader:
    found = header(actions=1, size_bytes=7)
    (job,) = found.jobs
    transfer = None if way is None else TransferRecord(way=way, why="so")
    settings = job.settings.model_copy(update={"transfer": asked})
    return found.model_copy(update={"jobs": (job.model_copy(update={"transfer": transfer, "settings": settings}),)})


@pytest.mark.parametrize("source", [SOURCE, ELSEWHERE])
def test_a_relay_reads_back_as_one(tmp_path: Path, source: PlanLocation) -> None:
    write(tmp_path / "a.s3plan", relays(b"k"), relayed(header(actions=1, size_bytes=7)), source=source)
    with open_plan(tmp_path / "a.s3plan") as plan:
        assert plan.actions(plan.batches[0]) == tuple(relays(b"k"))
        assert str(plan.header.jobs[0].transfer) == "relay: another endpoint"


def test_no_store_copies_what_another_one_has(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot hold an action of kind 'copy'"):
        write(tmp_path / "a.s3plan", copies(b"k"), made(), source=ELSEWHERE)
    with pytest.raises(ValueError, match="has one store copy what another one has"):
        write(tmp_path / "b.s3plan", relays(b"k"), made(way="server-side"), source=ELSEWHERE)


@pytest.mark.parametrize(("way", "asked"), [("relay", "server-side"), ("server-side", "relay")])
def test_a_plan_does_not_go_another_way_than_its_manifest_asks_for(tmp_path: Path, way: str, asked: str) -> None:
    with pytest.raises(ValueError, match=f"asks for transfer {asked}, and has {way}"):
        write(tmp_path / "a.s3plan", relays(b"k") if way == "relay" else copies(b"k"), made(way=way, asked=asked))


@pytest.mark.parametrize(("way", "kind"), [("relay", "copy"), ("server-side", "relay"), (None, "relay")])
def test_a_forged_kind_is_refused_though_all_digests_agree(tmp_path: Path, way: str | None, kind: str) -> None:
    path = tmp_path / "a.s3plan"
    write(path, relays(b"k") if way == "relay" else copies(b"k"), made(way=way))
    change(path, f"UPDATE action SET kind = '{kind}'", reseal=True)
    with open_plan(path) as plan, pytest.raises(PlanDamaged, match=f"of kind '{kind}' is not of the transfer"):
        plan.actions(plan.batches[0])
