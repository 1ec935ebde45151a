"""The SDK's data is read once, and for each place that it may come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session


def loader_of(settings: ConnectionSettings) -> Any:
    return open_session(settings).get_component("data_loader")


def test_all_sessions_of_a_process_read_it_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    first = loader_of(ConnectionSettings(name="one", region="us-east-1"))
    assert loader_of(ConnectionSettings(name="two", region="eu-west-1")) is first
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    other = loader_of(ConnectionSettings(name="one", region="us-east-1"))
    assert other is not first
    assert str(tmp_path) in other.search_paths
