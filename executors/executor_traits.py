"""What an executor is, by its own word: an apply decides by that, and never by its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum


class ClusterUse(StrEnum):
    """What an executor makes of a cluster's address."""

    NONE = "none"  # it knows no cluster: to name one is a mistake
    OPTIONAL = "optional"
    NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class ExecutorTraits:
    """What an executor says of itself. Without a word it is an executor of which nothing is known.

    `shares_memory`: batches are performed in the process of the apply, by its performer and under its control. So that
    process keeps to a core, and has as many files open as the requests under way need.

    `has_processes`: each worker is a process with engines and a control of its own, which follows the store's latency
    where it runs; it is given more than one batch at a time. Without a cluster's address these processes are started
    for the run and do nothing else.

    `cluster` says what a cluster's address is to it; `cluster_variable` is the environment variable that names one
    where the user names none. `most_workers`: more would be of no use to it.
    """

    shares_memory: bool = False
    has_processes: bool = False
    cluster: ClusterUse = ClusterUse.OPTIONAL
    cluster_variable: str | None = None
    most_workers: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be."""
        if self.shares_memory and self.has_processes:
            raise ValueError("an executor whose batches share memory with the apply has no processes for them")

    def cluster_address(self, given: str | None) -> str | None:
        """Return where the cluster is: as the user gave it, else by the environment; None: nobody names one."""
        variable = self.cluster_variable
        return given or (None if variable is None else os.environ.get(variable)) or None
