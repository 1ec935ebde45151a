"""Credentials that live for minutes only are asked for seldom; where no more come, the run ends with 10 and goes on."""

from __future__ import annotations

import time

import pytest
from fakes.command import Command
from fakes.credential_program import CredentialProgram
from fakes.s3server import Fault, FaultKind
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.workplace import BY_BOTH_ENGINES, Workplace

COPIES = 200
EIGHT_MINUTES_S = 480  # in botocore's last ten minutes, where it renews at every request and may not fail


@pytest.fixture
def program(place: Workplace) -> CredentialProgram:
    return CredentialProgram(place.folder / "credentials", ACCESS_KEY_ID, SECRET_ACCESS_KEY, EIGHT_MINUTES_S)


@pytest.fixture
def command(place: Workplace, program: CredentialProgram) -> Command:
    """One that has its credentials from the program."""
    others = {name: value for name, value in place.command.variables.items() if "ACCESS_KEY" not in name}
    return Command(place.folder, others | dict(program.variables()))


def ready(place: Workplace) -> None:
    place.seed("source", count=COPIES, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"in_flight": 4})
    place.plan(probe=True)


@BY_BOTH_ENGINES
def test_credentials_of_eight_minutes_are_not_asked_for_at_every_request(
    place: Workplace, command: Command, program: CredentialProgram
) -> None:
    ready(place)
    ended = command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    assert program.times_asked < 10
    place.assert_all_done_once()


@BY_BOTH_ENGINES
def test_a_renewal_that_fails_fails_nothing_while_the_credentials_work(
    place: Workplace, command: Command, program: CredentialProgram
) -> None:
    ready(place)
    place.server.set_mode(latency_s=0.03)
    with command.start("apply", place.plan_file, "--yes") as started:
        place.wait_for_copies(started, copies=20)
        program.break_()
        ended = started.wait()
    assert ended.exit_code == 0, ended.output
    place.assert_all_done_once()


@BY_BOTH_ENGINES
def test_credentials_that_end_and_cannot_be_renewed_end_the_run_with_10_and_it_goes_on_with_others(
    place: Workplace, command: Command, program: CredentialProgram
) -> None:
    ready(place)
    place.server.set_mode(latency_s=0.03)
    with command.start("apply", place.plan_file, "--yes", "--json") as started:
        place.wait_for_copies(started, copies=20)
        program.break_()
        place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation="CopyObject", times=None)])
        ended = started.wait()
    assert ended.exit_code == 10, ended.output
    assert ended.event("run-ended")["counts"].get("failed", 0) == 0
    place.server.clear_faults()
    program.mend()
    time.sleep(0.1)
    again = command.run("apply", place.plan_file, "--yes")
    assert again.exit_code == 0, again.output
    place.assert_all_done_once()


@BY_BOTH_ENGINES
def test_where_there_are_no_credentials_at_all_apply_exits_with_10_and_changes_nothing(
    place: Workplace, command: Command, program: CredentialProgram
) -> None:
    ready(place)
    program.break_()
    ended = command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 10, ended.output
    assert place.keys("destination") == set()
