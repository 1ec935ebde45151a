"""Roles are assumed over the credentials that the connection names; moto plays the service."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer
from s3plan.schemas.requests.objects import Acknowledged, BucketFound, CreateBucket, HeadBucket
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def settings(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> ConnectionSettings:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKIDBASE")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    return ConnectionSettings(
        endpoint=moto_endpoint,
        region="eu-west-1",
        env_prefix="T_",
        role_arn="arn:aws:iam::111122223333:role/copy",
        external_id="ours",
    )


def test_requests_are_made_as_the_role(settings: ConnectionSettings) -> None:
    frozen = open_session(settings).get_credentials().get_frozen_credentials()
    assert frozen.access_key != "AKIDBASE"
    assert frozen.token


def test_an_engine_works_with_a_role_and_in_moto(settings: ConnectionSettings) -> None:
    engine = open_boto3_engine(settings, max_in_flight=2)
    assert isinstance(engine.call(CreateBucket("a-bucket", region="eu-west-1")), Acknowledged)
    assert engine.call(HeadBucket("a-bucket")) == BucketFound("eu-west-1")
    engine.close()
