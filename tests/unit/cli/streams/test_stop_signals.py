from __future__ import annotations

import os
import signal

import pytest
from s3plan.cli.streams.signals import Stopped, StopSignals, ending_at_once
from s3plan.schemas.errors import ExitCode
from s3plan.schemas.run_states import StopLevel


def _send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("first", "exit_code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)
def test_the_first_signal_drains_the_second_abandons(first: signal.Signals, exit_code: ExitCode) -> None:
    before = signal.getsignal(signal.SIGINT)
    announced: list[StopLevel] = []
    with StopSignals(announced.append) as signals:
        assert signals.level() is StopLevel.NONE
        _send(first)
        assert [signals.level(), signals.level()] == [StopLevel.DRAIN, StopLevel.DRAIN]
        _send(signal.SIGINT)
        assert signals.level() is StopLevel.ABANDON
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # a third one kills
    assert announced == [StopLevel.DRAIN, StopLevel.ABANDON]
    assert signals.exit_code is exit_code
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_is_announced_inside_the_handler() -> None:
    announced: list[StopLevel] = []
    with StopSignals(announced.append):
        _send(signal.SIGTERM)
    assert announced == []


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)
def test_a_signal_ends_planning_at_once(number: signal.Signals, exit_code: ExitCode) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as caught, ending_at_once():
        _send(number)
    assert caught.value.exit_code is exit_code
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals(lambda _: None) as signals:
            _send(signal.SIGINT)
            assert signals.level() is StopLevel.NONE
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("level", [1, 2])
def test_under_nohup_no_number_of_other_signals_makes_the_end_of_the_terminal_count(level: int) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals(lambda _: None) as signals:
            for _ in range(level):
                _send(signal.SIGTERM)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            _send(signal.SIGHUP)
            assert signals.level() is {1: StopLevel.DRAIN, 2: StopLevel.ABANDON}[level]
        with pytest.raises(Stopped), ending_at_once():
            _send(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
