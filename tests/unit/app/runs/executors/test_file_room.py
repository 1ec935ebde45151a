"""How many requests may be under way follows from how many files a process may have open."""

from __future__ import annotations

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.copy_world import DESTINATION, SOURCE
from s3plan.app.runs.executors.file_room import fit_to_files
from s3plan.app.runs.executors.opening import EngineLimits, engine_limits
from s3plan.app.stores import Stores
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from unit.planfile.plan_samples import header

ELSEWHERE = replace(DESTINATION, connection="other")


@contextmanager
def most_open_files(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limits(executor: str, *, in_flight: int | None = None, workers: int = 2) -> EngineLimits:
    settings = header(actions=1, size_bytes=1).run.model_copy(update={"in_flight": in_flight, "workers": workers})
    return engine_limits(settings, executor=executor, workers=None, batches=100, climbs=True)


def engines(*locations: PlanLocation) -> int:
    connections = {"": ConnectionSettings(region="eu-central-1"), "other": ConnectionSettings(region="eu-central-1")}
    return Stores(connections, max_in_flight=1).count_engines(locations)


@pytest.mark.parametrize("executor", ["threads", "serial"])
@pytest.mark.parametrize("in_flight", [None, 2000])
def test_few_open_files_allow_few_requests_and_it_is_said(executor: str, in_flight: int | None) -> None:
    wide = limits(executor, in_flight=in_flight)
    with most_open_files(300):
        fitting, told = fit_to_files(wide, engines=1)
    assert fitting.most_in_flight < 270
    assert fitting.most_in_flight_per_batch * fitting.workers <= fitting.most_in_flight
    assert told is not None
    assert "ulimit -n" in told
    assert f"not {wide.most_in_flight:,}" in told


def test_two_engines_share_what_may_be_open() -> None:
    wide, number_of_one, number_of_two = limits("threads"), engines(SOURCE, DESTINATION), engines(SOURCE, ELSEWHERE)
    gc.collect()  # files that are garbage by now are closed before they are counted, and not between the counts
    open_now = len(list(Path("/dev/fd").iterdir()))  # of whatever else runs in this process
    with most_open_files(open_now + 300):
        one, _ = fit_to_files(wide, engines=number_of_one)
        two, _ = fit_to_files(wide, engines=number_of_two)
    assert two.most_in_flight == one.most_in_flight // 2


def test_a_location_that_names_its_connection_s_own_region_shares_its_engine() -> None:
    assert engines(SOURCE, replace(DESTINATION, region="eu-central-1")) == 1
    assert engines(SOURCE, replace(DESTINATION, region="us-west-2")) == 2


def test_a_region_that_only_the_environment_names_is_the_connection_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    stores = Stores({}, max_in_flight=1)
    assert stores.count_engines([SOURCE, replace(DESTINATION, region="eu-north-1")]) == 1
    assert stores.count_engines([SOURCE, replace(DESTINATION, region="us-east-1")]) == 2


def test_enough_open_files_change_nothing() -> None:
    with most_open_files(2000):
        wide = limits("threads")
        assert fit_to_files(wide, engines=1) == (wide, None)


def test_each_worker_process_may_have_as_many_open_as_the_system_lets_it() -> None:
    wide = limits("processes")
    with most_open_files(300):  # the workers raise their own limit
        assert fit_to_files(wide, engines=1) == (wide, None)


def test_requests_there_is_no_room_for_are_not_begun_with_either() -> None:
    with most_open_files(300):
        fitting, _ = fit_to_files(limits("threads", in_flight=4000, workers=64), engines=1)
    assert fitting.in_flight == fitting.most_in_flight
    assert fitting.workers <= fitting.in_flight
