"""Stores that differ from AWS in one thing or another: the work is done, or the reason is said."""

from __future__ import annotations

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace

pytestmark = BY_BOTH_ENGINES

LARGE_RUN = {"run": {"multipart_threshold": "5MiB", "part_size": "5MiB"}}


def test_a_requester_pays_source_is_paid_for_though_only_its_own_connection_says_so(place: Workplace) -> None:
    place.seed("source", "small", size_bytes=10)
    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    place.server.set_mode(requester_pays=["source"])
    store = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": place.engine}
    place.manifest(
        **LARGE_RUN,
        source={"connection": "paying"},
        connections={"paying": {**store, "requester_pays": True}, "store": store},
    )
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 0, ended.output
    place.server.set_mode(requester_pays=[])
    place.assert_same_content()


@pytest.mark.parametrize("code", ["NoSuchTagSet", "MethodNotAllowed", "InvalidRequest"])
def test_a_large_object_of_a_store_that_tells_no_tags_is_copied_without(place: Workplace, code: str) -> None:
    place.seed("source", "large", size_bytes=6 * MIB)
    place.buckets("destination")
    place.manifest(**LARGE_RUN)
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.ERROR, code=code, operation="GetObjectTagging", times=None)])
    report = place.apply()
    assert (report.exit_code, place.keys("destination")) == (0, {"large"})
