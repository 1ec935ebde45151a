"""An S3 server that is not of our making, in processes of its own, and what tests ask of any server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import shake_128
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlencode

from servers.installed import ServerUnavailable, installed

REGION = "us-east-1"
_FOLDER = Path(__file__).parent
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_STOP_TIMEOUT_S = 15.0
_SEEDING_THREADS = 8


def content(size_bytes: int, *, seed: int = 0) -> bytes:
    """The bytes of every object that is seeded with that size and seed."""
    return shake_128(b"%d" % seed).digest(size_bytes)


class IndependentServer:
    """Use it with `with`; a subclass says what is started. Raises ServerUnavailable where it cannot be had.

    Logs, and what the server stores, go into `folder`.
    """

    NAME = ""
    """As it is installed, NAME.txt, and started, run_NAME.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.endpoint = ""
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None
        self._session: Any = None  # boto3 reads megabytes of JSON for each new one
        self._clients: dict[str, Any] = {}

    @property
    def access_key_id(self) -> str:
        raise NotImplementedError

    @property
    def secret_access_key(self) -> str:
        raise NotImplementedError

    def arguments(self) -> Sequence[str]:
        """What the launcher is told."""
        return ()

    def program(self) -> Sequence[str | Path]:
        """What is started: it prints a line that ends in its endpoint, and ends with its standard input."""
        return (installed(self.NAME), "-I", _FOLDER / f"run_{self.NAME}.py")

    def renew(self) -> None:
        """Leave no bucket that an earlier test can have made."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        program = self.program()
        self._log = (self.folder / "log").open("w", encoding="utf-8")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [*program, *self.arguments()],
            cwd=self.folder,
            env={**environment, "HOME": str(self.folder)},
            stdin=subprocess.PIPE,  # its end is how the server learns that we have gone, however we went
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        if "http://" not in first_line:
            self.__exit__()
            raise ServerUnavailable(f"it does not start: {self._last_words()}")
        self.endpoint = first_line.split()[-1]
        self.client(read_timeout=60).list_buckets()  # it has its port and may not be ready yet: then this waits
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            try:
                process.wait(timeout=_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        if self._log is not None:
            self._log.close()

    def _last_words(self) -> str:
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        return lines[-1][:300] if lines else "it says nothing"

    def client(self, **options: Any) -> Any:
        """A boto3 client that asks once and never retries, the same for all; `options` are botocore Config's."""
        import boto3.session
        from botocore.config import Config

        name = f"{self.access_key_id} {options}"
        if name in self._clients:
            return self._clients[name]
        config = Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=_SEEDING_THREADS,
            connect_timeout=10,
            read_timeout=30,
        ).merge(Config(**options))
        self._session = self._session or boto3.session.Session()
        self._clients[name] = self._session.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=config,
        )
        return self._clients[name]

    def environment(self) -> dict[str, str]:
        """The variables with which a command finds this server, and none of the user's configuration."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def seed(
        self,
        bucket: str,
        *,
        keys: Iterable[str],
        size_bytes: int = 10,
        seed: int = 0,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        content_type: str = "binary/octet-stream",
    ) -> None:
        """Put objects of that `content` into a bucket, which is made if it is missing."""
        client = self.client()
        if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=bucket)
        what: dict[str, Any] = {"Metadata": dict(metadata or {}), "ContentType": content_type}
        what |= {"Tagging": urlencode(tags)} if tags else {}
        body = content(size_bytes, seed=seed)

        def put(key: str) -> None:
            client.put_object(Bucket=bucket, Key=key, Body=body, **what)

        with ThreadPoolExecutor(_SEEDING_THREADS) as threads:
            list(threads.map(put, keys))

    def upload_ids(self, bucket: str) -> list[str]:
        """The open uploads of a bucket."""
        found = self.client().list_multipart_uploads(Bucket=bucket)
        return [upload["UploadId"] for upload in found.get("Uploads", [])]
