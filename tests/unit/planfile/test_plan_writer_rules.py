from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from s3plan.planfile import writer as writer_module
from s3plan.planfile.reader import open_plan
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.errors import PlanRefused, S3PlanError
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import LocationKind, Phase, PhaseName, PlanLocation
from unit.planfile.plan_samples import (
    ASIDE,
    COPY,
    DELETE,
    DESTINATION,
    EDGES,
    SOURCE,
    add_graph,
    copies,
    deletes,
    header,
    skips,
    write_plan,
)

_LONG = b"k" * 1020  # with "images/" or "dr/" above 1,024 bytes


def _mapped(*keys: bytes) -> list[Action]:
    names = [f"{number:02d}".encode() for number in range(len(keys))]
    return [action._replace(destination_key=key) for action, key in zip(copies(*names), keys, strict=True)]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (copies(b"b", b"a"), "do not ascend"),
        (copies(b"a", b"a"), "do not ascend"),
        (_mapped(b"b", b"a"), "destination keys do not ascend"),
        (deletes(b"a"), "cannot hold an action of kind 'delete'"),
        (skips(b"a"), "cannot hold an action of kind 'skip'"),
        (copies(b"a", size_bytes=-1), "negative"),
        (copies(b"k" * 1025), "more than 1,024 bytes"),
        (copies(_LONG), "with its location's prefix has more than 1,024 bytes"),
        (_mapped(b"k" * 1025), "more than 1,024 bytes"),
        (copies(b"a", b"b\xff"), "not UTF-8"),
        (copies(b"a\xc3", b"b"), "not UTF-8"),
        (_mapped(b"\xff"), "not UTF-8"),
        ([copies(b"a")[0]._replace(source_pin=None)], "not be pinned"),
        ([copies(b"a")[0]._replace(source_pin="")], "an ETag in"),
        ([copies(b"a")[0]._replace(source_pin="*")], "an ETag in"),
        ([copies(b"a")[0]._replace(destination_pin='a", "b')], "an ETag in"),
        ([copies(b"a")[0]._replace(source_mtime_ms=1 << 60)], "not within the years 1 to 9999"),
        ([copies(b"a")[0]._replace(destination_mtime_ms=-(1 << 60))], "not within the years 1 to 9999"),
        ([copies(b"a")[0]._replace(size_bytes="1")], "size_bytes holds a value of type str"),  # type: ignore[arg-type]
        ([copies(b"a")[0]._replace(size_bytes=True)], "size_bytes holds a value of type bool"),
        ([copies(b"a")[0]._replace(key="a")], "key holds a value of type str"),  # type: ignore[arg-type]
    ],
)
def test_a_copy_batch_that_breaks_a_rule_is_refused(tmp_path: Path, actions: list[Action], message: str) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        with pytest.raises((ValueError, TypeError), match=message):
            writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=actions)


@pytest.mark.parametrize(
    ("phase", "ends", "actions", "message"),
    [
        (COPY, (None, 2), copies(b"a"), "locations of a copy"),
        (COPY, (1, None), copies(b"a"), "locations of a copy"),
        (COPY, (1, 3), copies(b"a"), "location 3, which does not exist"),
        (DELETE, (1, 2), deletes(b"a"), "locations of a delete"),
        (DELETE, (None, None), deletes(b"a"), "locations of a delete"),
        (DELETE, (None, 2), [deletes(b"a")[0]._replace(destination_pin=None)], "not be pinned"),
        (DELETE, (None, 2), copies(b"a"), "kind 'copy'"),
        (ASIDE, (1, 2), copies(b"a"), "kind 'copy'"),
        (1, (1, 2), copies(b"a"), "prepare phase cannot hold"),
        (9, (1, 2), copies(b"a"), "phase 9, which does not exist"),
        (COPY, (1, 2), [], "at least one action"),
    ],
)
def test_a_batch_in_the_wrong_place_is_refused(
    tmp_path: Path,
    phase: int,
    ends: tuple[int | None, int | None],
    actions: list[Action],
    message: str,
) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        with pytest.raises(ValueError, match=message):
            writer.add_batch(phase=phase, from_location=ends[0], to_location=ends[1], actions=actions)


