from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3plan.planfile.invariants import check_invariants
from s3plan.planfile.reader import open_plan
from s3plan.planfile.writer import PlanWriter
from s3plan.schemas.errors import ManifestInvalid, PlanDamaged, PlanRefused
from s3plan.schemas.plan.rows import LocationKind, Phase, PhaseName, PlanLocation
from unit.planfile.plan_samples import (
    change,
    copies,
    deletes,
    header,
    header_of,
    numbered,
    relayed,
    relays,
    skips,
    totals_of,
    write_plan,
)

_KEYS = st.lists(st.text("abc", min_size=1, max_size=3).map(str.encode), unique=True, max_size=25).map(sorted)


@settings(max_examples=80, deadline=None)
@given(copied=_KEYS, deleted=_KEYS, batch_actions=st.integers(min_value=1, max_value=7))
def test_a_plan_is_refused_exactly_if_a_key_is_both_written_and_deleted(
    copied: list[bytes], deleted: list[bytes], batch_actions: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.s3plan"
        write_plan(path, copied=copies(*copied), deleted=deletes(*deleted), batch_actions=batch_actions)
        with open_plan(path) as reader:
            if set(copied).isdisjoint(deleted):
                check_invariants(reader)
                return
            with pytest.raises(PlanRefused, match="twice"):
                check_invariants(reader)


def test_what_is_set_aside_changes_no_key(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a"), aside=skips(b"a"))
    with open_plan(path) as reader:
        check_invariants(reader)


def test_a_mapped_key_counts_as_what_it_becomes(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=[copies(b"a")[0]._replace(destination_key=b"z")], deleted=deletes(b"z"))
    with open_plan(path) as reader, pytest.raises(PlanRefused, match="writes or deletes the key b'dr/z' twice"):
        check_invariants(reader)


def test_batches_of_a_phase_that_are_out_of_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(*numbered("a", 4)), batch_actions=2)
    change(path, "UPDATE action SET key = CAST('b' || key AS BLOB) WHERE id <= 2", reseal=True)
    with (
        open_plan(path) as reader,
        pytest.raises(PlanRefused, match="batch 2 begins below the one before it; make a new plan"),
    ):
        check_invariants(reader)


def test_a_damaged_key_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(*numbered("a", 4)))
    change(path, "UPDATE action SET key = 5 WHERE id = 2")
    with open_plan(path) as reader, pytest.raises(PlanDamaged, match="key holds a value of type int"):
        check_invariants(reader)


@pytest.mark.parametrize(
    ("bucket", "endpoint", "prefix", "overlaps"),
    [
        ("one", None, "a/", True),
        ("one", None, "a/b/", True),
        ("one", None, "", True),
        ("one", None, "b/", False),
        ("two", None, "a/", False),
        ("one", "https://s3.example.com", "a/", False),
    ],
)
def test_a_copy_must_not_write_where_it_reads(
    tmp_path: Path, bucket: str, endpoint: str | None, prefix: str, *, overlaps: bool
) -> None:
    path = tmp_path / "a.s3plan"
    with PlanWriter(path) as writer:
        writer.add_location(PlanLocation(1, LocationKind.S3, "s3://one/a/", "", None, None, "one", "a/"))
        url = f"s3://{bucket}/{prefix}"
        writer.add_location(PlanLocation(2, LocationKind.S3, url, "", endpoint, None, bucket, prefix))
        writer.add_phase(Phase(1, "images", PhaseName.PREPARE))
        writer.add_phase(Phase(2, "images", PhaseName.COPY))
        writes, made = copies(b"k"), header(actions=1, size_bytes=7)
        if endpoint is not None:
            writes, made = relays(b"k"), relayed(made)
        writer.add_batch(phase=2, from_location=1, to_location=2, actions=writes)
        writer.seal(made)
    with open_plan(path) as reader:
        if not overlaps:
            check_invariants(reader)
            return
        with pytest.raises(PlanRefused, match="which overlap; make a new plan"):
            check_invariants(reader)


