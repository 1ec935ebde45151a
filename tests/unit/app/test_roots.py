"""Where a plan's folder lies for a run: what the user names now, what earlier runs have left, what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from s3plan.app.roots import RememberedRoot, Root, named_folder, root_in_force
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.plan.rows import LocationKind, PlanLocation, folder_url

PLANNED, OTHER, THIRD = "/home/photos", "/mnt/photos", "/srv/photos"
FRESH = RememberedRoot(None, has_begun=False)


@dataclass
class Plan:
    """A plan by its locations alone."""

    locations: tuple[PlanLocation, ...]
    path: Path = Path("job.s3plan")


def a_folder(path: str, *, number: int = 1, trash: str | None = None) -> PlanLocation:
    return PlanLocation(
        number, LocationKind.FOLDER, folder_url(path), "", None, None, "", "", path=path, root_inode=1, trash=trash
    )


def a_bucket(*, number: int = 9) -> PlanLocation:
    return PlanLocation(number, LocationKind.S3, "s3://b/", "", None, None, "b", "")


PLAN = Plan((a_folder(PLANNED), a_bucket()))


@pytest.mark.parametrize(
    ("asked", "remembered", "root"),
    [
        (None, FRESH, None),
        (OTHER, FRESH, Root(OTHER, PLANNED)),
        (PLANNED, FRESH, Root(PLANNED, PLANNED)),
        (None, RememberedRoot(None, has_begun=True), None),
        (PLANNED, RememberedRoot(None, has_begun=True), None),
        (None, RememberedRoot(OTHER, has_begun=True, inode=7), Root(OTHER, PLANNED, is_remembered=True, inode=7)),
        (OTHER, RememberedRoot(OTHER, has_begun=True, inode=7), Root(OTHER, PLANNED)),
        (None, RememberedRoot(OTHER, has_begun=False), Root(OTHER, PLANNED, is_remembered=True)),
        (THIRD, RememberedRoot(OTHER, has_begun=False), Root(THIRD, PLANNED)),
        (PLANNED, RememberedRoot(OTHER, has_begun=False), Root(PLANNED, PLANNED)),
        ("/mnt/./x/..//photos/", FRESH, Root(OTHER, PLANNED)),
    ],
)
def test_where_the_next_run_goes(asked: str | None, remembered: RememberedRoot, root: Root | None) -> None:
    assert root_in_force(PLAN, remembered, asked=None if asked is None else Path(asked)) == root


@pytest.mark.parametrize(
    ("asked", "begun_in"), [(OTHER, None), (THIRD, OTHER), (PLANNED, OTHER), ("/mnt/photos/below", OTHER)]
)
def test_what_was_begun_in_one_folder_goes_on_in_no_other(asked: str, begun_in: str | None) -> None:
    with pytest.raises(UsageInvalid) as refused:
        root_in_force(PLAN, RememberedRoot(begun_in, has_begun=True), asked=Path(asked))
    assert f"begun in the folder {begun_in or PLANNED} and cannot go on in {asked};" in str(refused.value)
    assert refused.value.exit_code == ExitCode.USAGE


def test_a_relative_one_is_below_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert root_in_force(PLAN, FRESH, asked=Path("x")) == Root(str(tmp_path / "x"), PLANNED)


def test_a_folder_that_is_read_in_one_way_and_written_in_another_is_one_folder() -> None:
    plan = Plan((a_folder(PLANNED), a_bucket(), a_folder(PLANNED, number=3, trash="/home/trash")))
    assert root_in_force(plan, FRESH, asked=Path(OTHER)) == Root(OTHER, PLANNED)


@pytest.mark.parametrize(
    ("locations", "message"),
    [((a_bucket(),), "has no folder"), ((a_folder("/a"), a_folder("/b", number=2)), "has 2: /a, /b")],
)
def test_a_plan_of_no_folder_or_of_several_has_none_to_put_elsewhere(
    locations: tuple[PlanLocation, ...], message: str
) -> None:
    assert root_in_force(Plan(locations), FRESH, asked=None) is None
    with pytest.raises(UsageInvalid, match=message):
        root_in_force(Plan(locations), FRESH, asked=Path(OTHER))


@pytest.mark.parametrize("name", [b"/caf\xe9", b"/a\0b"])
def test_a_name_that_no_plan_could_have_is_refused(name: bytes) -> None:
    with pytest.raises(UsageInvalid, match="--root: "):
        root_in_force(PLAN, FRESH, asked=Path(name.decode(errors="surrogateescape")))


def test_a_journal_counts_before_a_lock() -> None:
    assert RememberedRoot.of(None, OTHER, has_begun=True) == RememberedRoot(OTHER, has_begun=True)


def test_a_folder_is_named_as_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_folder("~/new") == tmp_path / "new"  # as `--root=~/new` leaves a shell
    assert named_folder("file:///mnt/a b%20c") == Path("/mnt/a b%20c")
    assert [named_folder(text) for text in ("x/~", "a:b", "s3:/x")] == [Path("x/~"), Path("a:b"), Path("s3:/x")]


@pytest.mark.parametrize("text", ["", "s3://bucket/photos", "file://host/x", "https://x"])
def test_what_names_no_folder_of_this_machine_is_not_made_below_the_current_one(text: str) -> None:
    with pytest.raises(UsageInvalid, match="--root "):
        named_folder(text)
