"""Connections keep within what a process may have open, and leave files for everything else."""

from __future__ import annotations

import os
import resource
import socket

import pytest
from fakes.few_files import few_connections, few_files
from fakes.raw_store import ask, bodies, broken, loop, polite, store
from s3plan.app.runs.executors.own_process import many_open_files
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.open_files import (
    leaves_room,
    most_open_files,
    open_socket,
    raise_most_open_files,
    room_for_connections,
)

CONNECTIONS = 8  # the other side of each is in this process, too


def test_requests_are_answered_by_fewer_connections_where_few_files_may_be_open() -> None:
    with store(polite) as server, loop(most=100) as sender:
        with few_connections(CONNECTIONS):
            assert bodies(ask(sender, server.place, times=400)) == [b"ok"] * 400
            with open(os.devnull, "rb"):  # noqa: PTH123  the journal could be opened
                pass
        assert 1 <= server.connections <= CONNECTIONS


def test_without_room_for_any_connection_requests_end_unsent_and_others_go_when_there_is_some() -> None:
    with store(polite) as server, loop(connect_timeout_s=0.2) as sender:
        with few_files(4):
            for end in ask(sender, server.place, times=3):
                assert (broken(end).kind, broken(end).code) == (FailureKind.UNREACHABLE, "TooManyOpenFiles")
        assert bodies(ask(sender, server.place, times=3)) == [b"ok"] * 3


def test_idle_connections_to_one_store_make_room_for_those_to_another() -> None:
    with store(polite) as first, store(polite) as second, loop(most=100) as sender:
        with few_connections(CONNECTIONS):
            assert bodies(ask(sender, first.place, times=200)) == [b"ok"] * 200
            assert bodies(ask(sender, second.place, times=200)) == [b"ok"] * 200
        assert second.connections >= 1


def test_idle_connections_of_one_loop_make_room_for_another_loop() -> None:
    with (
        store(polite) as server,
        loop(most=100) as first,
        loop(most=100) as second,
        few_connections(CONNECTIONS),
    ):
        assert bodies(ask(first, server.place, times=200)) == [b"ok"] * 200
        assert bodies(ask(second, server.place, times=10)) == [b"ok"] * 10


@pytest.mark.parametrize("most", [64, 256, 1024, 4096, 10240])
def test_some_files_are_kept_back_from_connections_and_most_are_not(most: int) -> None:
    room = room_for_connections(most, open_now=16)
    assert room is not None
    assert 16 <= most - 16 - room <= 64
    assert room >= most // 4


def test_where_any_number_may_be_open_there_is_no_limit_to_connections() -> None:
    assert room_for_connections(None) is None


def test_open_files_are_counted() -> None:
    before = room_for_connections(1000)
    with socket.socket(), socket.socket():
        during = room_for_connections(1000)
    assert before is not None
    assert during is not None
    assert before - during == 2


def test_a_socket_that_would_take_what_is_kept_back_is_not_kept() -> None:
    with few_files(8), pytest.raises(OSError, match="open files"):
        open_socket(socket.AF_INET)
    with few_connections(CONNECTIONS), open_socket(socket.AF_INET) as opened:
        assert leaves_room(opened.fileno())


def test_a_process_of_ours_may_open_more_files_until_its_end_and_no_more_than_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        with many_open_files():
            raised = most_open_files()
            assert raised is not None
            assert raised > 200
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raised, hard)
            assert raise_most_open_files() is None
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
