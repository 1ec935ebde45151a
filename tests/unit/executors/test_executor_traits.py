"""What an executor says of itself, and what it cannot say."""

from __future__ import annotations

import pytest
from s3plan.executors.executor_traits import ExecutorTraits


def test_a_cluster_is_where_the_user_says_or_else_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    traits = ExecutorTraits(cluster_variable="GRID_ADDRESS")
    monkeypatch.delenv("GRID_ADDRESS", raising=False)
    assert traits.cluster_address(None) is None
    monkeypatch.setenv("GRID_ADDRESS", "tcp://there:1")
    assert traits.cluster_address(None) == "tcp://there:1"
    assert traits.cluster_address("tcp://here:1") == "tcp://here:1"
    assert ExecutorTraits().cluster_address(None) is None


def test_what_shares_memory_with_the_apply_has_no_processes_of_its_own() -> None:
    with pytest.raises(ValueError, match="share memory"):
        ExecutorTraits(shares_memory=True, has_processes=True)
