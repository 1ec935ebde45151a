"""The demo's world: moto's S3 server in a process of its own, a folder of files and its copy, two manifests.

`python -m s3plan.app.demo` is that server; it ends when its standard input does, so it never outlives the demo.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.extras import install_command
from s3plan.schemas.failures import Failure
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import CreateBucket, PutObject, Reply, Request
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings

DEMO_MANIFEST, RESTORE_MANIFEST = "job.yaml", "restore.yaml"
FILES, UNCHANGED, CHANGED, EXTRA = 600, 60, 12, 5
_BUCKET, _FOLDER, _RESTORED = "demo-backup", "photos", "restored"
_ENV_PREFIX = "S3PLAN_DEMO_"
_IN_FLIGHT = 16
_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Where the demo's commands run, and the variables that they need in addition to the user's."""

    folder: Path
    manifest: Path
    environment: Mapping[str, str]


@contextmanager
def open_world(folder: Path) -> Iterator[DemoWorld]:
    """Start the server, make files in `folder` and objects, write the manifests; the server ends with the context.

    Raises S3PlanError where moto is not installed or the server does not start.
    """
    if find_spec("moto") is None or find_spec("flask") is None:
        raise S3PlanError(f"the demo needs moto's S3 server: {install_command('demo')}")
    with _server() as endpoint:
        environment = {
            f"{_ENV_PREFIX}ACCESS_KEY_ID": "demo",
            f"{_ENV_PREFIX}SECRET_ACCESS_KEY": "not-a-secret",
            "XDG_CACHE_HOME": str(folder / ".cache"),  # what is found out about this server is of no use later
        }
        _write_photos(folder / _FOLDER)
        with _variables(environment):
            _seed(endpoint)
        manifest = folder / DEMO_MANIFEST
        manifest.write_text(manifest_text(endpoint), encoding="utf-8")
        (folder / RESTORE_MANIFEST).write_text(restore_text(endpoint), encoding="utf-8")
        yield DemoWorld(folder, manifest, environment)


def manifest_text(endpoint: str) -> str:
    """Return the demo's job."""
    return (
        "version: 1\n"
        "name: photos\n"
        f"source: ./{_FOLDER}\n"
        f"destination: {{url: s3://{_BUCKET}/{_FOLDER}/, connection: demo}}\n"
        "mode: mirror\n"
        "delete: {extraneous: true, unpinned: allow}  # this server enforces no conditions on deletes\n"
        f"{_connections(endpoint)}"
    )


def restore_text(endpoint: str) -> str:
    """Return the job that brings all of it back."""
    return (
        "version: 1\n"
        "name: photos-back\n"
        f"source: {{url: s3://{_BUCKET}/{_FOLDER}/, connection: demo}}\n"
        f"destination: ./{_RESTORED}\n"
        f"{_connections(endpoint)}"
    )


def is_restored(folder: Path) -> bool:
    """Return whether what came down has the same files, with the same bytes, as what went up."""
    return _contents(folder / _FOLDER) == _contents(folder / _RESTORED)


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _connections(endpoint: str) -> str:
    return f"connections:\n  demo: {{endpoint: {endpoint}, region: us-east-1, env_prefix: {_ENV_PREFIX}}}\n"


@contextmanager
def _server() -> Iterator[str]:
    """Yield the endpoint of a server that ends with the context, or with this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "s3plan.app.demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which ends the server when it is done
    )
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("both are pipes")
    try:
        endpoint = stdout.readline().strip()
        if not endpoint:
            raise S3PlanError("moto's S3 server did not start; try `python -m moto.server` to see why")
        yield endpoint
    finally:
        stdin.close()
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _seed(endpoint: str) -> None:
    settings = ConnectionSettings(name="demo", endpoint=endpoint, region="us-east-1", env_prefix=_ENV_PREFIX)
    engine = open_boto3_engine(settings, max_in_flight=_IN_FLIGHT)
    try:
        _succeeded(engine.call(CreateBucket(bucket=_BUCKET)))
        _send_all(engine, list(_objects()))
    finally:
        engine.close()


def _photos() -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of a year of photos."""
    for number in range(FILES):
        month, day = divmod(number // 6, 28)
        yield f"2024-{month + 1:02}/{day + 1:02}/{number:04}.jpg", f"photo {number}\n".encode() * 8


def _write_photos(folder: Path) -> None:
    for name, content in _photos():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _objects() -> Iterator[Request]:
    """Yield what the bucket has of an earlier backup: some photos, older ones, and some that are not there any more."""
    for number, (name, content) in enumerate(_photos()):
        if number == UNCHANGED + CHANGED:
            break
        body = content if number < UNCHANGED else b"an older version\n"
        yield PutObject(bucket=_BUCKET, key=f"{_FOLDER}/{name}", body=body)
    for number in range(EXTRA):
        yield PutObject(bucket=_BUCKET, key=f"{_FOLDER}/unsorted/{number}.tmp", body=b"left over\n")


def _send_all(engine: Engine, requests: list[Request]) -> None:
    replies: SimpleQueue[Reply] = SimpleQueue()
    for request in requests:
        engine.submit(request, replies.put)
    for _ in requests:
        _succeeded(replies.get())


def _succeeded(reply: Reply) -> None:
    if isinstance(reply, Failure):
        raise S3PlanError(f"the demo's server refuses its objects: {reply}")


def _serve() -> None:
    """Serve S3 alone: moto's own server looks through all of its services for each request, half of its time."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    MotoRequestHandler.protocol_version = "HTTP/1.1"  # connections are kept ...
    MotoRequestHandler.disable_nagle_algorithm = True  # ... and head and body of a reply are not 40 ms apart
    server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True, request_handler=MotoRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
