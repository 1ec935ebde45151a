"""Blocking work on a few threads, its results as those of any executor, which holds nobody up once it is given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import ParamSpec, TypeVar

from s3plan.storage.request_threads import RequestThreads

Given = ParamSpec("Given")
Result = TypeVar("Result")


class DaemonExecutor(Executor):
    """At most `limit` daemon threads; see RequestThreads. Leaving its `with` waits for nothing: work under way goes on.

    What is submitted after that raises RuntimeError.
    """

    def __init__(self, limit: int, *, name: str) -> None:
        self._threads = RequestThreads(limit, name=name, on_end=lambda: None)

    def submit(self, work: Callable[Given, Result], /, *given: Given.args, **named: Given.kwargs) -> Future[Result]:
        """Run it on one of the threads."""
        future: Future[Result] = Future()

        def perform() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = work(*given, **named)
            except BaseException as error:  # noqa: BLE001  raised again where the result is wanted
                future.set_exception(error)
            else:
                future.set_result(result)

        self._threads.submit(perform)
        return future

    def close(self) -> None:
        """Take no more work; what was taken goes on."""
        self._threads.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