TWO = ("s3://two/", "two", ""), ("s3://two/a/", "two", "a/")


def write_two_jobs(path: Path, *, keys: tuple[bytes, bytes], places: Sequence[tuple[str, str, str]] = TWO) -> None:
    """Write a plan of two jobs that copy a key each from one bucket to these places."""
    with PlanWriter(path) as writer:
        writer.add_location(PlanLocation(1, LocationKind.S3, "s3://one/", "", None, None, "one", ""))
        for number, (url, bucket, prefix) in enumerate(places, start=2):
            writer.add_location(PlanLocation(number, LocationKind.S3, url, "", None, None, bucket, prefix))
        jobs = []
        for number, (name, key) in enumerate(zip(("first", "second"), keys, strict=True), start=1):
            writer.add_phase(Phase(2 * number - 1, name, PhaseName.PREPARE))
            writer.add_phase(Phase(2 * number, name, PhaseName.COPY))
            writer.add_batch(phase=2 * number, from_location=1, to_location=number + 1, actions=copies(key))
            (job,) = header(actions=1, size_bytes=7, job=name).jobs
            jobs.append(job.model_copy(update={"to_location": number + 1}))
        writer.seal(header_of(*jobs))


def test_two_jobs_that_write_one_key_make_no_plan_also_by_different_prefixes(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    with pytest.raises(ManifestInvalid, match="the jobs first and second both write or delete the key a/b"):
        write_two_jobs(path, keys=(b"a/b", b"b"))
    assert list(tmp_path.iterdir()) == []


def test_two_jobs_that_write_one_key_in_a_forged_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_two_jobs(path, keys=(b"a/c", b"b"))
    with open_plan(path) as reader:
        check_invariants(reader)
    change(path, "UPDATE action SET key = CAST('a/b' AS BLOB) WHERE id = 1", reseal=True)
    with (
        open_plan(path) as reader,
        pytest.raises(PlanRefused, match="the key b'a/b' twice, by job 'first' and job 'second'"),
    ):
        check_invariants(reader)


def test_no_job_reads_what_another_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_two_jobs(path, keys=(b"a", b"b"), places=(("s3://two/", "two", ""), ("s3://one/x/", "one", "x/")))
    with (
        open_plan(path) as reader,
        pytest.raises(PlanRefused, match="reads from 's3://one/' and writes to 's3://one/x/'"),
    ):
        check_invariants(reader)


@pytest.mark.parametrize("after", [("first",), ()])
def test_a_job_deletes_what_another_one_reads_only_after_it(tmp_path: Path, after: tuple[str, ...]) -> None:
    path = tmp_path / "a.s3plan"
    with PlanWriter(path) as writer:
        writer.add_location(PlanLocation(1, LocationKind.S3, "s3://one/", "", None, None, "one", ""))
        writer.add_location(PlanLocation(2, LocationKind.S3, "s3://two/", "", None, None, "two", ""))
        for number, (job, phase) in enumerate([("first", PhaseName.COPY), ("second", PhaseName.DELETE)]):
            writer.add_phase(Phase(2 * number + 1, job, PhaseName.PREPARE))
            writer.add_phase(Phase(2 * number + 2, job, phase))
        writer.add_batch(phase=2, from_location=1, to_location=2, actions=copies(b"a"))
        writer.add_batch(phase=4, from_location=None, to_location=1, actions=deletes(b"a"))
        (first,) = header(actions=1, size_bytes=7, job="first").jobs
        (second,) = header(
            actions=1, size_bytes=0, job="second", totals=totals_of(copied=(), deleted=deletes(b"a"))
        ).jobs
        alone = {"from_location": None, "source": None, "to_location": 1, "depends_on": after}
        settings = second.settings.model_copy(update={"mode": "delete"})
        writer.seal(header_of(first, second.model_copy(update={**alone, "settings": settings})))
    with open_plan(path) as reader:
        if after:
            check_invariants(reader)
            return
        with pytest.raises(PlanRefused, match="reads from 's3://one/' and writes to 's3://one/'"):
            check_invariants(reader)
