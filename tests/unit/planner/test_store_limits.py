"""What a store cannot hold is a conflict of the plan, and what may be the source's own object is not deleted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import pytest
from fakes.plan_parts import an_object
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.diff import DELETE_EXTRANEOUS, LEFT_ALONE, Rules, diff, pair_up
from s3plan.planner.overwrite import policy_for
from s3plan.planner.store_limits import StoreLimits
from s3plan.schemas.manifest.words import Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import GIB, TIB
from s3plan.storage.s3.store_quirks import quirks_of

COMPOSED, DECOMPOSED = "caf\u00e9".encode(), "cafe\u0301".encode()
ANGSTROM = "\u212b".encode()  # sorts after what it is one with
A_RING = "\u00c5".encode()


def lines(
    store: str, source: Iterable[ObjectRow], destination: Iterable[ObjectRow] = (), *, deletes: bool = False
) -> list[tuple[bytes, str, str, str | None]]:
    """Return key, kind, rule and storage class of each line of a plan for that store."""
    with closing(StoreLimits(quirks_of(StoreName(store)), prefix="p/")) as limits:
        rules = Rules(
            policy=policy_for(Overwrite.IF_DIFFERENT, compare=(), etags_comparable=True),
            objection=None,
            copies_archived=False,
            extraneous=DELETE_EXTRANEOUS if deletes else LEFT_ALONE,
            source_prefix_bytes=0,
            destination_prefix_bytes=2,
            storage_class=None,
            limits=limits,
        )
        pairs = limits.watch(pair_up(iter(sorted(source)), iter(sorted(destination))))
        made = list(diff(pairs, rules=rules, on_verdict=lambda *_: None))
    return [(action.key, action.kind.value, verdict.rule, action.storage_class) for verdict, action in made]


@pytest.mark.parametrize(
    ("store", "most", "words"),
    [
        ("r2", 5 * TIB - 5 * GIB, "larger than R2 takes (5.0 TiB)"),
        ("swift", 5000 * GIB, "larger than Swift takes (4.9 TiB)"),
        ("b2", 10 * 10**12, "larger than B2 takes (9.1 TiB)"),
        ("unknown", 50_000 * GIB, "larger than the store takes (48.8 TiB)"),
    ],
)
def test_an_object_that_is_larger_than_its_store_takes_is_a_conflict(store: str, most: int, words: str) -> None:
    assert lines(store, [an_object(b"a", size=most)])[0][1] == "copy"
    assert lines(store, [an_object(b"a", size=most + 1)]) == [(b"a", "conflict", words, None)]


@pytest.mark.parametrize(
    ("store", "key"),
    [("gcs", b"a\nb"), ("gcs", b"a\rb"), ("ceph", b"a\x01"), ("minio", b"a//b"), ("minio", b"x" * 256)],
)
def test_a_key_that_its_store_does_not_hold_is_a_conflict(store: str, key: bytes) -> None:
    assert [kind for _, kind, *_ in lines(store, [an_object(key)])] == ["conflict"]
    assert [kind for _, kind, *_ in lines("aws", [an_object(key)])] == ["copy"]


def test_a_key_is_judged_with_its_prefix() -> None:
    """`p/` and `/a` make an empty component, which no file system has."""
    assert [kind for _, kind, *_ in lines("minio", [an_object(b"/a")])] == ["conflict"]


@pytest.mark.parametrize("keys", [(DECOMPOSED, COMPOSED), (A_RING, ANGSTROM)])
def test_of_two_keys_that_the_store_holds_as_one_the_first_is_written(keys: tuple[bytes, bytes]) -> None:
    rows = [an_object(key) for key in keys]
    twin = "R2 holds it as one with another key, spelt otherwise in Unicode"
    assert lines("r2", rows) == [(keys[0], "copy", "not in destination", None), (keys[1], "conflict", twin, None)]
    assert [kind for _, kind, *_ in lines("aws", rows)] == ["copy", "copy"]


@pytest.mark.parametrize("copied", [False, True])
def test_what_the_store_holds_as_one_with_a_key_of_the_source_is_not_deleted(copied: bool) -> None:
    """It is the very object that the source's key was copied to: a mirror would delete it after each copy."""
    source = [an_object(DECOMPOSED, etag="e")]
    there = [an_object(COMPOSED, etag="e"), *(source if copied else [])]
    kinds = {key: kind for key, kind, *_ in lines("r2", source, there, deletes=True)}
    assert kinds[COMPOSED] == "skip"
    assert {kind for _, kind, *_ in lines("aws", source, there, deletes=True)} >= {"delete"}


@pytest.mark.parametrize(
    ("store", "kept"), [("aws", "ONEZONE_IA"), ("r2", None), ("gcs", None), ("minio", None), ("unknown", "ONEZONE_IA")]
)
def test_a_storage_class_that_the_store_has_not_is_left_out(store: str, kept: str | None) -> None:
    assert lines(store, [an_object(b"a", storage_class="ONEZONE_IA")])[0][3] == kept


BELOW = "MinIO does not hold an object below the key of another one"


@pytest.mark.parametrize("stands", [False, True], ids=["written", "standing"])
def test_an_object_below_the_key_of_another_one_is_a_conflict_where_keys_are_names_of_files(stands: bool) -> None:
    parents = [an_object(b"a", etag="1"), an_object(b"d/", etag="1")]
    below = [an_object(key, etag="2") for key in (b"a!", b"a/b", b"a/b/c", b"ab", b"d/e", b"f/g")]
    made = lines("minio", below if stands else [*parents, *below], parents if stands else [])
    assert {key for key, kind, rule, _ in made if kind == "conflict" and rule == BELOW} == {b"a/b", b"a/b/c"}
    assert {key for key, kind, _, _ in made if kind == "copy"} == {
        b"a!",
        b"ab",
        b"d/e",
        b"f/g",
        *([] if stands else [b"a", b"d/"]),
    }
    assert all(kind == "copy" for _, kind, _, _ in lines("aws", [*parents, *below]))


@given(st.sets(st.text("a/!", min_size=1, max_size=6).filter(lambda key: "//" not in key and key[0] != "/")))
def test_of_what_minio_is_to_hold_nothing_lies_below_another_object(keys: set[str]) -> None:
    made = lines("minio", [an_object(key.encode(), etag="1") for key in keys])
    held = {key for key, kind, _, _ in made if kind == "copy"}
    refused = {key for key, kind, _, _ in made if kind == "conflict"}

    def is_below_another(key: bytes) -> bool:
        cuts = (at for at, letter in enumerate(key[:-1]) if letter == ord("/"))
        return any(key[:at] in held for at in cuts)

    assert not any(map(is_below_another, held))
    assert all(map(is_below_another, refused))
