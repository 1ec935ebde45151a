"""A store, or what stands before it, that answers twice: no copy counts as done that never reached the store."""

from __future__ import annotations

import socket

import pytest
from fakes.doubling_front import doubling_front
from fakes.manifests import write_manifest
from fakes.workplace import BY_BOTH_ENGINES, Workplace, counted

COPIES = 40


@BY_BOTH_ENGINES
@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="two records cannot be put into one segment here")
def test_an_answer_that_was_given_twice_is_not_that_to_the_next_copy(place: Workplace) -> None:
    place.seed("source", count=COPIES, size_bytes=10)
    place.buckets("destination")
    port = int(place.server.endpoint.rpartition(":")[2])
    with doubling_front(port, place.folder) as front:
        connection = {
            "endpoint": front.endpoint,
            "region": "us-east-1",
            "engine": place.engine,
            "ca_bundle": str(front.bundle),
        }
        write_manifest(
            place.folder, endpoint=front.endpoint, connections={"store": connection}, run={"in_flight": 4, "workers": 1}
        )
        place.plan(probe=True)
        report = place.apply()
        assert (report.state, report.exit_code, counted(report)) == ("completed", 0, {"done": COPIES})
    place.assert_same_content()
    assert front.kept == 0
