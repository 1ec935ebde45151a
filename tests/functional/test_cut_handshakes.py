"""A store, or the balancer before it, that hangs up in the middle of handshakes: tried again, nothing fails of it."""

from __future__ import annotations

from itertools import count

from fakes.manifests import write_manifest
from fakes.tls_front import tls_front
from fakes.workplace import BY_BOTH_ENGINES, Workplace

COPIES = 60


@BY_BOTH_ENGINES
def test_handshakes_that_are_cut_off_fail_no_action(place: Workplace) -> None:
    place.seed("source", count=COPIES, size_bytes=10)
    place.buckets("destination")
    connections = count()
    port = int(place.server.endpoint.rpartition(":")[2])
    with tls_front(port, place.folder, hangs_up=lambda: next(connections) % 2 == 1) as (front, bundle):
        endpoint = f"https://127.0.0.1:{front}"
        connection = {"endpoint": endpoint, "region": "us-east-1", "engine": place.engine, "ca_bundle": str(bundle)}
        run = {"in_flight": 4, "workers": 1, "retries": {"initial": "10ms", "max": "50ms"}}
        write_manifest(place.folder, endpoint=endpoint, connections={"store": connection}, run=run)
        place.plan(probe=True)
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
    place.assert_same_content()
    assert next(connections) > 3