def test_the_keys_of_a_phase_ascend_from_batch_to_batch(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"b"))
        writer.add_batch(phase=DELETE, from_location=None, to_location=2, actions=deletes(b"a"))
        with pytest.raises(ValueError, match="not above the last one"):
            writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"b"))


def test_an_empty_key_is_refused_where_there_is_no_prefix(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        for number in (3, 4):
            writer.add_location(replace(SOURCE, id=number, url="s3://bare/", bucket="bare", prefix=""))
        with pytest.raises(ValueError, match="a key is empty"):
            writer.add_batch(phase=COPY, from_location=3, to_location=2, actions=copies(b""))
        with pytest.raises(ValueError, match="a key is empty"):
            writer.add_batch(phase=COPY, from_location=1, to_location=4, actions=copies(b""))
        with pytest.raises(ValueError, match="a key is empty"):
            writer.add_batch(phase=DELETE, from_location=None, to_location=4, actions=deletes(b""))


def test_all_batches_of_a_copy_phase_have_the_same_locations(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        writer.add_location(replace(SOURCE, id=3, url="s3://third/images/", bucket="third"))
        writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"a"))
        with pytest.raises(ValueError, match="of one phase but of different locations"):
            writer.add_batch(phase=COPY, from_location=3, to_location=2, actions=copies(b"b"))


@pytest.mark.parametrize("ends", [(1, 1), (2, 2)])
def test_a_copy_goes_from_one_place_to_another(tmp_path: Path, ends: tuple[int, int]) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        with pytest.raises(ValueError, match="reads where it writes"):
            writer.add_batch(phase=COPY, from_location=ends[0], to_location=ends[1], actions=copies(b"a"))


@pytest.mark.parametrize(("phase", "ends"), [(COPY, (2, 1)), (DELETE, (None, 1))])
def test_a_batch_is_between_the_places_of_its_job(tmp_path: Path, phase: int, ends: tuple[int | None, int]) -> None:
    actions = copies(b"a") if phase == COPY else deletes(b"a")
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        writer.add_batch(phase=phase, from_location=ends[0], to_location=ends[1], actions=actions)
        with pytest.raises(ValueError, match="is not between the locations of its job"):
            writer.seal(header(actions=1, size_bytes=7))


@pytest.mark.parametrize(
    ("bucket", "url", "message"),
    [
        ("there", "s3://elsewhere/p/", "shown as another place"),
        ("there", "s3://there/", "shown as another place"),
        ("../there", "s3://../there/p/", "no bucket's name"),
        ("..", "s3://../p/", "no bucket's name"),
        ("a/b", "s3://a/b/p/", "no bucket's name"),
        ("a?x=", "s3://a?x=/p/", "no bucket's name"),
        ("a\n", "s3://a\n/p/", "no bucket's name"),
        ("", "s3:///p/", "no bucket's name"),
    ],
)
def test_a_location_is_shown_as_where_it_is(tmp_path: Path, bucket: str, url: str, message: str) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer, pytest.raises(ValueError, match=message):
        writer.add_location(PlanLocation(1, LocationKind.S3, url, "", None, None, bucket, "p/"))


def test_what_is_too_long_for_a_row_ends_in_a_message_and_leaves_nothing(tmp_path: Path) -> None:
    long = copies(b"a")[0]._replace(reason="e" * 17_000)
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        with pytest.raises(S3PlanError, match="too long for a plan"):
            writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=[long])
    assert list(tmp_path.iterdir()) == []


