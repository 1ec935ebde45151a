"""Plan and apply against thirty lines that do what docs/manifest.md says, with dictionaries.

Random trees, jobs and faults. Whatever happens on the way, the end is what the model says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import s3plan
from fakes.faulty_engine import Fault, ProcessKilled
from fakes.memory_world import DESTINATION, SOURCE, START_MS, MemoryWorld, Stored, Tree, content_digest_of, memory_world
from fakes.odd_keys import ODD_KEYS
from fakes.ordered_store import OrderedStore
from fakes.s3server.orders import scrambled
from fakes.torture import examples
from hypothesis import example, given
from hypothesis import strategies as st
from s3plan.schemas.requests.objects import CopyObject, DeleteObject, DeleteObjects, HeadObject, ListObjects
from s3plan.schemas.requests.uploads import CompleteMultipartUpload, CreateMultipartUpload, UploadPartCopy

DAY_MS = 86_400_000
LARGE = b"L" * (5 * 2**20 + 1)  # copied in two parts
_KEPT_CLASSES = {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"}
_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}


@dataclass(frozen=True)
class Job:
    """A job in the model's words, next to the sections of the manifest that say the same."""

    overwrite: str
    compare: tuple[str, ...]
    is_mirror: bool
    copies_archived: bool
    passes_key: Callable[[str], bool] = field(repr=False)
    passes_object: Callable[[Stored], bool] = field(repr=False)
    sections: dict[str, object]


def reference(source: Tree, destination: Tree, job: Job) -> tuple[dict[str, tuple[bytes, str]], bool]:
    """Return body and storage class of all that the destination then holds, and whether all of it could be done."""
    after = {key: (there.body, there.storage_class) for key, there in destination.items()}
    extraneous: list[str] = []
    is_done = True
    for key in {*source, *destination} - {""}:
        here, there = source.get(key), destination.get(key)
        if not job.passes_key(key):
            continue
        if here is None:
            extraneous += [key] if there is not None and job.passes_object(there) else []
        elif job.passes_object(here) and (there is None or is_overwritten(here, there, job)):
            if here.storage_class in _ARCHIVED and not job.copies_archived:
                continue
            if here.storage_class in _ARCHIVED or len(f"out/{key}".encode()) > 1024:
                is_done = False  # nobody has restored it; it cannot be written
            else:
                after[key] = (here.body, here.storage_class if here.storage_class in _KEPT_CLASSES else "STANDARD")
    for key in extraneous if job.is_mirror and is_done else ():
        del after[key]
    return after, is_done


def is_overwritten(here: Stored, there: Stored, job: Job) -> bool:
    is_newer, is_resized = here.mtime_ms // 1000 > there.mtime_ms // 1000, len(here.body) != len(there.body)
    if job.overwrite != "if-different":
        return {"never": False, "always": True, "if-newer": is_newer, "if-size-differs": is_resized}[job.overwrite]
    steps = job.compare or ("size", "etag", "mtime")
    if "size" in steps and is_resized:
        return True
    if "etag" in steps and here.etag == there.etag:
        return False
    if "etag" in steps:
        are_md5s = "-" not in f"{here.etag}{there.etag}"
        return are_md5s or is_resized or is_newer
    return "mtime" in steps and is_newer


ALPHABET = ["a", "b", "c", "/", "-", ".", " ", "tmp/", ".jpg", "é", "\n", "k" * 700]
TOO_LONG_THERE = "k" * 1021


def keys(*, below: str) -> st.SearchStrategy[str]:
    """Keys that fit into 1,024 bytes behind the location's prefix; the source's may be a byte longer."""
    made = st.lists(st.sampled_from(ALPHABET), max_size=4).map("".join)
    odd = st.sampled_from([*ODD_KEYS, TOO_LONG_THERE, TOO_LONG_THERE, TOO_LONG_THERE])
    return (made | odd).filter(lambda key: len(f"{below}{key}".encode()) <= 1024)


def stored(content: int, days: int, in_parts: bool, storage_class: str) -> Stored:
    """Contents come in pairs of one size; an object that was uploaded in parts has another kind of ETag."""
    body = bytes([65 + content]) * (content // 2)
    return Stored(body, START_MS - days * DAY_MS, storage_class, f"{content:032x}-2" if in_parts else None)


objects = st.builds(
    stored,
    st.integers(0, 5),
    st.integers(1, 4),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["STANDARD", "STANDARD", "STANDARD", "STANDARD_IA", "GLACIER"]),
)
sources = st.dictionaries(keys(below="in/"), objects, max_size=10)
destinations = st.dictionaries(keys(below="out/"), objects, max_size=10)

