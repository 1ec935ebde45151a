"""What `connections test --write` says of servers that are not of our making. A subclass gives the fixture `store`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from functional.server_journeys import OnServer, Place
from s3plan.schemas.plan.conditions import Condition, Enforcement

_BY_STORE = {Enforcement.ENFORCED, Enforcement.NOT_ATOMIC}


class ServerConnections(OnServer):
    CAPABILITIES: ClassVar[Mapping[Condition, Enforcement]]
    """What a probe must find."""

    LACKS: ClassVar[frozenset[str]] = frozenset()
    """What the server does not offer."""

    def test_a_connection_is_tried_truthfully_and_nothing_is_left(self, place: Place) -> None:
        place.seed("source", "a", "b")
        words = ("--endpoint", place.server.endpoint, "--region", "us-east-1")
        assert place.command.run("connections", "add", "store", *words).exit_code == 0
        tried = place.command.run("connections", "test", "store", "--bucket", "source", "--write", "--json")
        assert tried.exit_code == 0, tried.output
        report = json.loads(tried.stdout)
        answers = {trial["name"]: trial["answer"] for trial in report["trials"]}
        held = {f"hold {each}": "yes" if how in _BY_STORE else "no" for each, how in self.CAPABILITIES.items()}
        offered = {name: "no" if name in self.LACKS else "yes" for name in answers if name not in held}
        assert answers == {**offered, **held}, tried.stdout
        assert (report["objects"], report["counted_all"], report["left_behind"]) == (2, True, None)
        assert place.keys("source") == {"a", "b"}
        assert place.s3.list_multipart_uploads(Bucket="source").get("Uploads", []) == []
