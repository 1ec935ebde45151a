"""Short ways to ask an S3 server with boto3, or with bytes as they are."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fakes.s3server import ServerProcess


def code_of(call: Callable[[], object]) -> str:
    """The error code and status that the call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    answer: Any = caught.value.response
    return f"{answer['ResponseMetadata']['HTTPStatusCode']} {answer['Error']['Code']}"


def keys_of(client: Any, bucket: str, **parameters: object) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, **parameters)
    return [row["Key"] for page in pages for row in page.get("Contents", [])]


def start_upload(client: Any, key: str, **parameters: object) -> str:
    return str(client.create_multipart_upload(Bucket="bucket", Key=key, **parameters)["UploadId"])


def upload_parts(client: Any, key: str, upload_id: str, *bodies: bytes) -> dict[str, object]:
    parts = []
    for number, body in enumerate(bodies, start=1):
        answer = client.upload_part(Bucket="bucket", Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    return {"Parts": parts}


def raw_request(server: ServerProcess, head: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Send one request as it is and read until the server closes."""
    host, port = server.endpoint.removeprefix("http://").split(":")
    lines = {"authorization": "AWS4-HMAC-SHA256 Credential=AKID/x", "connection": "close", **(headers or {})}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head} HTTP/1.1\r\nhost: {host}\r\n{text}\r\n".encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))
