"""What one apply has learnt, or refused, must hold for every one after it."""

from __future__ import annotations

import pytest
from fakes.workplace import MIB, Workplace, counted
from s3plan.app.runs import applying
from s3plan.planfile.reader import PlanReader
from s3plan.schemas.errors import PlanRefused

PARTS_RUN = {"multipart_threshold": "5MiB", "part_size": "5MiB"}


def test_a_plan_whose_invariants_do_not_hold_is_refused_every_time(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first refusal leaves a journal behind; that must not make the second apply skip the check."""

    def refuse(plan: PlanReader) -> None:
        raise PlanRefused(f"{plan.path} writes a key twice; make a new plan")

    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    monkeypatch.setattr(applying, "check_invariants", refuse)
    for _ in range(3):
        with pytest.raises(PlanRefused, match="writes a key twice"):
            place.apply()
    assert place.writes() == {}


def test_a_plan_whose_journal_was_lost_and_whose_next_run_stopped_early_still_ends_the_same(place: Workplace) -> None:
    """The journal that took the lost one's place remembers that everything may have been begun before."""
    place.seed("source", "big-1", "big-2", "big-3", size_bytes=11 * MIB, parts=5)  # ETags that no copy has
    place.buckets("destination")
    place.manifest(run=PARTS_RUN)
    place.plan(probe=True)
    place.server.reset_stats()
    assert place.apply().exit_code == 0
    place.journal.unlink()
    assert place.apply(limit=1).exit_code == 8
    report = place.apply()
    assert (report.exit_code, counted(report)) == (0, {"already-done": 3})
    assert set(place.writes().values()) == {1}
    place.assert_nothing_left()
