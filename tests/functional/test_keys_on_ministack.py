"""SSE-C on MiniStack, which holds to keys by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from functional.customer_key_journeys import CustomerKeyJourneys
from functional.server_journeys import OnServer
from servers.ministack import MiniStack
from servers.ready import ready


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ready(MiniStack(tmp_path_factory.mktemp("ministack"))) as server:
        yield server


class TestCustomerKeysOnMiniStack(CustomerKeyJourneys, OnServer):
    pass
