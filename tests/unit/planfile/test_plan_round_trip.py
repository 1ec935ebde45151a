from __future__ import annotations

import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.planfile.reader import open_plan
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.plan.actions import Action, ActionKind
from s3plan.schemas.plan.rows import Batch
from unit.planfile.plan_samples import (
    ASIDE,
    COPY,
    DELETE,
    DESTINATION,
    EDGES,
    PHASES,
    SOURCE,
    add_graph,
    copies,
    header,
    numbered,
    skips,
    totals_of,
    write_plan,
)

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ETAG = st.from_regex(r"[A-Za-z0-9._~:/+=@-]{1,20}", fullmatch=True)
_CLASS = st.from_regex(r"[A-Z0-9_]{1,20}", fullmatch=True)
_KEY = _TEXT.map(str.encode)
_ODD_KEY = st.binary(max_size=1024)
_SIZE = st.integers(min_value=0, max_value=1 << 45)
_TIME = st.none() | st.integers(min_value=-(1 << 40), max_value=1 << 45)


def _actions(kind: ActionKind, key: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[Action]]:
    etag, name = (_TEXT, _TEXT) if kind is ActionKind.CONFLICT else (_ETAG, _CLASS)  # a conflict is never sent
    made = st.builds(
        Action,
        kind=st.just(kind),
        key=key,
        size_bytes=_SIZE,
        reason=_TEXT,
        source_pin=etag,
        source_mtime_ms=_TIME,
        source_version=st.none() | etag,
        destination_pin=etag if kind is ActionKind.DELETE else st.none() | etag,
        destination_mtime_ms=_TIME,
        destination_key=st.none(),
        storage_class=st.none() | name,
    )
    return st.lists(made, max_size=12, unique_by=lambda action: action.key).map(
        lambda actions: sorted(actions, key=lambda action: action.key)
    )


@settings(max_examples=60, deadline=None)
@given(
    copied=_actions(ActionKind.COPY, _KEY),
    deleted=_actions(ActionKind.DELETE, _KEY),
    aside=_actions(ActionKind.CONFLICT, _ODD_KEY),
    batch_actions=st.integers(min_value=1, max_value=5),
)
def test_a_plan_reads_back_as_it_was_written(
    copied: list[Action], deleted: list[Action], aside: list[Action], batch_actions: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.s3plan"
        digest = write_plan(path, copied=copied, deleted=deleted, aside=aside, batch_actions=batch_actions)
        with open_plan(path) as reader:
            assert reader.digest == digest
            assert reader.locations == (SOURCE, DESTINATION)
            assert reader.phases == PHASES
            assert reader.edges == EDGES
            assert reader.header == header(
                actions=len(copied) + len(deleted),
                size_bytes=sum(action.size_bytes for action in copied),
                totals=totals_of(copied=copied, deleted=deleted),
            )
            for phase, actions in ((COPY, copied), (DELETE, deleted), (ASIDE, aside)):
                assert [action for _, action in reader.iter_actions(phases={phase})] == actions


def test_the_same_content_has_the_same_digest_whatever_the_file_is_called(tmp_path: Path) -> None:
    digests = {write_plan(tmp_path / name, copied=copies(b"a", b"b")) for name in ("a.s3plan", "b c?#%41.s3plan")}
    assert len(digests) == 1
    with open_plan(tmp_path / "b c?#%41.s3plan") as reader:
        assert {reader.digest} == digests


def test_batches_are_numbered_from_one_and_say_where_their_actions_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    with PlanWriter(path) as writer:
        add_graph(writer)
        first = writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"a", b"b"))
        aside = writer.add_batch(phase=ASIDE, from_location=1, to_location=None, actions=skips(b"", b"b"))
        second = writer.add_batch(phase=COPY, from_location=1, to_location=2, actions=copies(b"c"))
        writer.seal(header(actions=3, size_bytes=21))
    assert (first.id, first.first_action, first.actions, first.size_bytes) == (1, 1, 2, 14)
    assert aside == Batch(2, ASIDE, 1, None, 3, 2, 22, aside.digest)
    assert (second.id, second.first_action) == (3, 5)
    with open_plan(path) as reader:
        assert reader.batches == (first, aside, second)
        assert reader.actions(second) == tuple(copies(b"c"))


def test_a_plan_without_actions_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan_digest = _write_empty(path)
    with open_plan(path) as reader:
        assert reader.digest == write_plan_digest
        assert reader.batches == ()
        assert list(reader.iter_actions()) == []


def test_a_mapped_destination_key_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    mapped = [action._replace(destination_key=b"x/" + action.key) for action in copies(b"a", b"b")]
    write_plan(path, copied=mapped)
    with open_plan(path) as reader:
        assert reader.actions(reader.batches[0]) == tuple(mapped)
        assert reader.destination_keys(reader.batches[0]) == [b"dr/x/a", b"dr/x/b"]


def test_only_the_owner_may_read_a_plan_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / ".s3plan" / "a.s3plan"
    write_plan(path, copied=copies(*numbered("k", 3)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["a.s3plan"]


def test_a_plan_is_read_through_a_symbolic_link(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    digest = write_plan(path, copied=copies(b"a"))
    link = tmp_path / "link.s3plan"
    link.symlink_to(path)
    with open_plan(link) as reader:
        assert reader.digest == digest


def test_reading_needs_no_right_to_write_and_leaves_nothing_beside_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a"))
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    monkeypatch.chdir(tmp_path)
    with open_plan(Path("a.s3plan")) as reader:
        assert reader.path == Path("a.s3plan")
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.s3plan"]
    tmp_path.chmod(0o700)


def _write_empty(path: Path) -> str:
    with PlanWriter(path) as writer:
        add_graph(writer)
        return writer.seal(header(actions=0, size_bytes=0))