KEY_FILTERS: list[tuple[dict[str, object], Callable[[str], bool]]] = [
    ({}, lambda key: True),
    ({"exclude": ["tmp/"]}, lambda key: "tmp" not in key.split("/")[:-1]),
    ({"extensions": ["jpg"]}, lambda key: key.endswith(".jpg")),
    ({"include": ["/a*"]}, lambda key: key.startswith("a")),
    ({"include": ["*.jpg"]}, lambda key: any(name.endswith(".jpg") for name in key.split("/"))),
    ({"exclude": ["*", "!/a"]}, lambda key: key == "a"),
]
OBJECT_FILTERS: list[tuple[dict[str, object], Callable[[Stored], bool]]] = [
    ({}, lambda here: True),
    ({"size": {"max": "1B"}}, lambda here: len(here.body) <= 1),
    ({"size": {"min": "1B"}}, lambda here: len(here.body) >= 1),
    ({"modified": {"older_than": "36h"}}, lambda here: here.mtime_ms < START_MS - 1.5 * DAY_MS),
    ({"modified": {"newer_than": "60h"}}, lambda here: here.mtime_ms >= START_MS - 2.5 * DAY_MS),
    ({"storage_class": ["STANDARD"]}, lambda here: here.storage_class == "STANDARD"),
]


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    overwrite = draw(st.sampled_from(["if-different", "never", "if-newer", "if-size-differs", "always"]))
    compare = draw(st.lists(st.sampled_from(["etag", "size", "mtime"]), unique=True, max_size=3))
    key_words, passes_key = draw(st.sampled_from(KEY_FILTERS))
    object_words, passes_object = draw(st.sampled_from(OBJECT_FILTERS))
    is_mirror, copies_archived = draw(st.booleans()), draw(st.booleans())
    when = draw(st.sampled_from(["all-done", "no-failures"]))
    mirror = {
        "mode": "mirror",
        "delete": {"extraneous": True, "when": when},
        "guards": {"max_delete": "100%", "refuse_empty_source": False},
    }
    sections: dict[str, object] = {
        "overwrite": overwrite,
        "filters": key_words | object_words,
        "archived": "copy" if copies_archived else "skip",
        **({"compare": compare} if compare else {}),
        **(mirror if is_mirror else {}),
    }
    return Job(overwrite, tuple(compare), is_mirror, copies_archived, passes_key, passes_object, sections)


