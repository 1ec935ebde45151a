"""An S3 server as the world that an engine under contract works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from contract.engine_contract import BUCKET, OTHER
from fakes.s3server import ServerProcess
from fakes.workplace import Server
from s3plan.schemas.ports import Engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings

OpenEngine = Callable[[ConnectionSettings], Engine]


class AnyServerWorld:
    """A server that knows no other buckets; credentials are in the environment, as the prefix says."""

    def __init__(self, server: Server, *, open_engine: OpenEngine) -> None:
        self._client: Any = server.client()
        for bucket in (BUCKET, OTHER):
            self._client.create_bucket(Bucket=bucket)
        self.engine = open_engine(
            ConnectionSettings(endpoint=server.endpoint, region="us-east-1", env_prefix="S3PLAN_TEST_")
        )

    def plant(
        self,
        key: str,
        body: bytes = b"",
        *,
        bucket: str = BUCKET,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "binary/octet-stream",
        tags: Mapping[str, str] | None = None,
        storage_class: str = "STANDARD",
    ) -> str:
        what: dict[str, Any] = {"Metadata": dict(metadata or {}), "ContentType": content_type}
        what |= {"Tagging": urlencode(tags)} if tags else {}
        answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, StorageClass=storage_class, **what)
        return str(answer["ETag"]).strip('"')

    def read(self, key: str, *, bucket: str = BUCKET) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def upload_ids(self) -> list[str]:
        found = self._client.list_multipart_uploads(Bucket=BUCKET)
        return [upload["UploadId"] for upload in found.get("Uploads", [])]


class ServerWorld(AnyServerWorld):
    """The fake S3 server, which shows its open uploads by itself."""

    def __init__(self, server: ServerProcess, *, open_engine: OpenEngine) -> None:
        super().__init__(server, open_engine=open_engine)
        self._server = server
        server.set_mode(min_part_size_bytes=1)

    def upload_ids(self) -> list[str]:
        return [upload.upload_id for upload in self._server.uploads(BUCKET)]
