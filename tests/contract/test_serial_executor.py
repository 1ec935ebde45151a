"""The serial executor keeps the contract; it has one thread, so nothing can interrupt a batch that hangs."""

from __future__ import annotations

from s3plan.executors.contract import ExecutorContract
from s3plan.executors.serial import SerialExecutor
from s3plan.schemas.ports import Control, Executor, Performer


class TestSerialExecutor(ExecutorContract):
    interrupts_waits = False

    def open_executor(self, performer: Performer, control: Control) -> Executor:
        return SerialExecutor(performer, control)
