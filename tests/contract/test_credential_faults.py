"""No engine lets out what botocore raises on the way to credentials: a request ends with a failure that says so."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest
from fakes.credential_program import CredentialProgram
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.words import EngineName
from s3plan.schemas.requests.objects import CopyObject, HeadBucket, Reply, Request
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

COPY = CopyObject("bucket", "to", "bucket", "from")
NOWHERE = "http://127.0.0.1:9"
PATIENCE_S = 60.0


@pytest.mark.parametrize("request_", [COPY, HeadBucket("bucket")], ids=["copy", "rare"])
@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
def test_credentials_that_cannot_be_renewed_are_a_failure_and_no_exception(
    engine: EngineName, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = CredentialProgram(tmp_path / "credentials", "AKID", "secret", life_s=480)
    for name, value in program.variables().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    replies: SimpleQueue[Reply] = SimpleQueue()
    opened = open_engine(ConnectionSettings(endpoint=NOWHERE, region="us-east-1", engine=engine), max_in_flight=4)
    try:
        program.break_()
        for _ in range(3):
            opened.submit(request_, replies.put)
        for _ in range(3):
            reply = replies.get(timeout=PATIENCE_S)
            assert isinstance(reply, Failure)
            assert reply.kind is FailureKind.CREDENTIALS_REFUSED, reply
    finally:
        opened.close()


def test_an_engine_that_is_closed_before_its_first_credentials_came_ends_its_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = CredentialProgram(tmp_path / "credentials", "AKID", "secret", life_s=480)
    for name, value in program.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    replies: SimpleQueue[Reply] = SimpleQueue()
    opened = open_engine(
        ConnectionSettings(endpoint=NOWHERE, region="us-east-1", engine=EngineName.NATIVE), max_in_flight=4
    )
    opened.submit(COPY, replies.put)
    opened.close()
    assert isinstance(replies.get(timeout=PATIENCE_S), Failure)
