"""What an answer to the question for buckets is taken for."""

from __future__ import annotations

import socket
from functools import partial

import pytest
from fakes.raw_store import store
from s3plan.schemas.connections.trials import Answer
from s3plan.storage.s3.botocore.bucket_names import list_bucket_names
from s3plan.storage.s3.connections.sessions import ConnectionSettings

_LIST = b"<ListAllMyBucketsResult><Buckets>%b</Buckets></ListAllMyBucketsResult>"


@pytest.mark.parametrize(
    ("body", "answer", "said"),
    [
        (_LIST % b"", Answer.YES, "0 found"),
        (_LIST % b"<Bucket><Name>a</Name></Bucket>", Answer.YES, "1 found"),
        (b"<html><body>Please log in</body></html>", Answer.UNKNOWN, "the answer is no list of buckets"),
        (b"", Answer.UNKNOWN, "the answer is no list of buckets"),
    ],
)
def test_a_page_that_is_no_list_is_not_taken_for_an_empty_one(
    monkeypatch: pytest.MonkeyPatch, body: bytes, answer: Answer, said: str
) -> None:
    def serve(content: bytes, client: socket.socket, _number: int) -> None:
        while client.recv(65536):
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))

    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKIDMINE")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    with store(partial(serve, body)) as server:
        endpoint = f"http://127.0.0.1:{server.place.port}"
        trial = list_bucket_names(ConnectionSettings(endpoint=endpoint, region="us-east-1", env_prefix="T_")).trial
    assert (trial.answer, trial.said) == (answer, said)
