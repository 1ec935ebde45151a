"""Whatever keys a store lists or a plan is forged with, whatever links lie about: only the folder itself is touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from fakes.folder_jobs import MIRRORS_ALL, files_below, write_folder_job
from fakes.torture import examples
from fakes.watched_folder import watched
from fakes.workplace import Workplace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3plan.schemas.errors import S3PlanError
from unit.planfile.plan_samples import change

SECRET = b"a secret of this machine"
_NUMBERS = count()
_COMPONENTS = st.sampled_from(
    (
        *("..", ".", "", "a", "b", "outside", "secret", "link", ".s3plan-tmp", ".s3plan", "~", "C:\\x", "\\..\\x"),
        *("...", "..\u2024", "%2e%2e", "\x1b[2J", "-rf", "etc", "passwd", "n" * 255, "n" * 256, "$HOME", "\u202e/"),
    )
)
KEYS = st.lists(_COMPONENTS, min_size=1, max_size=4).map("/".join).filter(lambda key: 0 < len(key.encode()) <= 1000)
LINKS = st.dictionaries(
    st.sampled_from(["link", "a", "b", "a/link", ".s3plan-tmp", "outside", "secret"]),
    st.sampled_from(["..", "../outside", "../secret", ".", "/", "missing", "../new"]),
    max_size=3,
)
_UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class Yard:
    """A folder that is copied to or from, with what is nobody's business beside it; anew for each example."""

    def __init__(self, place: Workplace) -> None:
        self.around = place.folder / f"yard{next(_NUMBERS)}"
        self.folder = self.around / "photos"
        self.folder.mkdir(parents=True)
        (self.around / "outside").mkdir()
        for name in ("secret", "outside/x", "outside/secret"):
            (self.around / name).write_bytes(SECRET)

    def plant(self, links: dict[str, str]) -> None:
        for name, target in links.items():
            path = self.folder / name
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.parent.is_symlink():  # or it would come to lie elsewhere, by our own hand
                    path.symlink_to(target)

    def see_that_it_is_as_it_was(self) -> None:
        found = {str(path.relative_to(self.around)) for path in self.around.rglob("*")}
        assert {name for name in found if not name.startswith("photos/")} == {
            *("photos", "secret", "outside", "outside/x", "outside/secret")
        }
        for name in ("secret", "outside/x", "outside/secret"):
            assert (self.around / name).read_bytes() == SECRET


def put_away(place: Workplace) -> None:
    """Forget the plan: the next example's is of another folder."""
    shutil.rmtree(place.folder / ".s3plan", ignore_errors=True)


@given(keys=st.lists(KEYS, min_size=1, max_size=12, unique=True), before=LINKS, after=LINKS)
@settings(examples(12, torture=600), suppress_health_check=_UNHURRIED)
def test_what_a_store_lists_comes_down_below_the_folder_or_not_at_all(
    place: Workplace, keys: list[str], before: dict[str, str], after: dict[str, str]
) -> None:
    yard = Yard(place)
    place.buckets("source")
    place.server.wipe("source")
    for key in keys:
        place.s3.put_object(Bucket="source", Key=key, Body=b"hostile")
    yard.plant(before)
    write_folder_job(place, source="s3://source/", destination=str(yard.folder), **MIRRORS_ALL)
    with watched(yard.around, but=yard.folder) as changes:
        with suppress(S3PlanError):
            place.plan()
        yard.plant(after)
        with suppress(S3PlanError):
            place.apply()
    put_away(place)
    assert changes == []
    yard.see_that_it_is_as_it_was()
    assert set(files_below(yard.folder)) <= set(keys)


@given(keys=st.lists(KEYS, min_size=3, max_size=3), column=st.sampled_from(["key", "destination_key"]), after=LINKS)
@settings(examples(12, torture=600), suppress_health_check=_UNHURRIED)
def test_what_a_plan_is_forged_with_comes_down_below_the_folder_or_not_at_all(
    place: Workplace, keys: list[str], column: str, after: dict[str, str]
) -> None:
    yard = Yard(place)
    place.buckets("source")
    place.server.wipe("source")
    for key in {"1", "2", "3", *keys}:
        place.s3.put_object(Bucket="source", Key=key, Body=b"hostile")
    write_folder_job(
        place, source="s3://source/", destination=str(yard.folder), filters={"include": ["/1", "/2", "/3"]}
    )
    place.plan()
    for number, key in enumerate(sorted(keys, key=str.encode), start=1):
        change(place.plan_file, f"UPDATE action SET {column} = X'{key.encode().hex()}' WHERE key = X'3{number}'")
    change(place.plan_file, reseal=True)
    yard.plant(after)
    with watched(yard.around, but=yard.folder) as changes, suppress(S3PlanError):
        place.apply()
    put_away(place)
    assert changes == []
    yard.see_that_it_is_as_it_was()


