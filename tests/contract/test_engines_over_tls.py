"""Every engine checks whom it talks to, unless told not to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.raw_store import polite
from fakes.raw_store import store as raw_store
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from fakes.tls_front import tls_front
from fakes.tls_pairs import authority, tls_pair
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.requests.objects import BucketFound, HeadBucket, ListObjects, ObjectsPage, PutObject, Reply, Request
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

__all__ = ["s3_server", "server"]


@pytest.fixture(params=[EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
def secured(
    request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConnectionSettings]:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    server.seed("bucket", keys=[f"{number:04d}/{'k' * 200}" for number in range(1000)])
    with tls_front(_port_of(server), tmp_path) as (port, bundle):
        yield ConnectionSettings(
            endpoint=f"https://127.0.0.1:{port}",
            region="us-east-1",
            env_prefix="T_",
            engine=EngineName(request.param),
            ca_bundle=str(bundle),
        )


def _port_of(server: ServerProcess) -> int:
    return int(server.endpoint.rpartition(":")[2])


def answer(settings: ConnectionSettings, *requests: Request) -> Reply:
    engine = open_engine(settings, max_in_flight=2)
    try:
        return [engine.call(request) for request in requests][-1]
    finally:
        engine.close()


def test_large_answers_and_bodies_pass(secured: ConnectionSettings, server: ServerProcess) -> None:
    body = bytes(range(256)) * 8192
    page = answer(secured, PutObject("bucket", "0000", body), ListObjects("bucket"))
    assert isinstance(page, ObjectsPage), page
    assert len(page.rows) == 1000
    assert server.client().get_object(Bucket="bucket", Key="0000")["Body"].read() == body


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_bundle_that_the_environment_names_is_trusted_by_rare_requests_too(
    secured: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(secured.ca_bundle))
    unnamed = replace(secured, ca_bundle=None)
    assert isinstance(answer(unnamed, ListObjects("bucket")), ObjectsPage)
    assert isinstance(answer(unnamed, HeadBucket("bucket")), BucketFound)


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: ConnectionSettings, server: ServerProcess) -> None:
    reply = answer(replace(secured, ca_bundle=None), ListObjects("bucket"))
    assert isinstance(reply, Failure)
    assert (reply.kind, server.stats().requested("ListObjectsV2")) == (FailureKind.INVALID, 0)


def test_a_certificate_for_another_name_is_refused(
    secured: ConnectionSettings, server: ServerProcess, tmp_path: Path
) -> None:
    if secured.engine is EngineName.CRT:
        pytest.skip("awscrt refuses it like an unknown authority, after half a minute of tries of its own")
    with tls_front(_port_of(server), tmp_path, name="other.example") as (port, bundle):
        elsewhere = replace(secured, endpoint=f"https://127.0.0.1:{port}", ca_bundle=str(bundle))
        reply = answer(elsewhere, ListObjects("bucket"))
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.INVALID


def test_a_certificate_is_not_looked_at_if_the_user_says_so(secured: ConnectionSettings) -> None:
    assert isinstance(answer(replace(secured, ca_bundle=None, tls_verify=False), ListObjects("bucket")), ObjectsPage)


def test_a_system_that_trusts_nobody_trusts_what_botocore_brings_along(
    secured: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("botocore.httpsession.where", lambda: secured.ca_bundle)
    unnamed = replace(secured, ca_bundle=None)
    assert isinstance(answer(unnamed, ListObjects("bucket")), ObjectsPage)
    assert isinstance(answer(unnamed, HeadBucket("bucket")), BucketFound)


def test_a_bundle_that_is_not_there_is_named(secured: ConnectionSettings, tmp_path: Path) -> None:
    with pytest.raises(S3PlanError, match=r"connection: ca_bundle .*gone\.pem is not a file"):
        answer(replace(secured, ca_bundle=str(tmp_path / "gone.pem")), ListObjects("bucket"))


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_bundle_of_the_environment_that_cannot_be_used_is_named_with_its_variable(
    secured: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    bundle = tmp_path / "mine.pem"
    monkeypatch.setenv(variable, str(bundle))
    unnamed = replace(secured, ca_bundle=None)
    with pytest.raises(S3PlanError, match=rf"^{variable} .*mine\.pem is not a file"):
        answer(unnamed, ListObjects("bucket"))
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nx"):
        bundle.write_bytes(content)
        with pytest.raises(S3PlanError, match=rf"^{variable} .*mine\.pem holds no certificates"):
            answer(unnamed, ListObjects("bucket"))


@pytest.mark.parametrize(
    ("engine", "demand"),
    [
        (EngineName.NATIVE, "certificate"),  # boto3 may see the end of the connection only
        (EngineName.NATIVE, "version"),
        (EngineName.BOTO3, "version"),
    ],
)
def test_what_the_store_demands_of_tls_is_said_and_not_tried_again(
    engine: EngineName, demand: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    server_side, client_side = tls_pair()
    server_side.verify_mode = ssl.CERT_REQUIRED
    bundle = tmp_path / "authority.pem"
    authority().cert_pem.write_to_path(str(bundle))
    is_about_versions = demand == "version"
    serve, tls = (refuses_the_version, None) if is_about_versions else (polite, (server_side, client_side))
    with raw_store(serve, tls=tls) as store:
        settings = ConnectionSettings(
            endpoint=f"https://{store.place}", region="us-east-1", env_prefix="T_", engine=engine, ca_bundle=str(bundle)
        )
        reply = answer(settings, ListObjects("bucket"))
    assert isinstance(reply, Failure)
    assert (reply.kind, reply.code) == (FailureKind.INVALID, "TlsRefused"), reply
    assert ("TLS versions" if is_about_versions else "client certificate") in reply.message


def refuses_the_version(client: socket.socket, _: int) -> None:
    client.recv(4096)
    client.sendall(b"\x15\x03\x03\x00\x02\x02\x46")
