"""Which engine a connection gets: what it asks for, or native; a proxy that NO_PROXY does not except needs boto3."""

from __future__ import annotations

import sys

import pytest
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.manifest.words import AddressingStyle, EngineName
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import choose_engine

AWS = ConnectionSettings(region="eu-west-1")
VIRTUAL = ConnectionSettings(endpoint="https://store.example.com", addressing_style=AddressingStyle.VIRTUAL)
LOCAL = ConnectionSettings(endpoint="http://127.0.0.1:9000")


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


@pytest.mark.parametrize(
    ("settings", "no_proxy", "engine"),
    [
        (AWS, "", EngineName.BOTO3),
        (AWS, "s3.amazonaws.com", EngineName.BOTO3),  # nobody asks the global host
        (AWS, "s3.us-east-1.amazonaws.com", EngineName.BOTO3),
        (AWS, "mine.s3.eu-west-1.amazonaws.com", EngineName.BOTO3),  # of one bucket; boto3 judges each request
        (AWS, "s3.eu-west-1.amazonaws.com", EngineName.NATIVE),
        (AWS, "localhost,.amazonaws.com", EngineName.NATIVE),
        (AWS, "*", EngineName.NATIVE),
        (VIRTUAL, "other.example.com", EngineName.BOTO3),
        (VIRTUAL, ".store.example.com", EngineName.NATIVE),
        (LOCAL, "127.0.0.1:9000", EngineName.NATIVE),
        (LOCAL, "127.0.0.1:9001", EngineName.BOTO3),
    ],
)
def test_no_proxy_is_about_the_host_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, settings: ConnectionSettings, no_proxy: str, engine: EngineName
) -> None:
    monkeypatch.setenv("no_proxy", no_proxy)
    assert choose_engine(settings).name is engine


def test_only_the_proxy_of_the_scheme_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("https_proxy")
    monkeypatch.setenv("no_proxy", "")
    assert choose_engine(AWS).name is EngineName.NATIVE
    assert choose_engine(LOCAL).reason == "a proxy is set in the environment (http_proxy), which only boto3 takes"


def test_an_engine_that_was_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(S3PlanError, match="engine: native cannot be used: a proxy is set"):
        choose_engine(ConnectionSettings(region="eu-west-1", engine=EngineName.NATIVE))


def test_without_its_s3_client_crt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(sys.modules, "awscrt.s3", None)
    with pytest.raises(S3PlanError, match=r"engine: crt cannot be used: awscrt's S3 client .*pip install .*\[crt\]"):
        choose_engine(ConnectionSettings(region="eu-west-1", engine=EngineName.CRT))


def test_crt_is_chosen_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    assert choose_engine(AWS).name is EngineName.NATIVE
    assert choose_engine(ConnectionSettings(region="eu-west-1", engine=EngineName.CRT)).name is EngineName.CRT