@given(links=LINKS, after=LINKS, forged=st.none() | KEYS)
@settings(examples(12, torture=600), suppress_health_check=_UNHURRIED)
def test_only_what_lies_in_the_folder_goes_up(
    place: Workplace, links: dict[str, str], after: dict[str, str], forged: str | None
) -> None:
    yard = Yard(place)
    place.buckets("destination")
    place.server.wipe("destination")
    (yard.folder / "x").write_bytes(b"x" * len(SECRET))
    yard.plant(links)
    write_folder_job(place, source=str(yard.folder), destination="s3://destination/")
    with watched(yard.around, but=yard.folder) as changes:
        place.plan()
        if forged is not None:
            stamp = (yard.around / "secret").stat()
            pin = f"{stamp.st_size}:{stamp.st_mtime_ns}:{stamp.st_ctime_ns}:{stamp.st_ino}"
            change(
                place.plan_file,
                f"UPDATE action SET key = X'{forged.encode().hex()}', source_pin = '{pin}' WHERE kind = 'upload'",
                reseal=True,
            )
        yard.plant(after)
        with suppress(S3PlanError):
            place.apply()
    put_away(place)
    assert changes == []
    yard.see_that_it_is_as_it_was()
    for key in place.keys("destination"):
        assert place.body("destination", key) != SECRET, key


@contextmanager
def turning_into_a_link(directory: Path, target: Path) -> Iterator[None]:
    """Have a directory be a link to another one, and itself again, as often as that can be done meanwhile."""
    is_over = Event()
    aside = directory.with_name("aside")

    def turn() -> None:
        while not is_over.is_set():
            with suppress(OSError):
                directory.rename(aside)
                directory.symlink_to(target)
                directory.unlink()
            with suppress(OSError):
                aside.rename(directory)

    thread = Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("comes", ["down", "up"])
def test_a_directory_that_becomes_a_link_again_and_again_during_the_run_leads_nowhere(
    place: Workplace, comes: str
) -> None:
    yard = Yard(place)
    place.buckets("source", "destination")
    names = [f"turns/{number:03}" for number in range(300)]
    (yard.folder / "turns").mkdir()
    for name in names:
        place.s3.put_object(Bucket="source", Key=name, Body=b"hostile")
        (yard.around / "outside" / Path(name).name).write_bytes(SECRET)
        if comes == "up":
            (yard.folder / name).write_bytes(b"x" * len(SECRET))
    ways = {
        "down": {"source": "s3://source/", "destination": str(yard.folder)},
        "up": {"source": str(yard.folder), "destination": "s3://destination/"},
    }
    write_folder_job(place, **ways[comes])
    place.plan()
    with (
        watched(yard.around, but=yard.folder) as changes,
        turning_into_a_link(yard.folder / "turns", yard.around / "outside"),
    ):
        report = place.apply()
    assert changes == []
    assert report.counts, report
    for name in names:
        assert (yard.around / "outside" / Path(name).name).read_bytes() == SECRET
    for key in place.keys("destination"):
        assert place.body("destination", key) != SECRET, key


def test_what_is_touched_outside_is_noticed(place: Workplace) -> None:
    """The watcher of these tests sees what they would have to see."""
    yard = Yard(place)
    with watched(yard.around, but=yard.folder) as changes:
        (yard.folder / "link").symlink_to("../outside")
        (yard.folder / "link" / "x").write_bytes(b"through a link")
        (yard.around / "new").mkdir()
    assert changes == [str(yard.around / "outside/x")] * changes.count(str(yard.around / "outside/x")) + [
        str(yard.around / "new")
    ]
    assert len(changes) > 1
