"""`import s3plan`: the verbs for programs, with typed events, from any thread."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import is_dataclass
from datetime import timedelta
from typing import get_args

import pytest
import s3plan
from fakes.workplace import MIRROR, Workplace, counted
from s3plan.schemas.errors import GuardRefused, ManifestInvalid, NotApproved, PlanRefused, S3PlanError
from s3plan.schemas.events import (
    ActionEnded,
    Advanced,
    Event,
    Listed,
    PlanSaved,
    RunEnded,
    RunStarted,
)


class ListenerBroke(Exception):
    """The caller's own fault."""


def test_plan_and_apply_tell_typed_events_in_order(place: Workplace) -> None:
    place.seed("source", *(f"object-{number}" for number in range(8)), size_bytes=10)
    place.buckets("destination")
    path = place.manifest()
    events: list[Event] = []
    made = s3plan.plan(path, on_event=events.append)
    assert made.path == place.plan_file
    assert made.header.actions == 8
    assert [event for event in events if isinstance(event, PlanSaved)] == [
        PlanSaved(str(place.plan_file), made.digest, 8, blocked=False)
    ]
    place.seed("source", "object-3", body="changed since")
    events.clear()
    report = s3plan.apply(made.path, expect=made.digest, on_event=events.append)
    assert all(isinstance(event, get_args(Event)) and is_dataclass(event) for event in events)
    assert not any(isinstance(event, Listed) for event in events)
    started, ended = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert (started.run, started.plan_digest, started.actions, started.resumed) == (1, made.digest, 8, False)
    assert isinstance(ended, RunEnded)
    assert (ended.state, ended.exit_code, ended.counts) == ("partial", 3, {"done": 7, "stale": 1})
    (told,) = [event for event in events if isinstance(event, ActionEnded)]
    assert (told.key, told.outcome.value) == (b"object-3", "stale")
    last = [event for event in events if isinstance(event, Advanced)][-1]
    assert (last.settled, last.actions) == (8, 8)
    assert (report.exit_code, counted(report)) == (3, {"done": 7, "stale": 1})


def test_from_a_thread_and_several_at_once(place: Workplace) -> None:
    place.seed("source", count=200, size_bytes=10)
    place.buckets(*(f"destination-{number}" for number in range(3)))
    made = []
    for number in range(3):
        path = place.manifest(destination=f"s3://destination-{number}/")
        made.append(s3plan.plan(path, output=place.folder / f"plan-{number}.s3plan"))
    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(lambda plan: s3plan.apply(plan.path, expect=plan.digest), made))
    assert [report.exit_code for report in reports] == [0, 0, 0]
    for number in range(3):
        assert place.keys(f"destination-{number}") == place.keys("source")


def test_errors_are_one_family_with_exit_codes(place: Workplace) -> None:
    place.seed("destination", "old", size_bytes=10)
    place.buckets("source")
    path = place.manifest(**MIRROR)
    made = s3plan.plan(path, expires_after=timedelta(hours=1))
    assert made.header.is_blocked
    with pytest.raises(GuardRefused) as caught:
        s3plan.apply(made.path)
    assert int(caught.value.exit_code) == 5
    released = s3plan.plan(path, allow={"max_delete": 1, "refuse_empty_source": 1})
    with pytest.raises(NotApproved):
        s3plan.apply(released.path, expect=made.digest)
    path.write_text("version: 1\n")
    with pytest.raises(ManifestInvalid):
        s3plan.plan(path)
    with pytest.raises(PlanRefused):
        s3plan.apply(place.folder / "absent.s3plan")
    assert issubclass(PlanRefused, s3plan.S3PlanError)
    assert s3plan.S3PlanError is S3PlanError


def test_what_a_listener_raises_ends_the_run_and_it_can_be_gone_on_with(place: Workplace) -> None:
    place.seed("source", count=50, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()

    def listen(event: Event) -> None:
        if isinstance(event, Advanced):
            raise ListenerBroke

    with pytest.raises(ListenerBroke):
        place.apply(on_event=listen)
    assert place.apply().exit_code == 0
    assert set(place.writes().values()) == {1}


def test_importing_the_library_is_cheap_and_every_name_is_there() -> None:
    code = (
        "import sys, s3plan; assert not {'boto3', 'botocore', 'pydantic', 'networkx'} & set(sys.modules);"
        "print(*[getattr(s3plan, name) is not None for name in s3plan.__all__])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert set(said.split()) == {"True"}
