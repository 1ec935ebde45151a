"""A workplace between two servers: its bucket `source` is at another endpoint, each side has its own credentials.

What names a bucket goes to the server that has it, so that whatever is said of copies can be said of relays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fakes.later_second import NO_WAIT_S, PLACE
from fakes.manifests import write_manifest
from fakes.s3server import ServerProcess
from fakes.workplace import Server, ServerT, Workplace, WorkplaceOn

SOURCE, ORIGIN, STORE = "source", "origin", "store"


@dataclass(frozen=True, slots=True)
class BothClients:
    """The boto3 client of the server that has the bucket; every call must name one."""

    at_source: Any
    elsewhere: Any

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*, Bucket: str, **what: Any) -> Any:  # noqa: N803  boto3's name
            client = self.at_source if Bucket == SOURCE else self.elsewhere
            return getattr(client, operation)(Bucket=Bucket, **what)

        return call

    def get_paginator(self, operation: str) -> _BothPaginators:
        return _BothPaginators(self, operation)

    def close(self) -> None:
        self.at_source.close()
        self.elsewhere.close()


@dataclass(frozen=True, slots=True)
class _BothPaginators:
    clients: BothClients
    operation: str

    def paginate(self, *, Bucket: str, **what: Any) -> Any:  # noqa: N803  boto3's name
        client = self.clients.at_source if Bucket == SOURCE else self.clients.elsewhere
        return client.get_paginator(self.operation).paginate(Bucket=Bucket, **what)


@dataclass
class RelayPlaceOn(WorkplaceOn[ServerT]):
    """`origin` is the server of the bucket `source`, `server` that of all others.

    The connection `origin` has the profile `origin`, the connection `store` the profile `store`.
    """

    origin: ServerT = field(kw_only=True)
    rows: Mapping[str, str] = field(init=False, default_factory=dict)  # of the table of stores, by the connection
    _endpoints: Mapping[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.s3 = BothClients(self.origin.client(), self.s3)
        others = {name: value for name, value in self.command.variables.items() if "ACCESS_KEY" not in name}
        others |= {"AWS_SHARED_CREDENTIALS_FILE": str(self.credentials)}
        self.command = replace(self.command, variables=others)
        self.log_in()

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials"

    def log_in(self, **others: tuple[str, str]) -> None:
        """Write the file of credentials: those that the servers know, or `others` by the name of the connection."""
        known = {name: _keys(server) for name, server in ((ORIGIN, self.origin), (STORE, self.server))}
        self.credentials.write_text(
            "".join(
                f"[{name}]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
                for name, (key_id, secret) in (known | others).items()
            )
        )

    @contextmanager
    def reached_at(self, **endpoints: str) -> Iterator[None]:
        """Have the manifests that are written meanwhile name other endpoints, by the name of the connection."""
        self._endpoints = endpoints
        yield
        self._endpoints = {}

    def seed(self, bucket: str, *keys: str, **what: Any) -> None:
        """Put objects into a bucket, see `Server.seed`."""
        self._of(bucket).seed(bucket, **({"keys": list(keys)} if keys else {}), **what)

    def buckets(self, *names: str) -> None:
        """Make empty buckets."""
        for name in names or ("source", "destination"):
            self._of(name).seed(name, keys=[])

    def manifest(self, **sections: object) -> Path:
        """Write the manifest of a job between the two servers."""
        source = sections.pop("source", {})
        said: Mapping[str, object] = {"url": source} if isinstance(source, str) else dict(source)  # type: ignore[call-overload]
        connections = {
            name: {"endpoint": endpoint, "region": "us-east-1", "engine": self.engine, "profile": name}
            | ({"store": self.rows[name]} if name in self.rows else {})
            for name, endpoint in {ORIGIN: self.origin.endpoint, STORE: self.server.endpoint, **self._endpoints}.items()
        }
        whole = {"source": {"connection": ORIGIN, **said}, "connections": connections, **sections}
        return write_manifest(self.folder, endpoint=self.server.endpoint, **whole)  # type: ignore[arg-type]

    def _of(self, bucket: str) -> Server:
        return self.origin if bucket == SOURCE else self.server


def _keys(server: Server) -> tuple[str, str]:
    variables = server.environment()
    return variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]


@dataclass
class RelayPlace(RelayPlaceOn[ServerProcess], Workplace):
    """One between two of the fake S3 servers, which count what comes in."""

    origin: ServerProcess = field(kw_only=True)

    @property
    def both(self) -> tuple[ServerProcess, ServerProcess]:
        return self.origin, self.server


@pytest.fixture(scope="session")
def origin_server() -> Iterator[ServerProcess]:
    """A second server for the tests of a session."""
    with ServerProcess() as server:
        yield server


@pytest.fixture
def relay_place(
    server: ServerProcess, origin_server: ServerProcess, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RelayPlace]:
    """A workplace between the session's two servers."""
    origin_server.reset()
    workplace = RelayPlace(tmp_path, server, engine, origin=origin_server)
    monkeypatch.setattr(*PLACE, NO_WAIT_S)
    with workplace.at_work(monkeypatch):
        yield workplace
