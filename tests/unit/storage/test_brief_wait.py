"""Quick work is waited for, slow work is not, and all of it is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from s3plan.storage.brief_wait import BriefWait
from s3plan.storage.request_threads import RequestThreads


@pytest.fixture
def threads() -> Iterator[RequestThreads]:
    made = RequestThreads(3, name="test", on_end=lambda: None)
    yield made
    made.close()


def test_quick_work_is_done_in_order_by_one_thread_when_the_wait_ends(threads: RequestThreads) -> None:
    done: list[tuple[int, int]] = []
    wait = BriefWait(threads.submit, threads=3)
    wait.run([lambda number=number: done.append((number, threading.get_ident())) for number in range(50)])  # type: ignore[misc]
    assert [number for number, _ in done] == list(range(50))
    assert len({ident for _, ident in done}) == 1
    assert done[0][1] != threading.get_ident()


def test_slow_work_is_left_to_all_threads_and_the_next_is_not_waited_for(threads: RequestThreads) -> None:
    may_go_on = threading.Event()
    busy = threading.Barrier(4, timeout=20)  # three threads and this one: only if all have taken a piece
    ended = threading.Semaphore(0)

    def piece() -> None:
        busy.wait()
        may_go_on.wait(20)
        ended.release()

    wait = BriefWait(threads.submit, threads=3)
    wait.run([piece] * 3)
    busy.wait()
    wait.run([ended.release] * 2)  # all threads are still taken
    may_go_on.set()
    assert all(ended.acquire(timeout=20) for _ in range(5))


def test_nothing_to_do_is_not_waited_for() -> None:
    def submit(work: object) -> None:
        raise AssertionError("there is no work")

    BriefWait(submit, threads=1).run([])
