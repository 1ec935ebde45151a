"""The serial executor keeps the contract; it has one thread, so nothing can interrupt a batch that hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from s3plan.executors.contract import ExecutorContract
from s3plan.executors.executor_context import ExecutorContext
from s3plan.executors.local.serial import TRAITS, SerialExecutor
from s3plan.schemas.ports import Executor


class TestSerialExecutor(ExecutorContract):
    traits = TRAITS
    interrupts_waits = False

    @contextmanager
    def open(self, context: ExecutorContext) -> Iterator[Executor]:
        yield SerialExecutor(context.performer, context.control)
