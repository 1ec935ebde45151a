"""Who signs is asked of the token service alone, wherever else the environment leads, and not waited for for ever."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.raw_store import store
from s3plan.schemas.connections.trials import Identity
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.s3.botocore.identity import find_identity
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session

AWS = ConnectionSettings(endpoint="https://s3.eu-west-1.amazonaws.com", region="eu-west-1")
ANSWER = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/me</Arn><UserId>AIDA</UserId><Account>111122223333</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def asked_at() -> tuple[list[str], Identity | Failure]:
    """Ask, answer in the place of the network, and return where the questions would have gone."""
    session, places = open_session(AWS), []

    def answer(request: Any, **_: object) -> object:
        places.append(request.url)
        return SimpleNamespace(url=request.url, status_code=200, headers={}, content=ANSWER, raw=None)

    session.register("before-send.sts.GetCallerIdentity", answer)
    return places, find_identity(AWS, session)


def test_an_endpoint_that_is_named_for_all_services_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another store's: the question would carry a session token there, in the clear if it is an http:// one."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")
    places, found = asked_at()
    assert places == ["https://sts.eu-west-1.amazonaws.com/"]
    assert found == Identity("111122223333", "arn:aws:iam::111122223333:user/me", "AIDA")


def test_the_service_that_was_judged_is_the_one_that_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[default]\nservices = own\n[services own]\nsts =\n  endpoint_url = https://sts.company.example\n"
    )
    assert asked_at()[0] == ["https://sts.company.example/"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")
    assert asked_at()[0] == ["https://sts.company.example/"]


def test_a_service_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(client: socket.socket, _number: int) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        for _ in range(100):
            client.sendall(b" ")
            time.sleep(0.1)

    with store(drip) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{service.place.port}")
        session, began_s = open_session(AWS), time.monotonic()
        found = find_identity(AWS, session, waits_s=0.5)
        assert time.monotonic() - began_s < 5
        assert isinstance(found, Failure)
        assert (found.kind, found.code) == (FailureKind.TRANSIENT, "ReadTimeout")
