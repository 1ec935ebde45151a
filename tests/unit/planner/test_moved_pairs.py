"""What a move plans: each write with its removal, and pairs that are the same already."""

from __future__ import annotations

import pytest
from fakes.plan_parts import DAY_MS, a_manifest, an_object, plan_of
from s3plan.schemas.plan.actions import ActionKind, VerdictKind
from s3plan.schemas.plan.rows import PhaseName

ONE, OTHER = "1" * 32, "2" * 32
OPAQUE = "9f-opaque"


def test_every_batch_of_copies_has_one_that_removes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3plan.planner.batches.BATCH_ACTIONS", 2)
    built, plan = plan_of([an_object(key) for key in "abcde"], [], manifest=a_manifest(mode="move"))
    assert plan.phase_names() == [PhaseName.PREPARE, PhaseName.COPY, PhaseName.REMOVE]
    assert [(batch.of_batch, batch.actions) for batch, _ in plan.batches] == [
        (None, 2),
        (None, 2),
        (None, 1),
        (1, 2),
        (2, 2),
        (3, 1),
    ]
    (job,) = built.header.jobs
    assert (job.actions, job.removals, job.bytes) == (10, 5, 50)
    assert plan.graph() == {("prepare", "copy"), ("copy", "remove")}


@pytest.mark.parametrize(
    ("sections", "here", "there", "is_same"),
    [
        ({}, {"etag": ONE}, {"etag": ONE}, True),
        ({}, {"etag": OPAQUE}, {"etag": "another", "age_ms": 0}, True),  # by size and time: to be proved
        ({"compare": ["size"]}, {"etag": ONE}, {"etag": OTHER}, True),  # likewise
        ({"compare": ["mtime"]}, {"etag": ONE}, {"etag": OTHER, "age_ms": 0, "size": 11}, False),
        ({"overwrite": "never"}, {"etag": ONE}, {"etag": ONE}, True),
        ({"overwrite": "never"}, {"etag": ONE}, {"etag": OTHER}, False),
        ({"overwrite": "if-newer"}, {"etag": ONE}, {"etag": ONE, "age_ms": 0}, True),
        ({"overwrite": "if-newer"}, {"etag": ONE}, {"etag": OTHER, "age_ms": 0}, False),
        ({"overwrite": "if-size-differs"}, {"etag": ONE}, {"etag": OTHER}, False),
        ({"overwrite": "if-size-differs"}, {"etag": ONE}, {"etag": ONE}, True),
    ],
)
def test_what_is_the_same_is_a_line_of_the_plan_and_what_the_policy_leaves_alone_is_none(
    sections: dict[str, object], here: dict[str, object], there: dict[str, object], *, is_same: bool
) -> None:
    built, plan = plan_of(
        [an_object("k", **here)],  # type: ignore[arg-type]
        [an_object("k", **{"age_ms": DAY_MS, **there})],  # type: ignore[arg-type]
        manifest=a_manifest(mode="move", **sections),
    )
    (job,) = built.header.jobs
    assert (job.objects_of(VerdictKind.SAME), job.removals, job.bytes) == (is_same, is_same, 0)
    if is_same:
        (action,) = plan.actions(ActionKind.SAME)
        assert (action.source_pin, action.destination_pin) == (here["etag"], there["etag"])
        assert action.reason.endswith(": to be removed")
    else:
        assert plan.actions() == []


def test_what_is_written_and_what_is_the_same_go_in_the_order_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    source = [an_object(key, etag=ONE) for key in "abcd"]
    destination = [an_object("b", etag=ONE), an_object("c", etag=OTHER), an_object("only", etag=ONE)]
    built, plan = plan_of(source, destination, manifest=a_manifest(mode="move"))
    assert [(action.kind.value, action.key) for action in plan.actions()] == [
        ("copy", b"a"),
        ("same", b"b"),
        ("copy", b"c"),
        ("copy", b"d"),
    ]
    assert (built.header.actions, built.header.bytes) == (8, 30)


def test_a_job_that_does_not_move_has_no_such_lines() -> None:
    _, plan = plan_of([an_object("a", etag=ONE)], [an_object("a", etag=ONE)])
    assert plan.actions() == []


def test_guards_count_removals_as_deletes_of_the_source() -> None:
    source, destination = [an_object(key) for key in "abcd"], [an_object("d"), *[an_object(f"x{n}") for n in range(9)]]
    built, _ = plan_of(source, destination, manifest=a_manifest(mode="move", guards={"max_delete": "50%"}))
    (guard,) = built.header.jobs[0].guards
    assert (guard.found, guard.allowed, guard.held) == (4, 2, True)
