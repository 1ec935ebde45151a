"""The store that tools work on: our compiled server, or any S3 endpoint on this machine."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.foreign_store import ForeignStore
from benchmarks.store_port import KEY_FORMAT, Comparison, Rates, Stats, Store, StoreUnusable, Storm
from benchmarks.works import OBJECT_BYTES, Rule, Seed

_SERVER_SOURCE = Path(__file__).with_name("server")
_ADMIN_TIMEOUT_S = 600.0


class OwnServer:
    """The server of benchmarks/server, by the URLs that it has in addition to S3."""

    has_latency = True

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._cpu_s = 0.0

    def fill(self, bucket: str, seed: Seed | None) -> None:
        self._ask("wipe", bucket=bucket)
        if seed is not None:
            rules = {name: _rule_text(rule) for name, rule in (("absent", seed.absent), ("changed", seed.changed))}
            self._ask(
                "seed",
                bucket=bucket,
                n=seed.objects,
                size=OBJECT_BYTES,
                format=KEY_FORMAT,
                modified_ms=seed.modified_ms,
                **rules,
            )

    def compare(self, a: str, b: str) -> Comparison:
        return Comparison(**self._ask("compare", a=a, b=b))

    def set_latency(self, *, request_ms: int, list_ms: int) -> None:
        self._ask("set", **{"latency": f"{request_ms}ms", "list-latency": f"{list_ms}ms"})

    def reset(self) -> None:
        self._ask("reset")
        self._cpu_s = self._ask("stats")["cpu_s"]

    def stats(self) -> Stats:
        found = self._ask("stats")
        return Stats(found["requests"], found["first_unix_s"], found["cpu_s"] - self._cpu_s)

    def set_storm(self, storm: Storm) -> None:
        """Let a storm come, counted from the first request after the next reset."""
        times = {"storm-after": f"{storm.begins_s}s", "storm-for": f"{storm.lasts_s}s"}
        self._ask("set", **{"storm-share": storm.share, **times})

    def rates(self) -> Rates:
        return Rates(**self._ask("rates"))

    def _ask(self, name: str, **values: object) -> dict[str, Any]:
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=_ADMIN_TIMEOUT_S)
        try:
            connection.request("GET", f"/_{name}?{urlencode(values)}")
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise StoreUnusable(f"the server refused {name}: {answer.decode(errors='replace')[:200]}")
        found: dict[str, Any] = json.loads(answer)
        return found


def _rule_text(rule: Rule | None) -> str:
    return "" if rule is None else f"{rule.modulus}:{rule.remainder}"


@contextmanager
def opened_store(endpoint: str | None, *, folder: Path) -> Iterator[Store]:
    """Give the store at an endpoint, or a server that is built in `folder` and ends with the block.

    Raises StoreUnusable: no Go, no answer, or an endpoint that is not on this machine.
    """
    if endpoint is not None:
        yield _store_at(endpoint)
        return
    with opened_server(folder) as server:
        yield server


@contextmanager
def opened_server(folder: Path) -> Iterator[OwnServer]:
    """Build our server in `folder` and give it; it ends with the block. Raises StoreUnusable: no Go, no start."""
    server = subprocess.Popen(
        [str(built_server(folder)), "-until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if server.stdout is None or not (address := server.stdout.readline().strip()):
            raise StoreUnusable("the server of benchmarks/server did not start")
        yield OwnServer(address)
    finally:
        server.terminate()
        server.wait()


def built_server(folder: Path) -> Path:
    """Return our server, built in `folder`. Raises StoreUnusable: no Go, or it cannot be built with this one."""
    go = shutil.which("go")
    if go is None:
        raise StoreUnusable(
            "the benchmark's server is written in Go, and there is no `go` on PATH: install Go 1.19 or newer "
            "(Debian and Ubuntu: apt install golang-go; macOS: brew install go; others: https://go.dev/dl/), "
            "or name a store of your own with --endpoint"
        )
    binary = folder / "s3-server"
    built = subprocess.run(
        [go, "build", "-o", str(binary), "."], cwd=_SERVER_SOURCE, capture_output=True, text=True, check=False
    )
    if built.returncode:
        raise StoreUnusable(f"benchmarks/server cannot be built with {go}: {built.stderr.strip()}")
    return binary


def _store_at(endpoint: str) -> Store:
    host = urlsplit(endpoint).hostname or ""
    if not _is_loopback(host):
        raise StoreUnusable(
            f"{endpoint} is not on this machine: the benchmark empties its buckets, and times over a network "
            "measure the network"
        )
    own = OwnServer(endpoint)
    try:
        own.reset()
    except OSError as error:
        raise StoreUnusable(f"{endpoint} does not answer: {error}") from error
    except (StoreUnusable, ValueError, KeyError):
        return ForeignStore(endpoint)
    return own


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