_MIRROR = {"mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}
ALL_OF_IT = Job("always", (), True, False, lambda key: True, lambda found: True, {"overwrite": "always", **_MIRROR})


def prepare(world: MemoryWorld, source: Tree, destination: Tree, job: Job) -> None:
    """Put everything in its place, and objects beside the locations that are nobody's business."""
    world.put(SOURCE, source)
    world.put(DESTINATION, destination)
    for bucket in (SOURCE, DESTINATION):
        world.store.bucket(bucket).put("out", world.store.new_object(b"beside"))
    world.manifest(
        **job.sections,
        run={"executor": "serial", "multipart_threshold": "5MiB", "part_size": "5MiB", "retries": RETRIES},
    )


RETRIES = {"attempts": 9, "initial": "1ms", "max": "2ms", "jitter": "none"}


def assert_as_the_model_says(world: MemoryWorld, source: Tree, destination: Tree, job: Job) -> None:
    after, _ = reference(source, destination, job)
    assert {key: (found.body, found.storage_class) for key, found in world.tree(DESTINATION).items()} == after
    assert world.tree(SOURCE).keys() == source.keys()
    assert world.store.bucket(DESTINATION).objects["out"].body == b"beside"
    assert world.untold_uploads == []


@examples(60, torture=4_000)
@given(sources, destinations, jobs())
@example({TOO_LONG_THERE: Stored(b"x")}, {"old": Stored(b"old")}, ALL_OF_IT)
def test_plan_and_apply_do_what_the_model_says_and_a_second_time_nothing(
    source: Tree, destination: Tree, job: Job
) -> None:
    with memory_world() as world:
        prepare(world, source, destination, job)
        before = (world.tree(SOURCE), world.tree(DESTINATION))
        world.plan()
        assert (world.tree(SOURCE), world.tree(DESTINATION)) == before, "plan writes nothing"
        is_done = reference(*before, job)[1]
        report = world.apply()
        assert report.exit_code == (0 if is_done else 3), report
        assert_as_the_model_says(world, *before, job)
        assert set(world.engine.writes.values()) <= {1}
        again = world.plan()
        second = (world.tree(SOURCE), world.tree(DESTINATION))
        assert not again.has_changes or job.overwrite == "always" or not is_done, again.header.jobs[0].totals
        world.apply()
        assert_as_the_model_says(world, *second, job)
        assert {key: found[0] for key, found in world.tree(DESTINATION).items()} == {
            key: found[0] for key, found in second[1].items()
        }


large_objects = st.dictionaries(
    st.sampled_from(["big", "tmp/big", "a-big.jpg"]), st.just(Stored(LARGE, START_MS - 3 * DAY_MS)), max_size=2
)
mixed_sources = st.builds(lambda small, large: {**small, **large}, sources, large_objects)
OPERATIONS = (
    CopyObject,
    DeleteObject,
    DeleteObjects,
    HeadObject,
    ListObjects,
    CreateMultipartUpload,
    UploadPartCopy,
    CompleteMultipartUpload,
)
PASSING = (Fault.LOST, Fault.INTERNAL, Fault.BAD_REPLY, Fault.UNREACHABLE, Fault.CONFLICT, Fault.DENIED, Fault.EXPIRED)
faults = st.lists(
    st.tuples(st.sampled_from(PASSING), st.integers(1, 6), st.sampled_from(OPERATIONS), st.integers(1, 2)), max_size=3
)


@examples(40, torture=3_000)
@given(mixed_sources, destinations, jobs(), faults)
@example({"big": Stored(LARGE)}, {"a": Stored(b"old")}, ALL_OF_IT, [(Fault.LOST, 1, CreateMultipartUpload, 1)])
def test_faults_of_the_store_change_nothing_about_the_end(
    source: Tree, destination: Tree, job: Job, failing: Iterable[tuple[Fault, int, type, int]]
) -> None:
    with memory_world() as world:
        prepare(world, source, destination, job)
        before = (world.tree(SOURCE), world.tree(DESTINATION))
        world.plan()
        for fault, number, operation, times in failing:
            world.engine.fail(fault, number=number, operation=operation, times=times)
        with suppress(s3plan.S3PlanError):  # refused before anything was changed
            world.apply()
        world.engine.mend()
        is_done = reference(*before, job)[1]
        assert world.apply().exit_code == (0 if is_done else 3)
        assert_as_the_model_says(world, *before, job)
        assert set(world.engine.writes.values()) <= {1}


kills = st.lists(
    st.tuples(st.sampled_from([Fault.KILLED, Fault.KILLED_AFTER]), st.integers(1, 25)), min_size=1, max_size=3
)
limits = st.lists(st.integers(1, 8), max_size=2)


@examples(40, torture=3_000)
@given(mixed_sources, destinations, jobs(), kills, limits)
@example({"big": Stored(LARGE)}, {"a": Stored(b"old")}, ALL_OF_IT, [(Fault.KILLED_AFTER, 3)], [])
def test_a_run_that_was_killed_anywhere_ends_as_an_undisturbed_one(
    source: Tree,
    destination: Tree,
    job: Job,
    killing: Iterable[tuple[Fault, int]],
    limited: Iterable[int],
) -> None:
    with memory_world() as world:
        prepare(world, source, destination, job)
        before = (world.tree(SOURCE), world.tree(DESTINATION))
        world.plan()
        for fault, number in killing:
            world.engine.mend()
            world.engine.fail(fault, number=number)
            with suppress(ProcessKilled):
                world.apply()
        world.engine.mend()
        for limit in limited:
            world.apply(limit=limit)
        is_done = reference(*before, job)[1]
        assert world.apply().exit_code == (0 if is_done else 3)
        assert_as_the_model_says(world, *before, job)
        assert set(world.engine.writes.values()) <= {1}


@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.KILLED_AFTER])
def test_any_request_of_a_run_may_be_its_last(fault: Fault) -> None:
    """A copy, one in parts, an overwrite by the same bytes, a delete: each of their requests in its turn."""
    source = {"a": Stored(b"a"), "same": Stored(b"same"), "big": Stored(LARGE)}
    destination = {"same": Stored(b"same"), "old": Stored(b"old")}
    for number in range(1, 100):
        with memory_world() as world:
            prepare(world, source, destination, ALL_OF_IT)
            before = (world.tree(SOURCE), world.tree(DESTINATION))
            world.plan()
            world.engine.fail(fault, number=number)
            try:
                world.apply()
            except ProcessKilled:
                world.engine.mend()
            else:
                assert number > 10
                return
            assert world.apply().exit_code == 0, number
            assert_as_the_model_says(world, *before, ALL_OF_IT)
            assert set(world.engine.writes.values()) == {1}, number
    pytest.fail("the run had no end")


@examples(40, torture=1_500)
@given(sources, destinations, jobs(), st.integers(0, 2**32), st.integers(1, 4))
def test_the_order_in_which_a_store_lists_does_not_show_in_the_plan(
    source: Tree, destination: Tree, job: Job, seed: int, page_keys: int
) -> None:
    with memory_world() as world:
        prepare(world, source, destination, job)
        in_order, shuffled = world.folder / "in-order.s3plan", world.folder / "shuffled.s3plan"
        world.plan(output=in_order)
        world.in_between = lambda engine: OrderedStore(engine, scrambled(seed), page_keys=page_keys)
        world.plan(output=shuffled)
        assert content_digest_of(shuffled) == content_digest_of(in_order)


def test_the_model_itself_can_tell_right_from_wrong() -> None:
    """A model that agreed with everything would prove nothing."""
    here, there = Stored(b"new", START_MS), Stored(b"old", START_MS - DAY_MS)
    job = Job("if-newer", (), True, False, lambda key: True, lambda found: True, {})
    assert reference({"a": here}, {"a": there, "b": there}, job) == ({"a": (b"new", "STANDARD")}, True)
    never = Job("never", (), False, False, lambda key: True, lambda found: True, {})
    assert reference({"a": here}, {"a": there, "b": there}, never)[0] == {
        "a": (b"old", "STANDARD"),
        "b": (b"old", "STANDARD"),
    }
    with memory_world() as world:
        prepare(world, {"a": here}, {}, never)
        with pytest.raises(AssertionError):
            assert_as_the_model_says(world, {"a": here}, {}, never)
