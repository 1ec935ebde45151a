"""What opens a worker's engines holds where its environment leads against the plan, before any request."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from s3plan.app.runs.executors.worker import OpenEngines
from s3plan.app.stores import Stores
from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.connections.sessions import ConnectionSettings

PLANNED, OTHER = "https://planned.example.com", "https://other.example.com"
LOCATION = PlanLocation(2, LocationKind.S3, "s3://b/", "", PLANNED, "us-east-1", "b", "")

_PROFILE = f"[default]\nendpoint_url = {OTHER}\n"
_SECTION = f"[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = {OTHER}\n"
_OTHER_PROFILE = f"[profile mine]\nendpoint_url = {OTHER}\n"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def opens(location: PlanLocation = LOCATION, **connection: object) -> OpenEngines:
    """What travels to a worker, as it arrives there."""
    settings = {"": ConnectionSettings(**connection)} if connection else {}  # type: ignore[arg-type]
    opened: OpenEngines = pickle.loads(pickle.dumps(OpenEngines(settings, (location,), 4, owns_process=False)))
    return opened


@pytest.mark.parametrize(
    ("variables", "config", "leads_to"),
    [
        ({"AWS_ENDPOINT_URL_S3": OTHER}, "", OTHER),
        ({"AWS_ENDPOINT_URL": OTHER}, "", OTHER),
        ({"AWS_ENDPOINT_URL": PLANNED, "AWS_ENDPOINT_URL_S3": OTHER}, "", OTHER),
        ({"AWS_ENDPOINT_URL": PLANNED, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "", "AWS"),
        ({}, "", "AWS"),
        ({}, _PROFILE, OTHER),
        ({}, _SECTION, OTHER),
        ({"AWS_PROFILE": "mine"}, _OTHER_PROFILE, OTHER),
    ],
    ids=["s3", "all", "s3 before all", "ignored", "nothing", "profile", "services section", "other profile"],
)
def test_a_worker_whose_environment_leads_elsewhere_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], config: str, leads_to: str
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PlanRefused, match=f"made against {PLANNED}, but this environment leads to {leads_to};"):
        opens()()


def test_a_worker_that_is_led_away_from_aws_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", OTHER)
    with pytest.raises(PlanRefused, match=f"made against AWS, but this environment leads to {OTHER};"):
        opens(replace(LOCATION, endpoint=None))()


def test_a_worker_that_is_led_as_the_plan_says_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", PLANNED)
    opens()().close()  # type: ignore[attr-defined]


def test_a_connection_that_names_its_endpoint_goes_there_wherever_the_environment_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", OTHER)
    opens(endpoint=PLANNED)().close()  # type: ignore[attr-defined]


def test_no_batch_has_an_engine_of_another_store_than_its_own_locations_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two locations of one connection share an engine: that the first was where it said says nothing of the second."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", PLANNED)
    with Stores({}, max_in_flight=4) as stores:
        stores.engine_of(LOCATION)
        with pytest.raises(PlanRefused, match=f"made against {OTHER}"):
            stores.engine_of(replace(LOCATION, endpoint=OTHER))


def test_a_worker_whose_connection_has_another_kind_of_store_than_the_plan_opens_nothing() -> None:
    with pytest.raises(PlanRefused, match="of the kind unknown, but its connection is to one of the kind minio"):
        opens(endpoint=PLANNED, store=StoreName.MINIO)()
    planned = replace(LOCATION, store=StoreName.MINIO)
    opens(planned, endpoint=PLANNED, store=StoreName.MINIO)().close()  # type: ignore[attr-defined]
    with pytest.raises(PlanRefused, match="of the kind minio, but its connection is to one of the kind unknown"):
        opens(planned, endpoint=PLANNED)()


def test_a_key_of_sse_c_is_looked_for_where_the_worker_runs_and_does_not_travel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = CustomerKey(b"w" * 32)
    location = replace(LOCATION, customer_key="env:WORKER_KEY", customer_key_fingerprint=key.fingerprint)
    monkeypatch.setenv("WORKER_KEY", key.in_base64)
    connection = {"endpoint": PLANNED, "region": "us-east-1"}
    travels = opens(location, **connection)
    assert key.in_base64.encode() not in pickle.dumps(travels)
    travels().close()  # type: ignore[attr-defined]  # the performer of a worker process
    monkeypatch.setenv("WORKER_KEY", CustomerKey(b"x" * 32).in_base64)
    with pytest.raises(PlanRefused, match="WORKER_KEY holds another key of SSE-C than when the plan was made"):
        opens(location, **connection)()
    monkeypatch.delenv("WORKER_KEY")
    with pytest.raises(PlanRefused, match="WORKER_KEY is not set here"):
        opens(location, **connection)()


def test_a_key_of_sse_c_goes_to_no_store_where_others_could_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    key = CustomerKey(b"w" * 32)
    monkeypatch.setenv("WORKER_KEY", key.in_base64)
    plain = "http://planned.example.com"
    location = replace(
        LOCATION, endpoint=plain, customer_key="env:WORKER_KEY", customer_key_fingerprint=key.fingerprint
    )
    with pytest.raises(EndpointInvalid, match="a key of SSE-C goes over https:// only"):
        opens(location, endpoint=plain, region="us-east-1", allow_http=True)()