def test_ids_begin_at_one_and_have_no_gaps(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        writer.add_phase(Phase(1, "a", PhaseName.COPY))
        with pytest.raises(ValueError, match="no gaps"):
            writer.add_phase(Phase(3, "a", PhaseName.DELETE))


def test_the_edges_follow_from_the_jobs(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a"), deleted=deletes(b"b"))
    with open_plan(path) as plan:
        assert (plan.edges, plan.graph.edges) == (EDGES, EDGES)


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([PhaseName.COPY], "has no prepare phase"),
        ([PhaseName.PREPARE, PhaseName.COPY, PhaseName.COPY], "two copy phases"),
    ],
)
def test_phases_that_no_job_has_are_refused(tmp_path: Path, phases: list[PhaseName], message: str) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        writer.add_location(SOURCE)
        writer.add_location(DESTINATION)
        for number, name in enumerate(phases, start=1):
            writer.add_phase(Phase(number, "images", name))
        with pytest.raises(ValueError, match=message):
            writer.seal(header(actions=0, size_bytes=0))
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_counts_otherwise_than_the_batches_is_refused(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"a"))
        with pytest.raises(ValueError, match="says 2 actions and 7 bytes"):
            writer.seal(header(actions=2, size_bytes=7))


def test_leaving_without_sealing_leaves_nothing_and_keeps_the_old_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    digest = write_plan(path, copied=copies(b"a"))
    with PlanWriter(path) as writer:
        add_graph(writer)
        writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"b"))
    with pytest.raises(KeyboardInterrupt), PlanWriter(path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [path]
    with open_plan(path) as reader:
        assert reader.digest == digest


def test_who_may_not_replace_the_old_plan_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    digest = write_plan(path, copied=copies(b"a"))
    asked: list[Path] = []

    @contextmanager
    def refuse(final: Path) -> Iterator[None]:
        asked.append(final)
        if asked:
            raise PlanRefused("its run is not finished")
        yield

    with PlanWriter(path, replacing=refuse) as writer:
        add_graph(writer)
        with pytest.raises(PlanRefused, match="not finished"):
            writer.seal(header(actions=0, size_bytes=0))
    assert asked == [path]
    assert list(tmp_path.iterdir()) == [path]
    with open_plan(path) as reader:
        assert reader.digest == digest


def test_a_sealed_writer_takes_nothing_more(tmp_path: Path) -> None:
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        writer.seal(header(actions=0, size_bytes=0))
        with pytest.raises(ValueError, match="sealed already"):
            writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"a"))


def test_a_plan_is_not_begun_on_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "free_bytes", lambda _folder: 1_000)
    with pytest.raises(S3PlanError, match="1,000 bytes left"), PlanWriter(tmp_path / "a.s3plan"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("no/a.s3plan", "there is no folder"), ("n" * 250, "too long"), (".", "folder")]
)
def test_a_place_where_no_plan_can_be_is_an_error_that_says_so(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(S3PlanError, match=message), PlanWriter(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_writer_left_is_removed_and_what_a_living_one_or_another_plan_has_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead = tmp_path / f".a.s3plan.{ended.pid}-{'0' * 16}.tmp"
    staying = [
        tmp_path / f".a.s3plan.{os.getpid()}-{'1' * 16}.tmp",
        tmp_path / f".b.s3plan.{ended.pid}-{'2' * 16}.tmp",
        tmp_path / f".axs3plan.{ended.pid}-{'3' * 16}.tmp",
        tmp_path / f".a.s3plan.{ended.pid}-notours.tmp",
    ]
    for path in (dead, *staying):
        path.touch()
    write_plan(tmp_path / "a.s3plan", copied=copies(b"a"))
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a.s3plan", *staying])


def test_a_kind_of_action_has_its_place_in_one_phase_only(tmp_path: Path) -> None:
    conflict = [Action(ActionKind.CONFLICT, b"a", 1, "key too long")]
    with PlanWriter(tmp_path / "a.s3plan") as writer:
        add_graph(writer)
        assert writer.add_batch(phase=ASIDE, from_location=1, to_location=2, actions=conflict).actions == 1
        with pytest.raises(ValueError, match="kind 'conflict'"):
            writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=conflict)
