"""What apply finds out of its store before the first change, on stores that stumble and on such as have changed."""

from __future__ import annotations

from typing import Any

from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, Workplace

pytestmark = BY_BOTH_ENGINES


def test_a_store_that_throttles_and_breaks_off_is_probed_to_the_end(place: Workplace) -> None:
    place.seed("source", count=20, size_bytes=100)
    place.buckets("destination")
    place.manifest()
    place.plan()
    of_probe: dict[str, Any] = {"prefix": ".s3plan-probe-", "times": None}
    place.server.faults(
        [
            Fault(kind=FaultKind.SLOW_DOWN, share=0.04, seed=3, **of_probe),
            Fault(kind=FaultKind.RESET, share=0.02, seed=4, **of_probe),
            Fault(kind=FaultKind.RESET, share=0.02, seed=5, after_commit=True, **of_probe),
        ]
    )
    ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    place.server.faults([])
    place.assert_same_content()
