"""Worker processes that are killed, a parent that is killed, Ctrl-C: the end state of an undisturbed run."""

from __future__ import annotations

from crash.worker_deaths_contract import WorkerDeathsContract


class TestWorkerProcesses(WorkerDeathsContract):
    executor = "processes"
    obituary = "its process was killed by SIGKILL"
