"""The server in a process of its own, and the hand on its controls."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from fakes.s3server.faults import Fault
from fakes.s3server.seeding import Seed

ACCESS_KEY_ID = "AKIDS3SERVER"
SECRET_ACCESS_KEY = "secret-of-the-fake-s3server"
REGION = "us-east-1"
_TESTS_FOLDER = Path(__file__).parents[2]
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Stats:
    """Requests by operation, and answers by operation and status (`reset`, `lost`, `silent`: none went out)."""

    requests: Mapping[str, int]
    answers: Mapping[str, Mapping[str, int]]

    def requested(self, operation: str) -> int:
        return self.requests.get(operation, 0)

    def under_way(self, operation: str) -> int:
        """How many were not answered, whichever way: those that a command left behind."""
        return self.requested(operation) - sum(self.answers.get(operation, {}).values())

    def answered(self, operation: str, status: int | str = 200) -> int:
        return self.answers.get(operation, {}).get(str(status), 0)


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One object as the server holds it; `writes` counts the requests that wrote its key, seeding does not."""

    key: str
    etag: str
    size_bytes: int
    modified_s: int
    storage_class: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    acl: str
    encryption: Mapping[str, str]
    writes: int


@dataclass(frozen=True, slots=True)
class OpenUpload:
    upload_id: str
    key: str
    initiated_s: int
    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    operation: str
    bucket: str
    key: str
    query: Mapping[str, str]
    status: str
    code: str
    headers: Mapping[str, str]
    key_id: str = ""  # by which it was signed; empty for nobody


class ServerProcess:
    """Start it with `with`, or `start` and `stop`. `arguments` are those of `python -m fakes.s3server`."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._session: Any = None
        self._clients: list[Any] = []
        self.endpoint = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        path = os.pathsep.join(filter(None, [str(_TESTS_FOLDER), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fakes.s3server", "--parent", str(os.getpid()), *self._arguments],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        if not first_line.startswith("endpoint "):
            self.stop()
            raise RuntimeError("the S3 server did not start: see its standard error")
        self.endpoint = first_line.split()[1]

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def client(self, *, region: str = REGION, access_key_id: str = ACCESS_KEY_ID, **options: Any) -> Any:
        """A boto3 client that asks once and never retries; `options` are botocore Config's."""
        import boto3.session
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.session.Session()
        config = Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=32,
            connect_timeout=10,
            read_timeout=30,
        ).merge(Config(**options))
        client = self._session.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=config,
        )
        self._clients.append(client)
        return client

    def environment(self) -> dict[str, str]:
        """The variables with which a command finds this server, and none of the user's configuration."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def seed(self, bucket: str, **what: Any) -> int:
        """Put objects into a bucket, see `seeding.Seed` for what can be said; returns how many."""
        answer = self._call("POST", "seed", asdict(Seed(bucket=bucket, **what)))
        return int(answer["planted"])

    def faults(self, rules: Iterable[Fault]) -> None:
        """Add rules to those in force."""
        self._call("POST", "faults", [asdict(rule) for rule in rules])

    def clear_faults(self) -> None:
        self._call("POST", "faults/clear", {})

    def fired(self) -> list[int]:
        """How many requests each rule has hit, in the order in which they were added."""
        return [int(rule["fired"]) for rule in self._call("GET", "faults")]

    def set_mode(self, **settings: object) -> None:
        """Change settings by name, see `settings.Settings`."""
        self._call("POST", "mode", settings)

    def stats(self) -> Stats:
        return Stats(**self._call("GET", "stats"))

    def reset_stats(self) -> None:
        """Forget counters and log."""
        self._call("POST", "stats/reset", {})

    def log(self) -> list[LoggedRequest]:
        """The last requests (`--log N`, 1,000 by default), in the order of their answers."""
        return [LoggedRequest(**item) for item in self._call("GET", "log")]

    def snapshot(self, bucket: str) -> dict[str, ObjectState]:
        """Every object of a bucket by key, in the order of keys."""
        answer = self._call("GET", f"snapshot?bucket={quote(bucket)}")
        return {item["key"]: ObjectState(**item) for item in answer["objects"]}

    def writes(self, bucket: str) -> dict[str, int]:
        """How many requests wrote each key, also those that are deleted now."""
        return {
            key: int(count) for key, count in self._call("GET", f"snapshot?bucket={quote(bucket)}")["writes"].items()
        }

    def uploads(self, bucket: str) -> list[OpenUpload]:
        return [OpenUpload(**item) for item in self._call("GET", f"uploads?bucket={quote(bucket)}")]

    def wipe(self, bucket: str | None = None) -> None:
        """Empty one bucket, or remove all of them."""
        self._call("POST", "wipe", {"bucket": bucket})

    def reset(self) -> None:
        """As it was when it started: no buckets, no faults, the first settings, no records."""
        self._call("POST", "reset", {})

    def _call(self, method: str, path: str, value: object = None) -> Any:
        host = self.endpoint.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=120)
        try:
            connection.request(method, f"/_/{path}", body=None if value is None else json.dumps(value))
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"/_/{path}: {answer['error']}")
        return answer
