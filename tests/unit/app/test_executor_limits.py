"""How wide a run is: the manifest's numbers, the command's, or what suits the executor."""

from __future__ import annotations

import pickle

import pytest
from s3plan.app.executors import EngineLimits, engine_limits
from s3plan.app.worker import OpenEngines
from s3plan.executors.core_pin import core_count
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.plan import LocationRole, PlanLocation
from s3plan.storage.connections import ConnectionSettings
from unit.planfile.plan_samples import header


def limits(
    executor: str = "processes", *, workers: int | None = None, batches: int = 100, climbs: bool = True, **run: object
) -> EngineLimits:
    settings = header(actions=1, size_bytes=1).settings.model_copy(update={"in_flight": None, "workers": None, **run})
    return engine_limits(settings, executor=executor, workers=workers, batches=batches, climbs=climbs)


def test_there_is_a_process_for_each_core_unless_told_otherwise() -> None:
    assert limits().workers == min(core_count(), 8)
    assert limits(workers=3).workers == 3
    assert limits(workers=12).workers == 12
    assert limits("threads").workers == 4
    assert limits("serial", workers=12).workers == 1


def test_no_more_processes_are_started_than_there_are_batches() -> None:
    assert limits(workers=12, batches=5).workers == 5
    assert limits(workers=12, batches=0).workers == 1
    assert limits("threads", workers=12, batches=1).workers == 12


@pytest.mark.parametrize("in_flight", [1, 2, 3, 4, 7, 64, 4096])
@pytest.mark.parametrize("workers", [1, 2, 5, 64])
@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
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


def test_an_unknown_executor_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageInvalid, match="there is no executor slurm; choose serial, threads, processes or dask"):
        limits("slurm")


def test_what_a_worker_opens_its_engines_with_travels_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    location = PlanLocation(1, LocationRole.SOURCE, "s3://a/", "store", None, None, "a", "")
    found = OpenEngines({"store": ConnectionSettings(name="store", env_prefix="AWS_")}, (location,), 64)
    sent = pickle.dumps(found)
    assert b"not-to-be-told" not in sent
    assert pickle.loads(sent) == found
