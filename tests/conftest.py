"""What holds for every test: the fixtures of the fakes, and nothing of the user's own settings."""

from __future__ import annotations

import gc
import os
import signal
from hashlib import sha256
from types import FrameType

import pytest
from fakes.s3fixtures import s3_server, server
from fakes.torture import TORTURE_VARIABLE, left_out
from hypothesis import HealthCheck, settings

__all__ = ["s3_server", "server"]

# A busy machine is no failure. What hypothesis chooses for CI stays as it is.
settings.register_profile("s3plan", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("s3plan")


def pytest_configure() -> None:
    """Take away what would let a test reach the user's accounts, pass through a proxy, or start deaf to signals."""
    _keep_ignored_signals_to_ourselves()
    for name in list(os.environ):
        if name.startswith(("AWS_", "S3PLAN_")) and name != TORTURE_VARIABLE:
            del os.environ[name]
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    loopback = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    os.environ |= nowhere | {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": loopback, "no_proxy": loopback}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the long version what is its own; who names a test by `::` gets all of it."""
    if any("::" in argument for argument in config.args):
        return
    out = left_out(items)
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of what the garbage collector walks over in each of them."""
    gc.collect()
    gc.freeze()


def _keep_ignored_signals_to_ourselves() -> None:
    """Ignore by a handler what nohup, or a shell that started us in its background, had us ignore.

    An ignored signal is inherited by every program that a test starts, a handled one is not. What pytest-xdist has
    started hears the end of the terminal from the process that started it.
    """
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN or (is_worker and number == signal.SIGHUP):
            signal.signal(number, _do_nothing)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    return


@pytest.fixture(autouse=True)
def _own_cache(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give each test a cache folder: what a probe found is kept by endpoint and bucket, and tests share both.

    And a config folder, so that no test reads the connections of whoever runs it.
    """
    name = sha256(request.node.nodeid.encode()).hexdigest()[:16]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "caches" / name))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "configs" / name))
