"""How wide a run is: the manifest's numbers, the command's, or what suits the executor."""

from __future__ import annotations

import gc
import pickle
import threading
import time

import pytest
from s3plan.app.runs.executors.opening import EngineLimits, engine_limits, open_control
from s3plan.app.runs.executors.worker import OpenEngines
from s3plan.executors.dask.runs import ClosablePerformer
from s3plan.executors.workers.core_pin import core_count
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.plan.places import place_of
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from unit.planfile.plan_samples import DESTINATION, header


def limits(
    executor: str = "processes",
    *,
    workers: int | None = None,
    batches: int = 100,
    climbs: bool = True,
    cluster: str | None = None,
    **run: object,
) -> EngineLimits:
    settings = header(actions=1, size_bytes=1).run.model_copy(update={"in_flight": None, "workers": None, **run})
    return engine_limits(settings, executor=executor, workers=workers, batches=batches, climbs=climbs, cluster=cluster)


def test_there_is_a_process_for_each_core_unless_told_otherwise() -> None:
    assert limits().workers == min(core_count(), 8)
    assert limits(workers=3).workers == 3
    assert limits(workers=12).workers == 12
    assert limits("threads").workers == 4
    assert limits("serial", workers=12).workers == 1


@pytest.mark.parametrize("workers", [0, -1, 65, 10**9])
def test_workers_are_within_what_a_manifest_may_say(workers: int) -> None:
    with pytest.raises(UsageInvalid, match="--workers takes a number from 1 to 64"):
        limits(workers=workers)
    assert limits("threads", workers=64).workers == 64


@pytest.mark.parametrize("executor", ["processes", "threads", "dask"])
def test_no_more_work_at_a_time_than_there_are_batches(executor: str) -> None:
    assert limits(executor, workers=12, batches=5).workers == 5
    assert limits(executor, workers=12, batches=0).workers == 1


def test_a_job_of_one_batch_has_all_requests_under_way_that_the_manifest_allows() -> None:
    assert limits("threads", batches=1).in_flight_per_batch == 64
    assert limits("threads", batches=1, in_flight=7).in_flight_per_batch == 7


@pytest.mark.parametrize("in_flight", [1, 2, 3, 4, 7, 64, 4096])
@pytest.mark.parametrize("workers", [1, 2, 5, 64])
@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_all_batches_together_never_have_more_under_way_than_the_manifest_allows(
    executor: str, workers: int, in_flight: int
) -> None:
    found = limits(executor, workers=workers, in_flight=in_flight)
    batches = found.workers * found.batches_each
    assert batches * found.in_flight_per_batch <= in_flight
    assert found.most_in_flight_per_batch == found.in_flight_per_batch


def test_each_process_has_two_batches_that_share_and_climb_alike() -> None:
    found = limits(workers=2)
    assert (found.batches_each, found.in_flight_per_batch, found.most_in_flight_per_batch) == (2, 16, 256)


def test_dask_has_the_workers_of_this_machine_or_eight_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    here = limits("dask")
    assert (here.workers, here.cluster, here.owns_workers) == (min(core_count(), 8), None, True)
    there = limits("dask", cluster="tcp://there:8786")
    assert (there.workers, there.cluster, there.owns_workers) == (8, "tcp://there:8786", False)
    assert limits("dask", cluster="tcp://there:8786", workers=64, batches=50, in_flight=4096).workers == 50
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://elsewhere:8786")
    assert limits("dask").cluster == "tcp://elsewhere:8786"
    assert limits("dask", cluster="tcp://there:8786").cluster == "tcp://there:8786"
    assert limits("processes").cluster is None
    with pytest.raises(UsageInvalid, match="the executor processes uses no cluster"):
        limits("processes", cluster="tcp://there:8786")


def test_requests_that_go_from_other_processes_are_not_limited_by_the_latency_that_is_seen_here() -> None:
    settings = header(actions=1, size_bytes=1).run
    for executor, climbs_here in [("threads", True), ("processes", False), ("dask", False)]:
        found = limits(executor, workers=2)
        control = open_control(found, settings)
        for _ in range(10):
            control.note_requests(place_of(DESTINATION), 10_000)
        assert found.sends_from_here is climbs_here
        assert (control._tuner is not None) is climbs_here


def test_an_unknown_executor_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageInvalid, match="there is no executor slurm; choose serial, threads, processes or dask"):
        limits("slurm")


def test_what_a_worker_opens_its_engines_with_travels_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    location = PlanLocation(1, LocationKind.S3, "s3://a/", "store", None, None, "a", "")
    found = OpenEngines({"store": ConnectionSettings(name="store", env_prefix="AWS_")}, (location,), 64)
    sent = pickle.dumps(found)
    assert b"not-to-be-told" not in sent
    assert pickle.loads(sent) == found


def test_a_worker_that_is_somebody_elses_process_is_left_as_it_was_found() -> None:
    """Its garbage collector is not ours to tune, and our connections do not stay."""
    location = PlanLocation(2, LocationKind.S3, "s3://b/", "", "http://127.0.0.1:9", "us-east-1", "b", "")
    before = gc.get_threshold()
    connections = {"": ConnectionSettings(endpoint="http://127.0.0.1:9", region="us-east-1", anonymous=True)}
    performer = OpenEngines(connections, (location,), 4, owns_process=False)()
    assert gc.get_threshold() == before
    assert isinstance(performer, ClosablePerformer)
    threads = threading.active_count()
    performer.close()
    until_s = time.monotonic() + 10
    while threading.active_count() >= threads and time.monotonic() < until_s:
        time.sleep(0.05)
    assert threading.active_count() < threads
