"""A workplace whose source is on one server and whose destination on another: what is copied has to be relayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.later_second import NO_WAIT_S, PLACE
from fakes.s3server import ServerProcess
from fakes.workplace import Listed, Workplace

FROM, INTO = "from", "into"
"""The connections of the two."""


class TwoStores(Workplace):
    """The `source` bucket is on `server`, the `destination` bucket on `away`."""

    away: ServerProcess

    @property
    def there(self) -> Any:
        """A client of the destination's server."""
        return self.away.client()

    def buckets(self, *names: str) -> None:
        del names
        self.server.seed("source", keys=[])
        self.away.seed("destination", keys=[])

    def manifest(self, **sections: object) -> Path:
        """Write `job.yaml`; `source` and `destination` may add to what is said of them."""
        of_places: dict[str, object] = {}
        for side, name in (("source", FROM), ("destination", INTO)):
            said = sections.pop(side, {})
            assert isinstance(said, dict)
            of_places[side] = {"url": f"s3://{side}/", "connection": name, **said}
        connections = {
            name: {"endpoint": server.endpoint, "region": "us-east-1", "engine": self.engine}
            for name, server in ((FROM, self.server), (INTO, self.away))
        }
        job = {"version": 1, "name": "job", **of_places, "connections": connections, **sections}
        path = self.folder / "job.yaml"
        path.write_text(json.dumps(job, indent=2))
        return path

    def listed(self, bucket: str, prefix: str = "") -> dict[str, Listed]:
        """What boto3 lists, at the server that has the bucket."""
        here, self.s3 = self.s3, self._client_of(bucket)
        try:
            return super().listed(bucket, prefix)
        finally:
            self.s3 = here

    def body(self, bucket: str, key: str) -> bytes:
        return bytes(self._client_of(bucket).get_object(Bucket=bucket, Key=key)["Body"].read())

    def writes(self, bucket: str = "destination") -> dict[str, int]:
        return {key: count for key, count in self.away.writes(bucket).items() if ".s3plan-probe-" not in key}

    def _client_of(self, bucket: str) -> Any:
        return self.there if bucket == "destination" else self.s3


@pytest.fixture(scope="session")
def away_server() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server


@pytest.fixture
def both(
    server: ServerProcess, away_server: ServerProcess, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TwoStores]:
    """A workplace on the session's two servers."""
    away_server.reset()
    workplace = TwoStores(tmp_path, server, engine)
    workplace.away = away_server
    monkeypatch.setattr(*PLACE, NO_WAIT_S)
    with workplace.at_work(monkeypatch):
        yield workplace
