"""The fake S3 server as the world that an engine under contract works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from contract.engine_contract import BUCKET, OTHER
from fakes.s3server import ServerProcess
from s3plan.schemas.ports import Engine
from s3plan.storage.connections import ConnectionSettings

OpenEngine = Callable[[ConnectionSettings], Engine]


class ServerWorld:
    def __init__(self, server: ServerProcess, *, open_engine: OpenEngine) -> None:
        self._server = server
        self._client: Any = server.client()
        for bucket in (BUCKET, OTHER):
            self._client.create_bucket(Bucket=bucket)
        server.set_mode(min_part_size_bytes=1)
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
        answer = self._client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            Metadata=dict(metadata or {}),
            ContentType=content_type,
            Tagging=urlencode(tags or {}),
            StorageClass=storage_class,
        )
        return str(answer["ETag"]).strip('"')

    def read(self, key: str, *, bucket: str = BUCKET) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def upload_ids(self) -> list[str]:
        return [upload.upload_id for upload in self._server.uploads(BUCKET)]
