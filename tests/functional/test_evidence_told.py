"""An action that counts as done by size and time alone is told of wherever its run is."""

from __future__ import annotations

from fakes.faulty_engine import Fault
from fakes.memory_world import SOURCE, Stored, memory_world, without_checksums
from s3plan.app.runs.status import iter_failures, read_status
from s3plan.schemas.events import Event, RunEnded
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.requests.objects import CopyObject

KMS = {"url": "s3://right/out/", "encryption": {"type": "aws:kms"}}


def test_report_status_and_failures_name_the_evidence() -> None:
    ended: list[RunEnded] = []
    with memory_world() as world:
        world.put(SOURCE, {"a": Stored(b"ours"), "b": Stored(b"ours")})
        world.manifest(destination=KMS)
        world.plan()
        world.engine.answer = without_checksums
        world.engine.fail(Fault.LOST, operation=CopyObject)

        def note(event: Event) -> None:
            if isinstance(event, RunEnded):
                ended.append(event)

        report = world.apply(on_event=note)
        assert report.exit_code == 0
        status = read_status(world.plan_file)
        for told in (report.evidence, status.evidence, ended[0].evidence):
            assert told == {"by size and time": 1}
        (line,) = iter_failures(world.plan_file)
        assert (line.outcome, line.evidence) == (OutcomeKind.ALREADY_DONE, "by size and time")
